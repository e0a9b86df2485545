//! The log-in, against MetaQuotes' vectors and a server that checks it.
use crate::hub::{Server, answer, context, done, evaluate, refused, run, settings};
use connector_mt5::Mt5;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::probe::exports::hub::connector::probe::Guest;
use hub_plugin_sdk::bindings::types::{Context, Failure, Part, Reply, Response, Step};
use serde_json::{Value, json};

fn probe(ctx: Context, history: Vec<Reply>) -> Step {
    Exported::<Mt5>::probe(ctx, history)
}

/// `tests/auth_vectors.json` is a copy of the project's `vendors/mt5/auth_vectors.json`; its first
/// row is printed in MetaQuotes' documentation.
#[test]
fn the_answer_to_the_challenge_is_that_of_the_vectors() {
    let file: Value = serde_json::from_str(include_str!("../auth_vectors.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(vectors.len() >= 2);
    for vector in vectors {
        let history = vec![
            answer(403, &json!({})),
            answer(200, &json!({"retcode": "0 Done", "srv_rand": vector["srv_rand"]})),
        ];
        let Step::Send(request) = probe(context(&settings()), history) else { panic!() };
        let recipe = request.url.iter().find_map(|part| match part {
            Part::Recipe(recipe) => Some(recipe),
            _ => None,
        });
        let password = vector["password"].as_str().unwrap();
        let found = String::from_utf8(evaluate(recipe.unwrap(), password)).unwrap();
        assert_eq!(found, vector["srv_rand_answer"].as_str().unwrap());
        assert_eq!(request.prove.len(), 1, "the server must prove itself too");
        assert_eq!(request.prove[0].at, "json:/cli_rand_answer");
    }
}

#[test]
fn a_call_logs_in_only_when_nobody_is() {
    let mut server = Server::default();
    run(&mut server, probe, &mut |_| refused("0 Done")).unwrap();
    assert_eq!((server.log_ins, server.paths()), (1, vec!["/api/test/access"]));
    run(&mut server, probe, &mut |_| refused("0 Done")).unwrap();
    assert_eq!(server.log_ins, 1, "the session is used again");
}

#[test]
fn a_server_that_cannot_prove_itself_gets_no_request() {
    let mut server = Server { impostor: true, ..Server::default() };
    let ended = run(&mut server, probe, &mut |_| panic!("it was asked"));
    assert!(matches!(ended, Err(Failure::Unauthorised(_))), "{ended:?}");
}

fn after_start(start: &Value) -> Step {
    probe(context(&settings()), vec![answer(403, &json!({})), answer(200, start)])
}

#[test]
fn what_is_wrong_with_a_log_in_is_said_by_class() {
    for srv_rand in ["", "00", "zz", &"00".repeat(17)] {
        let step = after_start(&json!({"retcode": "0 Done", "srv_rand": srv_rand}));
        assert!(matches!(step, Step::Fail(Failure::Transient(_))), "{srv_rand}: {step:?}");
    }
    let busy = after_start(&json!({"retcode": "1018 Server is busy"}));
    assert!(matches!(busy, Step::Fail(Failure::Transient((_, Some(_))))), "{busy:?}");
    let blocked = after_start(&json!({"retcode": "1012 IP address unallowed for manager"}));
    let Step::Fail(Failure::Unauthorised(why)) = blocked else { panic!("{blocked:?}") };
    assert!(why.contains("1012 IP address"), "{why}");

    let mut history = vec![
        answer(403, &json!({})),
        answer(200, &json!({"retcode": "0 Done", "srv_rand": "00".repeat(16)})),
        refused("1001 Invalid account"),
    ];
    let step = probe(context(&settings()), history.clone());
    assert!(matches!(step, Step::Fail(Failure::Unauthorised(_))), "{step:?}");
    // Logged in, and still refused: the manager's rights are missing. It does not try for ever.
    history[2] = answer(200, &json!({"retcode": "0 Done", "cli_rand_answer": "x"}));
    history.push(refused("8 Not enough permissions"));
    let step = probe(context(&settings()), history);
    assert!(matches!(step, Step::Fail(Failure::Unauthorised(_))), "{step:?}");
}

#[test]
fn an_answer_cut_anywhere_is_an_error_and_never_a_panic() {
    let Reply::Response(whole) = done(json!({"Time": "1736949600 2025.01.15 14:00:00"})) else {
        panic!()
    };
    for cut in 0..whole.body.len() {
        let body = whole.body[..cut].to_vec();
        let reply = Reply::Response(Response { status: 200, headers: Vec::new(), body });
        let step = probe(context(&settings()), vec![reply]);
        assert!(matches!(step, Step::Fail(Failure::Transient(_))), "{cut}: {step:?}");
    }
    for status in [429, 500, 502, 503] {
        let step = probe(context(&settings()), vec![answer(status, &json!("?"))]);
        assert!(matches!(step, Step::Fail(Failure::Transient(_))), "{status}: {step:?}");
    }
    let step = probe(context(&settings()), vec![answer(404, &json!("?"))]);
    assert!(matches!(step, Step::Fail(Failure::InvalidRequest(_))), "{step:?}");
}
