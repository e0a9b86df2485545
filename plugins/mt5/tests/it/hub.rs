//! What the hub does around a call: steps with their history, recipes, proofs. And the server's
//! side of a log-in.
use hub_plugin_sdk::bindings::types::{
    Algorithm, Context, Encoding, Failure, Op, Outcome, Part, Reply, Request, Response, Step,
};
use md5::{Digest, Md5};
use serde_json::{Value, json};

pub const PASSWORD: &str = "Password1";
/// 15 January 2025, 12:00 UTC.
pub const NOW_MS: i64 = 1_736_942_400_000;
/// The same moment on a server in UTC+2.
pub const SERVER_NOW_S: i64 = NOW_MS / 1000 + 7_200;
const STEPS_MAX: usize = 16;

pub fn settings() -> Value {
    json!({"api_base": "https://mt5.example.com", "manager_login": "1007",
           "groups": ["real\\*", "demo"]})
}

pub fn context(settings: &Value) -> Context {
    Context {
        connection: "mt5-live".to_owned(),
        settings: settings.to_string(),
        now_ms: NOW_MS,
        nonce: (0..16).collect(),
        live: true,
    }
}

pub fn evaluate(recipe: &[Op], password: &str) -> Vec<u8> {
    let mut stack: Vec<Vec<u8>> = Vec::new();
    for op in recipe {
        let next = match op {
            Op::Push(bytes) => bytes.clone(),
            Op::Secret(name) => {
                assert_eq!(name, "password");
                password.as_bytes().to_vec()
            }
            Op::Concat(n) => {
                let at = stack.len() - *n as usize;
                stack.split_off(at).concat()
            }
            Op::Utf16le => String::from_utf8(stack.pop().unwrap())
                .unwrap()
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
            Op::Hash(Algorithm::Md5) => Md5::digest(stack.pop().unwrap()).to_vec(),
            Op::Encode(Encoding::Hex) => hex::encode(stack.pop().unwrap()).into_bytes(),
            other => panic!("MetaTrader's recipes do not need {other:?}"),
        };
        stack.push(next);
    }
    assert_eq!(stack.len(), 1, "a recipe leaves one value");
    stack.pop().unwrap()
}

/// A request with its parts filled in: secrets as `{name}`.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: String,
    pub once: bool,
}

impl Asked {
    pub fn get(&self, name: &str) -> &str {
        self.query.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

fn filled(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            Part::Secret(secret) => format!("{{{}}}", secret.name),
            Part::Recipe(recipe) => String::from_utf8(evaluate(recipe, PASSWORD)).unwrap(),
        })
        .collect()
}

fn asked(request: &Request) -> Asked {
    assert_eq!(request.affinity.as_deref(), Some("manager"), "{request:?}");
    let url = filled(&request.url);
    let rest = url.strip_prefix("https://mt5.example.com").unwrap().to_owned();
    let (path, query) = rest.split_once('?').unwrap_or((&rest, ""));
    Asked {
        method: request.method.clone(),
        path: path.to_owned(),
        query: serde_urlencoded::from_str(query).unwrap(),
        body: filled(&request.body),
        once: request.unsafe_to_repeat,
    }
}

pub fn answer(status: u16, body: &Value) -> Reply {
    Reply::Response(Response { status, headers: Vec::new(), body: body.to_string().into_bytes() })
}

/// `"0 Done"` with this answer.
pub fn done(body: Value) -> Reply {
    answer(200, &json!({"retcode": "0 Done", "answer": body}))
}

pub fn refused(retcode: &str) -> Reply {
    answer(200, &json!({ "retcode": retcode }))
}

pub fn no_answer() -> Reply {
    Reply::NoAnswer("connection reset".to_owned())
}

/// The server's session, and what it was asked once somebody was logged in.
#[derive(Default)]
pub struct Server {
    pub logged_in: bool,
    pub log_ins: u32,
    pub asked: Vec<Asked>,
    /// What it answers to a wrong proof: its own proof is wrong if this is set.
    pub impostor: bool,
}

