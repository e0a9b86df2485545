//! Closing positions.
use crate::hub::{Asked, Server, answer, done, no_answer, output, refused, run};
use connector_mt5::Mt5;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::platform_positions::exports::hub::connector::platform_positions::Guest;
use hub_plugin_sdk::bindings::types::{Context, Failure, Outcome, Reply};
use serde_json::{Value, json};

fn close(server: &mut Server, vendor: &mut dyn FnMut(&Asked) -> Reply) -> Result<Outcome, Failure> {
    let step = |ctx: Context, history| {
        let request = json!({"account": "mt5-live:50001", "reason": "breach"}).to_string();
        Exported::<Mt5>::close_positions(ctx, request, history)
    };
    run(server, step, vendor)
}

fn position(ticket: usize) -> Value {
    json!({"Position": ticket.to_string(), "Login": "50001", "Symbol": "EURUSD",
           "Action": (ticket % 2).to_string(), "Digits": "5", "PriceCurrent": "1.11850",
           "Volume": "100", "VolumeExt": "1000000"})
}

/// A platform that closes what it is asked to, unless `refusal` says why not.
struct Platform {
    open: Vec<usize>,
    refusal: Option<u32>,
    send: Option<fn() -> Reply>,
    nested: bool,
}

impl Platform {
    fn with(positions: usize) -> Self {
        Self { open: (1..=positions).collect(), refusal: None, send: None, nested: false }
    }
    fn answer(&mut self, asked: &Asked) -> Reply {
        match asked.path.as_str() {
            "/api/position/get_page" => done(self.open.iter().map(|t| position(*t)).collect()),
            "/api/dealer/send_request" => {
                if let Some(send) = self.send {
                    return send();
                }
                let body: Value = serde_json::from_str(&asked.body).unwrap();
                let ticket: usize = body["Position"].as_str().unwrap().parse().unwrap();
                if self.refusal.is_none() {
                    self.open.retain(|open| *open != ticket);
                }
                done(json!({"ID": (13_000 + ticket).to_string()}))
            }
            "/api/dealer/get_request_result" => {
                let code = self.refusal.unwrap_or(10009);
                let parts = json!([{"result": {"ID": "1", "Retcode": code.to_string()}},
                                   {"answer": {"ID": "1", "ResultRetcode": format!("{code} x")}}]);
                let by_id: serde_json::Map<_, _> =
                    asked.get("id").split(',').map(|id| (id.to_owned(), parts.clone())).collect();
                if self.nested {
                    return done(Value::Object(by_id));
                }
                let mut body = by_id;
                body.insert("retcode".to_owned(), json!("0 Done"));
                answer(200, &Value::Object(body))
            }
            other => panic!("{other}"),
        }
    }
}

fn on(platform: &mut Platform) -> (Result<Outcome, Failure>, Server) {
    let mut server = Server::default();
    (close(&mut server, &mut |asked| platform.answer(asked)), server)
}

#[test]
fn each_position_is_closed_by_its_opposite() {
    let (ended, server) = on(&mut Platform::with(2));
    assert_eq!(output(ended), json!({"closed": 2}));
    let sent: Vec<Value> = server
        .asked
        .iter()
        .filter(|asked| asked.path == "/api/dealer/send_request")
        .map(|asked| {
            assert!(asked.once);
            serde_json::from_str(&asked.body).unwrap()
        })
        .collect();
    // Position 1 is sold (Action 1) and is bought back (Type 0); position 2 the other way round.
    assert_eq!(
        sent[0],
        json!({"Action": "200", "Login": "50001", "Symbol": "EURUSD", "Volume": "100",
               "VolumeExt": "1000000", "TypeFill": "0", "Type": "0", "PriceOrder": "1.11850",
               "Digits": "5", "Position": "1", "Comment": "hub: close"})
    );
    assert_eq!((sent[1]["Type"].as_str(), sent[1]["Position"].as_str()), (Some("1"), Some("2")));
}

#[test]
fn closing_nothing_does_no_harm() {
    let (ended, server) = on(&mut Platform::with(0));
    assert_eq!(output(ended), json!({"closed": 0}));
    assert_eq!(server.paths(), ["/api/position/get_page"]);
}

#[test]
fn more_than_one_call_can_close_goes_on_in_the_next() {
    let mut platform = Platform::with(20);
    let mut calls = 0;
    let last = loop {
        calls += 1;
        match on(&mut platform).0 {
            Err(Failure::Transient(_)) => assert!(calls < 5),
            ended => break output(ended),
        }
    };
    assert_eq!((calls, last, platform.open.len()), (3, json!({"closed": 2}), 0));
}

#[test]
fn what_stays_open_says_why_and_is_asked_again() {
    for nested in [false, true] {
        let mut platform = Platform { refusal: Some(10018), nested, ..Platform::with(2) };
        let (ended, _) = on(&mut platform);
        let Err(Failure::Transient((why, Some(60_000)))) = ended else { panic!("{ended:?}") };
        assert!(why.contains("2 of 2") && why.contains("10018"), "{why}");
    }
    // Accepted, not executed yet.
    let mut platform = Platform { refusal: Some(10002), ..Platform::with(1) };
    let (ended, _) = on(&mut platform);
    assert!(matches!(ended, Err(Failure::Transient((_, Some(1_000))))), "{ended:?}");
}

#[test]
fn a_request_without_an_answer_is_never_repeated_in_the_same_call() {
    let mut platform = Platform { send: Some(no_answer), ..Platform::with(3) };
    let (ended, server) = on(&mut platform);
    assert!(matches!(ended, Err(Failure::Transient(_))), "{ended:?}");
    let sent = server.paths().iter().filter(|path| **path == "/api/dealer/send_request").count();
    assert_eq!(sent, 1);

    let mut platform =
        Platform { send: Some(|| refused("8 Not enough permissions")), ..Platform::with(3) };
    let (ended, _) = on(&mut platform);
    assert!(matches!(ended, Err(Failure::Unauthorised(_))), "{ended:?}");
}
