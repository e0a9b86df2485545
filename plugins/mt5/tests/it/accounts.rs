//! Opening, finding, disabling and moving accounts.
use crate::hub::{Asked, Server, answer, done, no_answer, output, refused, run};
use connector_mt5::Mt5;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::platform::exports::hub::connector::platform::Guest;
use hub_plugin_sdk::bindings::types::{Context, Failure, Outcome, Reply};
use serde_json::{Value, json};

const LONG: &str = "prov_0190b5c2-1111-7222-8333-aaaabbbbcccc";

fn new_account(provisioning: &str) -> Value {
    json!({"provisioning": provisioning, "client": "cl_1", "group": "real\\EU\\EUR STD",
           "currency": "EUR", "leverage": 30, "name": "Zoë & Co", "email": "z+1@example.com"})
}

fn create(
    server: &mut Server,
    vendor: &mut dyn FnMut(&Asked) -> Reply,
) -> Result<Outcome, Failure> {
    let step = |ctx: Context, history| {
        Exported::<Mt5>::create_account(ctx, new_account(LONG).to_string(), history)
    };
    run(server, step, vendor)
}

fn opening(reply: impl Fn() -> Reply) -> impl FnMut(&Asked) -> Reply {
    move |asked| match asked.path.as_str() {
        "/api/test/access" => refused("0 Done"),
        "/api/user/add" => reply(),
        other => panic!("{other}"),
    }
}

#[test]
fn an_account_is_opened_with_a_reference_and_without_a_password_in_the_url() {
    let mut server = Server::default();
    let opened =
        create(&mut server, &mut opening(|| done(json!({"Login": "954402", "Rights": "483"}))));
    assert_eq!(output(opened), json!({"login": "954402"}));
    let add = server.last("/api/user/add");
    assert_eq!((add.method.as_str(), add.once), ("POST", true));
    assert_eq!(add.get("group"), "real\\EU\\EUR STD");
    assert_eq!((add.get("name"), add.get("email")), ("Zoë & Co", "z+1@example.com"));
    assert_eq!(add.get("leverage"), "30");
    assert_eq!(add.get("comment").len(), 31);
    assert_eq!(
        serde_json::from_str::<Value>(&add.body).unwrap(),
        json!({"PassMain": "{password_main}", "PassInvestor": "{password_investor}"})
    );
    assert!(add.query.iter().all(|(_, value)| !value.contains("password")));
}

#[test]
fn the_login_may_stand_beside_the_answer() {
    let beside = || answer(200, &json!({"retcode": "0 Done", "login": "7", "answer": {}}));
    assert_eq!(
        output(create(&mut Server::logged_in(), &mut opening(beside))),
        json!({"login": "7"})
    );
}

#[test]
fn an_account_that_may_have_been_opened_is_an_unknown_outcome() {
    for reply in [
        no_answer,
        || refused("9 Operation timeout"),
        || answer(504, &json!("gateway")),
        || done(json!({})),
    ] {
        let ended = create(&mut Server::logged_in(), &mut opening(reply));
        assert!(matches!(ended, Err(Failure::UnknownOutcome(_))), "{ended:?}");
    }
    let not_sent = || Reply::NotSent("refused".to_owned());
    let ended = create(&mut Server::logged_in(), &mut opening(not_sent));
    assert!(matches!(ended, Err(Failure::Transient(_))), "{ended:?}");
    for (retcode, says) in [("3002 Logins range exhausted", "3002"), ("3006 Invalid", "3006")] {
        let ended = create(&mut Server::logged_in(), &mut opening(|| refused(retcode)));
        let Err(Failure::InvalidRequest(why)) = ended else { panic!("{ended:?}") };
        assert!(why.contains(says), "{why}");
    }
}

/// A group with logins 1 to `size`; `with_comment` has the comment that was given when opening.
fn find(size: i64, with_comment: Option<i64>) -> (Result<Outcome, Failure>, usize) {
    let mut server = Server::logged_in();
    create(&mut server, &mut opening(|| done(json!({"Login": "1"})))).unwrap();
    let comment = server.last("/api/user/add").get("comment").to_owned();
    let step = |ctx: Context, history| {
        let request = json!({"request": new_account(LONG)});
        Exported::<Mt5>::find_account(ctx, request.to_string(), history)
    };
    let mut server = Server::default();
    let found = run(&mut server, step, &mut |asked| match asked.path.as_str() {
        "/api/user/logins" => {
            assert_eq!(asked.get("group"), "real\\EU\\EUR STD");
            done((1..=size).map(|login| login.to_string()).collect())
        }
        "/api/user/get_batch" => done(
            asked
                .get("login")
                .split(',')
                .map(|login| {
                    let ours = with_comment.is_some_and(|with| login == with.to_string());
                    let comment = if ours { comment.as_str() } else { "VIP" };
                    json!({"Login": login, "Comment": comment, "Rights": "483"})
                })
                .collect(),
        ),
        other => panic!("{other}"),
    });
    (found, server.asked.len() - 1)
}