impl Server {
    pub fn logged_in() -> Self {
        Self { logged_in: true, ..Self::default() }
    }
    /// The paths that were asked, without the log-in.
    pub fn paths(&self) -> Vec<&str> {
        self.asked.iter().map(|asked| asked.path.as_str()).collect()
    }
    pub fn last(&self, path: &str) -> &Asked {
        self.asked.iter().rfind(|asked| asked.path == path).unwrap()
    }

    fn reply(&mut self, asked: Asked, vendor: &mut dyn FnMut(&Asked) -> Reply) -> Reply {
        const SRV_RAND: &str = "73007dc7184747ce0f7c98516ef1c851";
        match asked.path.as_str() {
            "/api/auth/start" => {
                assert_eq!((asked.get("login"), asked.get("type")), ("1007", "manager"));
                assert!(asked.get("version").parse::<u32>().unwrap() >= 484);
                answer(
                    200,
                    &json!({"retcode": "0 Done", "version_access": "1290",
                                    "srv_rand": SRV_RAND}),
                )
            }
            "/api/auth/answer" => {
                let proof = prove(&hex::decode(SRV_RAND).unwrap());
                if asked.get("srv_rand_answer") != proof {
                    return refused("1001 Invalid account");
                }
                self.logged_in = true;
                self.log_ins += 1;
                let mut ours = prove(&hex::decode(asked.get("cli_rand")).unwrap());
                if self.impostor {
                    ours = prove(b"another challenge");
                }
                answer(
                    200,
                    &json!({"retcode": "0 Done", "version_trade": "1290",
                                    "cli_rand_answer": ours}),
                )
            }
            _ if !self.logged_in => answer(403, &json!({"retcode": "8 Not enough permissions"})),
            _ => {
                let reply = vendor(&asked);
                self.asked.push(asked);
                reply
            }
        }
    }
}

/// `hex MD5( MD5( MD5(utf16le(password)) ‖ "WebAPI" ) ‖ random )`, written out.
fn prove(random: &[u8]) -> String {
    let wide: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut inner = Md5::digest(wide).to_vec();
    inner.extend_from_slice(b"WebAPI");
    let mut outer = Md5::digest(inner).to_vec();
    outer.extend_from_slice(random);
    hex::encode(Md5::digest(outer))
}

/// Runs a call to its end as the hub does.
pub fn run(
    server: &mut Server,
    step: impl Fn(Context, Vec<Reply>) -> Step,
    vendor: &mut dyn FnMut(&Asked) -> Reply,
) -> Result<Outcome, Failure> {
    run_with(server, &settings(), step, vendor)
}

pub fn run_with(
    server: &mut Server,
    settings: &Value,
    step: impl Fn(Context, Vec<Reply>) -> Step,
    vendor: &mut dyn FnMut(&Asked) -> Reply,
) -> Result<Outcome, Failure> {
    let mut history = Vec::new();
    loop {
        match step(context(settings), history.clone()) {
            Step::Done(outcome) => return Ok(outcome),
            Step::Fail(failure) => return Err(failure),
            Step::Send(request) => {
                assert!(history.len() < STEPS_MAX, "more than {STEPS_MAX} steps");
                let reply = server.reply(asked(&request), vendor);
                if let Reply::Response(response) = &reply {
                    for proof in &request.prove {
                        let at = proof.at.strip_prefix("json:").unwrap();
                        let body: Value = serde_json::from_slice(&response.body).unwrap();
                        let found = body.pointer(at).and_then(Value::as_str).unwrap_or_default();
                        if found.as_bytes() != evaluate(&proof.recipe, PASSWORD) {
                            return Err(Failure::Unauthorised("proof".to_owned()));
                        }
                    }
                }
                history.push(reply);
            }
        }
    }
}

/// The action's result.
pub fn output(done: Result<Outcome, Failure>) -> Value {
    serde_json::from_str(&done.unwrap().output.unwrap()).unwrap()
}
