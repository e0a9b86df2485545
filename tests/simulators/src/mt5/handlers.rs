//! The Web API's calls: `/api/…`, by GET or POST alike, answered with `{"retcode": "0 Done", "answer": …}`.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Json, Router};
use serde_json::{Map, Value, json};

use super::auth::{NotLetIn, Session, password_key, proof};
use super::params::{Code, Params};
use super::world::{BalanceOperation, By, World};
use super::{Shared, retcode, wire};
use crate::Connection;

/// The build that the server says it has.
const VERSION: &str = "5836";

pub(super) fn router(shared: Shared) -> Router {
    Router::new().route("/api/{*path}", any(call)).with_state(shared)
}

/// What a call comes to.
enum Outcome {
    /// `answer` under `0 Done`.
    Answer(Value),
    /// More fields beside `0 Done`.
    Fields(Map<String, Value>),
    /// `0 Done` and no more.
    Done,
}

/// Why a call came to nothing.
enum Refusal {
    /// Status 200 and a return code: the call was understood.
    Code(Code),
    /// Status 403 and a return code: the caller is not let in.
    Forbidden(Code),
    /// Status 404: no such command.
    NoCommand,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::Code(code)
    }
}

async fn call(
    State(shared): State<Shared>,
    Extension(connection): Extension<Connection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method != Method::GET && method != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let command = uri.path().trim_start_matches("/api/");
    let operation = command.replace(['/', '_'], "-");
    let searched = format!("{method} {uri} {}", String::from_utf8_lossy(&body));
    let failed = |_: u16| refused(StatusCode::INTERNAL_SERVER_ERROR, 11);
    let act = |decline: Option<String>| {
        let decline = decline.map(|code| code.parse().unwrap_or(retcode::ERROR));
        let ran = connection.with_data(|data| {
            let session = data.get_or_insert_default::<Session>();
            let params = Params::read(uri.query().unwrap_or_default(), &body);
            shared.with_world(|world| run(world, session, command, params, decline))
        });
        match ran {
            Ok(outcome) => done(outcome),
            Err(Refusal::Code(code)) => refused(StatusCode::OK, code),
            Err(Refusal::Forbidden(code)) => refused(StatusCode::FORBIDDEN, code),
            Err(Refusal::NoCommand) => StatusCode::NOT_FOUND.into_response(),
        }
    };
    let mut response = shared.faults.around(&operation, &searched, &connection, failed, act).await;
    // The session is worth nothing on a connection that the client lets go.
    if headers.get(header::CONNECTION).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"close"))
    {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn run(
    world: &mut World,
    session: &mut Session,
    command: &str,
    params: Result<Params, Code>,
    decline: Option<Code>,
) -> Result<Outcome, Refusal> {
    match (command, decline) {
        ("auth/start" | "auth/answer", Some(code)) => {
            session.quit();
            return Err(Refusal::Forbidden(code));
        }
        ("auth/start", None) => return auth_start(world, session, &params?),
        ("auth/answer", None) => return auth_answer(world, session, &params?),
        _ => {}
    }
    let Some(manager) = session.manager(world.config.idle_max) else {
        world.refused_calls += 1;
        return Err(Refusal::Forbidden(retcode::PERMISSIONS));
    };
    if let Some(code) = decline {
        return Err(Refusal::Code(code));
    }
    let (params, keys) = (&params?, world.config.answer_keys);
    let answer = match command {
        "quit" => {
            session.quit();
            return Ok(Outcome::Done);
        }
        "test/access" => return Ok(Outcome::Done),
        "user/check_password" => {
            return Ok(world.check_password(params).map(|()| Outcome::Done)?);
        }
        "user/change_password" => {
            return Ok(world.change_password(params).map(|()| Outcome::Done)?);
        }
        "user/add" => return Ok(user_add(world, params)?),
        "dealer/get_request_result" => {
            let ids = params
                .numbers("id")?
                .unwrap_or_else(|| session.subscriptions.keys().copied().collect());
            return Ok(Outcome::Fields(world.request_results(session, &ids)));
        }
        "user/get" => wire::user(world.account(params.required_number("login")?)?),
        "user/update" => {
            let login = world.update_user(params)?;
            wire::user(world.account(login)?)
        }
        "user/get_batch" => world.users(params)?,
        "user/logins" => world.logins(params)?,
        "user/account/get" => world.trade_state(params)?,
        "user/account/get_batch" => world.trade_states(params)?,
        "group/get" => {
            wire::group(&world.group(params.required("group")?).map_err(|_| retcode::NOT_FOUND)?)
        }
        "trade/balance" => wire::single(keys, "Ticket", trade_balance(world, manager, params)?),
        "position/get_total" => wire::single(keys, "Total", world.position_total(params)?),
        "position/get_page" => world.position_page(params)?,
        "position/get_batch" => world.position_batch(params)?,
        "deal/get" => world.deal(params)?,
        "deal/get_total" => wire::single(keys, "Total", world.deal_total(params)?),
        "deal/get_page" => world.deal_page(params)?,
        "deal/get_batch" => world.deal_batch(params)?,
        "dealer/send_request" => {
            wire::single(keys, "ID", world.send_request(manager, session, params)?)
        }
        "time/get" => wire::time_settings(world.time.zone_state()),
        "time/server" => wire::server_time(world.time.now_ms()),
        _ => return Err(Refusal::NoCommand),
    };
    Ok(Outcome::Answer(answer))
}

fn auth_start(
    world: &mut World,
    session: &mut Session,
    params: &Params,
) -> Result<Outcome, Refusal> {
    params.required_number::<u32>("version")?;
    params.required("agent")?;
    let login = params.required_number("login")?;
    if params.required("type")? != "manager" {
        return Err(Refusal::Forbidden(retcode::AUTH_CLIENT));
    }
    let srv_rand: [u8; 16] = world.ids.bytes();
    session.challenge(login, srv_rand);
    let mut fields = Map::new();
    fields.insert("version_access".into(), json!(VERSION));
    fields.insert("version_trade".into(), json!(VERSION));
    fields.insert("srv_rand".into(), json!(hex::encode(srv_rand)));
    Ok(Outcome::Fields(fields))
}

fn auth_answer(
    world: &mut World,
    session: &mut Session,
    params: &Params,
) -> Result<Outcome, Refusal> {
    let cli_rand = hex::decode(params.required("cli_rand")?).map_err(|_| retcode::PARAMS)?;
    let manager = (world.config.manager_login, world.config.manager_password.as_str());
    session
        .answer(manager, world.config.auth_window, params.required("srv_rand_answer")?)
        .map_err(|why| {
            Refusal::Forbidden(match why {
                NotLetIn::Late => retcode::TIMEOUT,
                NotLetIn::NoChallenge => retcode::PERMISSIONS,
                NotLetIn::Wrong => retcode::AUTH_ACCOUNT,
            })
        })?;
    world.sessions_opened += 1;
    let mut fields = Map::new();
    fields.insert("cli_rand_answer".into(), json!(proof(password_key(manager.1), &cli_rand)));
    Ok(Outcome::Fields(fields))
}

fn user_add(world: &mut World, params: &Params) -> Result<Outcome, Code> {
    let login = world.add_user(params)?;
    let mut fields = Map::new();
    fields.insert("login".into(), json!(login.to_string()));
    fields.insert("answer".into(), wire::user(world.account(login)?));
    Ok(Outcome::Fields(fields))
}

fn trade_balance(world: &mut World, manager: u64, params: &Params) -> Result<u64, Code> {
    let operation = BalanceOperation {
        login: params.required_number("login")?,
        action: params.required_number("type")?,
        amount: params.required_decimal("balance")?,
        comment: params.get("comment").unwrap_or_default(),
        check_margin: params.number::<u8>("check_margin")?.unwrap_or(1) == 1,
    };
    world.balance(By::Manager(manager), &operation)
}

fn done(outcome: Outcome) -> Response {
    let mut body = Map::new();
    body.insert("retcode".into(), json!(retcode::wire(retcode::DONE)));
    match outcome {
        Outcome::Answer(answer) => {
            body.insert("answer".into(), answer);
        }
        Outcome::Fields(fields) => body.extend(fields),
        Outcome::Done => {}
    }
    Json(Value::Object(body)).into_response()
}

fn refused(status: StatusCode, code: Code) -> Response {
    (status, Json(json!({ "retcode": retcode::wire(code) }))).into_response()
}