#[test]
fn an_account_is_found_by_its_reference_newest_first() {
    let (found, pages) = find(1_000, Some(999));
    assert_eq!((output(found), pages), (json!({"found": {"login": "999"}}), 1));
    let (found, pages) = find(1_000, Some(1));
    assert_eq!((output(found), pages), (json!({"found": {"login": "1"}}), 3));
    let (found, _) = find(1_000, None);
    assert_eq!(output(found), json!({"found": null}));
    let (found, pages) = find(0, None);
    assert_eq!((output(found), pages), (json!({"found": null}), 0));
}

#[test]
fn a_group_too_large_to_search_is_never_said_to_lack_the_account() {
    let (found, pages) = find(4_001, None);
    assert!(matches!(found, Err(Failure::UnknownOutcome(_))), "{found:?}");
    assert_eq!(pages, 10);
}

fn disable(
    server: &mut Server,
    account: &str,
    vendor: &mut dyn FnMut(&Asked) -> Reply,
) -> Result<Outcome, Failure> {
    let step = |ctx: Context, history| {
        let request = json!({"account": account, "reason": "breach"}).to_string();
        Exported::<Mt5>::disable_account(ctx, request, history)
    };
    run(server, step, vendor)
}

#[test]
fn disabling_keeps_the_other_rights_and_asks_once() {
    let mut rights = "2531".to_owned();
    let mut server = Server::default();
    let mut vendor = |asked: &Asked| {
        if asked.path == "/api/user/update" {
            rights = asked.get("rights").to_owned();
        }
        done(json!({"Login": "50001", "Rights": rights}))
    };
    assert_eq!(output(disable(&mut server, "mt5-live:50001", &mut vendor)), json!({}));
    // 2531 is 0x9E3: TRADE_DISABLED is 0x4.
    assert_eq!(server.last("/api/user/update").get("rights"), "2535");
    assert_eq!(output(disable(&mut server, "mt5-live:50001", &mut vendor)), json!({}));
    assert_eq!(server.paths(), ["/api/user/get", "/api/user/update", "/api/user/get"]);
}

#[test]
fn an_account_that_still_trades_is_not_reported_as_disabled() {
    for update in [json!({"Rights": "2531"}), json!({})] {
        let ended = disable(&mut Server::logged_in(), "mt5-live:50001", &mut |asked| match asked
            .path
            .as_str()
        {
            "/api/user/update" => done(update.clone()),
            _ => done(json!({"Login": "50001", "Rights": "2531"})),
        });
        assert!(matches!(ended, Err(Failure::Transient(_))), "{ended:?}");
    }
    let ended =
        disable(&mut Server::logged_in(), "mt5-live:50001", &mut |_| refused("13 Not found"));
    assert!(matches!(ended, Err(Failure::InvalidRequest(_))), "{ended:?}");
}

#[test]
fn accounts_of_other_platforms_are_refused_unasked() {
    for account in ["mt5-demo:50001", "50001", "mt5-live:x", "mt5-live:", "mt5-live:1:2"] {
        let ended = disable(&mut Server::logged_in(), account, &mut |_| panic!("it was asked"));
        assert!(matches!(ended, Err(Failure::InvalidRequest(_))), "{account}: {ended:?}");
    }
}

fn change_group(vendor: &mut dyn FnMut(&Asked) -> Reply) -> (Result<Outcome, Failure>, Server) {
    let step = |ctx: Context, history| {
        let request = json!({"account": "mt5-live:50001", "group": "real\\B"}).to_string();
        Exported::<Mt5>::change_group(ctx, request, history)
    };
    let mut server = Server::logged_in();
    (run(&mut server, step, vendor), server)
}

#[test]
fn a_group_is_changed_only_if_the_server_says_so() {
    let (ended, server) = change_group(&mut |_| done(json!({"Group": "real\\B"})));
    assert_eq!(output(ended), json!({}));
    assert_eq!(server.last("/api/user/update").get("group"), "real\\B");
    let (ended, _) = change_group(&mut |asked| match asked.path.as_str() {
        "/api/user/update" => done(json!({})),
        _ => done(json!({"Group": "real\\B"})),
    });
    assert_eq!(output(ended), json!({}));
    let (ended, _) = change_group(&mut |_| done(json!({"Group": "real\\A"})));
    assert!(matches!(ended, Err(Failure::InvalidRequest(_))), "{ended:?}");
}
