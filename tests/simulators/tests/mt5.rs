//! The MetaTrader 5 simulator, driven over HTTP as a client drives the Web API.
#![allow(clippy::unwrap_used)]

#[path = "mt5/manager.rs"]
mod manager;

use std::time::Duration;

use hub_simulators::mt5::{AnswerKeys, Market, MarketError, Mt5Config, Mt5Sim, Side, Trade};
use hub_simulators::{Clock, Fault, Rule};
use jiff::Timestamp;
use manager::Manager;
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn buy(login: u64, lots_10000: u64) -> Trade {
    Trade {
        login,
        symbol: "EURUSD".into(),
        side: Side::Buy,
        volume: lots_10000,
        price: decimal("1.10000"),
    }
}

async fn started(config: Mt5Config) -> Mt5Sim {
    Mt5Sim::start(config).await.unwrap()
}

#[tokio::test]
async fn a_session_is_bound_to_its_connection() {
    let sim = started(Mt5Config::default()).await;
    let manager = Manager::stranger(&sim);
    assert_eq!(manager.get("/api/test/access").await.0, 403);
    assert_eq!(manager.log_in("Sim#Manager1").await.0, 200);
    assert_eq!(manager.get("/api/test/access").await, (200, json!({ "retcode": "0 Done" })));

    let other_connection = Manager::stranger(&sim);
    assert_eq!(other_connection.get("/api/test/access").await.0, 403);
    // An answer on another connection than the challenge's is no answer.
    assert_eq!(
        manager.get("/api/auth/start?version=1&agent=t&login=1000&type=manager").await.0,
        200
    );
    let stolen = other_connection.get("/api/auth/answer?srv_rand_answer=00&cli_rand=00").await;
    assert_eq!(stolen, (403, json!({ "retcode": "8 Not enough permissions" })));
    // A new challenge ended the session that was there.
    assert_eq!(manager.get("/api/test/access").await.0, 403);

    assert_eq!(manager.log_in("Sim#Manager1").await.0, 200);
    sim.faults().add(Rule::next("test-access", 1, Fault::ResetConnection));
    manager.http.get(format!("{}/api/test/access", manager.base)).send().await.expect_err("reset");
    assert_eq!(manager.get("/api/test/access").await.0, 403, "the next connection has no session");
    let books = sim.books();
    assert_eq!((books.sessions_opened, books.refused_calls), (2, 4));
}

#[tokio::test]
async fn a_wrong_late_or_stale_log_in_is_refused() {
    let sim = started(Mt5Config::default()).await;
    let manager = Manager::stranger(&sim);
    assert_eq!(manager.log_in("wrong").await, (403, json!({ "retcode": "1001 Invalid account" })));
    assert_eq!(manager.get("/api/test/access").await.0, 403);
    let client = "/api/auth/start?version=1&agent=t&login=1000&type=client";
    assert_eq!(manager.get(client).await.0, 403);
    assert_eq!(
        manager.get("/api/auth/start?login=1000").await.1["retcode"],
        "3 Invalid parameters"
    );

    let slow = started(Mt5Config { auth_window: Duration::ZERO, ..Mt5Config::default() }).await;
    assert_eq!(Manager::stranger(&slow).log_in("Sim#Manager1").await.0, 403);
    let idle = started(Mt5Config { idle_max: Duration::ZERO, ..Mt5Config::default() }).await;
    let manager = Manager::of(&idle).await;
    assert_eq!(manager.get("/api/test/access").await.0, 403);

    let manager = Manager::of(&sim).await;
    manager.get("/api/quit").await;
    assert_eq!(manager.get("/api/test/access").await.0, 403);
}

#[tokio::test]
async fn accounts_are_created_read_and_changed() {
    let sim = started(Mt5Config::default()).await;
    let manager = Manager::of(&sim).await;
    let login = manager.add_user().await;
    let user = manager.ok(&format!("/api/user/get?login={login}")).await;
    assert_eq!(user["Group"], "prop\\challenge-usd");
    assert_eq!((&user["Leverage"], &user["Rights"]), (&json!("100"), &json!("483")));
    assert_eq!(user["EMail"], "ann@example.com");
    let as_text = user.to_string();
    assert!(
        !as_text.contains("1Ar#pqkj") && !as_text.contains("2Ar#pqkj"),
        "passwords never come back"
    );

    // Rights are replaced as a whole: writing only what one wants set loses the rest.
    let path = format!("/api/user/update?login={login}&group=prop%5Cfunded-usd");
    let (_, changed) = manager.post(&path, json!({ "Rights": (483 | 4).to_string() })).await;
    assert_eq!(changed["answer"]["Rights"], "487");
    assert_eq!(changed["answer"]["Group"], "prop\\funded-usd");
    assert_eq!(changed["answer"]["Leverage"], "100", "what is not given stays");
    assert!(!sim.books().account(login).unwrap().may_trade());
    assert_eq!(manager.ok("/api/user/logins?group=prop%5C*").await, json!([login.to_string()]));
    assert_eq!(manager.ok("/api/user/logins?group=prop%5C*,!prop%5Cfunded-usd").await, json!([]));

    let update = format!("/api/user/update?login={login}&group=demo%5Cforex-eur");
    assert_eq!(manager.refused(&update).await, "3010 Move account to currency group");
    let check = format!("/api/user/check_password?login={login}&type=main&password=");
    assert_eq!(manager.get(&format!("{check}1Ar%23pqkj")).await.1["retcode"], "0 Done");
    assert_eq!(
        manager.refused(&format!("{check}2Ar%23pqkj")).await,
        "3006 Invalid account password"
    );
}

#[tokio::test]
async fn bad_accounts_are_refused_with_the_documented_codes() {
    let config = Mt5Config { login_min: 10, login_max: 11, ..Mt5Config::default() };
    let sim = started(config).await;
    let manager = Manager::of(&sim).await;
    let add = |query: &str| {
        format!("/api/user/add?name=A&pass_investor=2Ar%23pqkj&{query}")
            .replace("GROUP", "group=demo%5Cforex-usd")
    };
    for (query, expected) in [
        ("GROUP&leverage=100", "3 Invalid parameters"),
        ("GROUP&pass_main=1Ar%23pqkj", "3 Invalid parameters"),
        ("GROUP&pass_main=1Ar%23pqkj&leverage=501", "3 Invalid parameters"),
        ("GROUP&pass_main=1Ar%23pqkj&leverage=ten", "3 Invalid parameters"),
        ("group=nowhere&pass_main=1Ar%23pqkj&leverage=100", "8 Not enough permissions"),
        ("GROUP&pass_main=1Ar%23pqk&leverage=100", "3006 Invalid account password"),
        ("GROUP&pass_main=1aaaaaaaaa%23&leverage=100", "3006 Invalid account password"),
        ("GROUP&pass_main=1Ar%23pqkj1Ar%23pqkj1&leverage=100", "3006 Invalid account password"),
    ] {
        assert_eq!(manager.refused(&add(query)).await, expected, "{query}");
    }
    let good = add("GROUP&pass_main=1Ar%23pqkj&leverage=100");
    manager.ok(&format!("{good}&login=10")).await;
    assert_eq!(manager.refused(&format!("{good}&login=10")).await, "3004 Account already exists");
    manager.ok(&good).await;
    assert_eq!(manager.refused(&good).await, "3002 Logins range exhausted");
    assert_eq!(manager.refused("/api/user/get?login=999").await, "13 Not found");
    assert_eq!(sim.books().accounts.len(), 2);
    let unknown = manager.http.get(format!("{}/api/no/such", manager.base)).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn a_repeated_balance_operation_pays_twice() {
    let sim = started(Mt5Config::default()).await;
    let manager = Manager::of(&sim).await;
    let login = manager.add_user().await;
    let state = format!("/api/user/account/get?login={login}");
    assert_eq!(manager.refused(&state).await, "13 Not found", "no deal yet, so no trade state");

    let first = manager.deposit(login, "1000.50", "dep_1").await;
    let second = manager.deposit(login, "1000.50", "dep_1").await;
    assert_ne!(first["ticket"], second["ticket"]);
    let account = manager.ok(&state).await;
    assert_eq!((&account["Balance"], &account["Equity"]), (&json!("2001.00"), &json!("2001.00")));
    assert_eq!(sim.books().account(login).unwrap().balance_operations("dep_1").len(), 2);

    // The one way to know before a retry: look for the comment among the deals.
    let now = manager.server_time_s().await;
    let page = format!(
        "/api/deal/get_page?login={login}&from={}&to={}&offset=0&total=10",
        now - 60,
        now + 60
    );
    let deals = manager.ok(&page).await;
    assert_eq!(deals.as_array().unwrap().len(), 2);
    assert_eq!((&deals[0]["Comment"], &deals[0]["Action"]), (&json!("dep_1"), &json!("2")));
    assert_eq!(deals[0]["Profit"], "1000.50");
    let long = "x".repeat(40);
    manager.deposit(login, "1", &long).await;
    assert_eq!(sim.books().account(login).unwrap().deals[2].comment.len(), 31, "comments are cut");
}

#[tokio::test]
async fn balance_operations_have_their_limits() {
    let sim =
        started(Mt5Config { answer_keys: AnswerKeys::Documented, ..Mt5Config::default() }).await;
    let manager = Manager::of(&sim).await;
    let login = manager.add_user().await;
    let operation = |kind: u8, amount: &str| {
        format!("/api/trade/balance?login={login}&type={kind}&balance={amount}&comment=c")
    };
    assert!(manager.ok(&operation(2, "100")).await["Ticket"].is_string());
    for (kind, amount, expected) in [
        (2, "-100.01", "10019 Not enough money"),
        (3, "-1", "10019 Not enough money"),
        (2, "1000000000.01", "4005 Money limit reached"),
        (0, "1", "3 Invalid parameters"),
        (7, "1", "3 Invalid parameters"),
        (2, "ten", "3 Invalid parameters"),
        (2, "0", "3 Invalid parameters"),
    ] {
        assert_eq!(manager.refused(&operation(kind, amount)).await, expected, "{kind} {amount}");
    }
    let nobody = "/api/trade/balance?login=1&type=2&balance=1";
    assert_eq!(manager.refused(nobody).await, "13 Not found");
    manager.ok(&operation(3, "50")).await;
    manager.ok(&operation(3, "-20")).await;

    // A floating loss holds money back, unless the check is switched off.
    sim.open_position(&buy(login, 100)).unwrap();
    sim.set_market(login, Market::Floating(decimal("-80"))).unwrap();
    assert_eq!(manager.refused(&operation(2, "-60")).await, "10019 Not enough money");
    manager.ok(&format!("{}&check_margin=0", operation(2, "-60"))).await;
    let account = sim.books();
    let account = account.account(login).unwrap();
    assert_eq!((account.balance, account.credit), (decimal("40"), decimal("30")));
    assert_eq!(account.equity, decimal("-10"));
}

#[tokio::test]
async fn positions_float_and_close_into_the_balance() {
    let sim = started(Mt5Config::default()).await;
    let manager = Manager::of(&sim).await;
    let login = manager.add_user().await;
    assert_eq!(
        sim.open_position(&buy(login, 100)),
        Err(MarketError::Refused { login, code: 10019 })
    );
    manager.deposit(login, "10000", "d").await;
    assert_eq!(
        sim.set_market(login, Market::Equity(decimal("1"))),
        Err(MarketError::NothingOpen(login))
    );

    let small = sim.open_position(&buy(login, 2500)).unwrap();
    let large = sim.open_position(&buy(login, 7500)).unwrap();
    sim.set_market(login, Market::Equity(decimal("9499.99"))).unwrap();
    let account = manager.ok(&format!("/api/user/account/get?login={login}")).await;
    assert_eq!(account["Balance"], "10000.00");
    assert_eq!((&account["Equity"], &account["Profit"]), (&json!("9499.99"), &json!("-500.01")));
    assert_eq!(account["Margin"], "1100.00", "1 lot at 1.1 and 1:100");
    assert_eq!(account["MarginFree"], "8399.99");

    let positions =
        manager.ok(&format!("/api/position/get_page?login={login}&offset=0&total=100")).await;
    assert_eq!(positions[0]["Position"], small.to_string());
    assert_eq!(
        (&positions[0]["Profit"], &positions[1]["Profit"]),
        (&json!("-125.00"), &json!("-375.01"))
    );
    assert_eq!(
        (&positions[0]["Volume"], &positions[0]["VolumeExt"]),
        (&json!("2500"), &json!("25000000"))
    );
    assert_eq!(positions[0]["PriceCurrent"], "1.09500");
    let one = manager.ok(&format!("/api/position/get_batch?ticket={large}")).await;
    assert_eq!(one.as_array().unwrap().len(), 1);

    let deal = sim.close_position(login, large).unwrap();
    assert_eq!((deal.entry, deal.profit, deal.position), (1, decimal("-375.01"), large));
    let account = manager.ok(&format!("/api/user/account/get_batch?login={login},77")).await;
    assert_eq!(account.as_array().unwrap().len(), 1);
    assert_eq!(
        (&account[0]["Balance"], &account[0]["Equity"]),
        (&json!("9624.99"), &json!("9499.99"))
    );
    let both = format!("/api/user/account/get_batch?login={login}&group=prop");
    assert_eq!(manager.refused(&both).await, "3 Invalid parameters");
}

#[tokio::test]
async fn a_dealer_closes_what_a_disabled_account_left_open() {
    let config = Mt5Config { dealer_delay: Duration::from_millis(400), ..Mt5Config::default() };
    let sim = started(config).await;
    let manager = Manager::of(&sim).await;
    let login = manager.add_user().await;
    manager.deposit(login, "10000", "d").await;
    let ticket = sim.open_position(&buy(login, 10_000)).unwrap();
    sim.set_market(login, Market::Floating(decimal("-600"))).unwrap();
    manager.post("/api/user/update", json!({ "Login": login, "Rights": "487" })).await;
    assert_eq!(
        sim.open_position(&buy(login, 100)),
        Err(MarketError::Refused { login, code: 10017 })
    );

    let close = |kind: &str, volume: u64| {
        json!({ "Action": "200", "Login": login.to_string(), "Symbol": "EURUSD", "Type": kind,
            "Volume": volume.to_string(), "Position": ticket.to_string() })
    };
    let send = |body: Value| manager.post("/api/dealer/send_request", body);
    let id = |sent: &Value| sent["answer"]["id"].as_str().unwrap().to_owned();
    let wrong_side = id(&send(close("0", 10_000)).await.1);
    let too_much = id(&send(close("1", 10_001)).await.1);
    let right = id(&send(close("1", 10_000)).await.1);
    let again = id(&send(close("1", 10_000)).await.1);

    // Queued is not done; and a result belongs to the connection that asked.
    let result_of = |ids: String| format!("/api/dealer/get_request_result?id={ids}");
    assert_eq!(manager.get(&result_of(right.clone())).await.1[&right], json!([]));
    let last = loop {
        let (_, polled) = manager.get(&result_of(again.clone())).await;
        if polled[&again] != json!([]) {
            break polled;
        }
    };
    assert_eq!(last[&again][1]["answer"]["ResultRetcode"], "10036 Position closed");
    let earlier = result_of(format!("{wrong_side},{too_much},{right},999"));
    let stranger = Manager::of(&sim).await.get(&earlier).await.1;
    assert_eq!(stranger, json!({ "retcode": "0 Done" }));
    let (_, results) = manager.get(&earlier).await;
    for (id, expected) in [
        (&wrong_side, "10013 Invalid request"),
        (&too_much, "10014 Invalid volume"),
        (&right, "10009 Done"),
    ] {
        assert_eq!(results[id][0]["result"]["Retcode"], expected);
        assert_eq!(results[id][1]["answer"]["ResultRetcode"], expected);
    }
    assert!(results.get("999").is_none());
    let (_, fetched) = manager.get(&earlier).await;
    assert_eq!(fetched, json!({ "retcode": "0 Done" }), "a result is given once");

    let books = sim.books();
    let account = books.account(login).unwrap();
    assert!(account.positions.is_empty());
    assert_eq!((account.balance, account.equity), (decimal("9400"), decimal("9400")));
    let (_, unknown) =
        send(json!({ "Action": "5", "Login": "1", "Symbol": "X", "Type": "0", "Volume": "1" }))
            .await;
    assert_eq!(unknown["retcode"], "3 Invalid parameters");
}

#[tokio::test]
async fn times_are_the_brokers_and_change_with_new_york() {
    // Between the American and the European change: an offset of 3 hours already.
    let clock = Clock::manual("2025-03-20T12:00:00.250Z".parse::<Timestamp>().unwrap());
    let sim = started(Mt5Config { clock: clock.clone(), ..Mt5Config::default() }).await;
    let manager = Manager::of(&sim).await;
    let utc_s: i64 = 1_742_472_000;
    assert_eq!(
        manager.ok("/api/time/server").await["Time"],
        format!("{} 2025.03.20 15:00:00", utc_s + 3 * 3600)
    );
    let settings = manager.ok("/api/time/get").await;
    assert_eq!((&settings["TimeZone"], &settings["DaylightState"]), (&json!("120"), &json!("1")));

    let login = manager.add_user().await;
    manager.deposit(login, "10", "summer").await;
    clock.set("2025-12-01T00:00:00Z".parse().unwrap());
    manager.deposit(login, "10", "winter").await;
    let all = format!("/api/deal/get_page?login={login}&from=0&to=2000000000&offset=0&total=10");
    let deals = manager.ok(&all).await;
    assert_eq!(deals[0]["Time"], (utc_s + 3 * 3600).to_string());
    assert_eq!(deals[0]["TimeMsc"], ((utc_s + 3 * 3600) * 1000 + 250).to_string());
    assert_eq!(deals[1]["Time"], (1_764_547_200 + 2 * 3600).to_string());
    assert_eq!(manager.ok("/api/time/get").await["DaylightState"], "0");

    // A period is in server time too: one asked for in UTC misses the deal.
    let until_utc = format!("/api/deal/get_total?login={login}&from=0&to={utc_s}");
    assert_eq!(manager.ok(&until_utc).await, json!({ "total": "0" }));
    let until_server = format!("/api/deal/get_total?login={login}&from=0&to={}", utc_s + 3 * 3600);
    assert_eq!(manager.ok(&until_server).await, json!({ "total": "1" }));
}

#[tokio::test]
async fn pages_are_never_longer_than_a_hundred() {
    let sim = started(Mt5Config::default()).await;
    let manager = Manager::of(&sim).await;
    let login = manager.add_user().await;
    for n in 0..130 {
        manager.deposit(login, "1", &format!("d{n}")).await;
    }
    let page = |offset: u32, total: u32| {
        format!(
            "/api/deal/get_page?login={login}&from=0&to=4000000000&offset={offset}&total={total}"
        )
    };
    let first = manager.ok(&page(0, 1000)).await;
    let rest = manager.ok(&page(100, 1000)).await;
    assert_eq!((first.as_array().unwrap().len(), rest.as_array().unwrap().len()), (100, 30));
    assert_eq!(rest[29]["Comment"], "d129");
    assert_eq!(manager.ok(&page(129, 5)).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn each_fault_leaves_the_books_as_it_says() {
    let sim = started(Mt5Config::default()).await;
    let manager = Manager::of(&sim).await;
    let login = manager.add_user().await;
    let fault = |fault: Fault| {
        sim.faults().clear();
        sim.faults().add(Rule::next("trade-balance", 1, fault));
    };
    let paid =
        |comment: &str| sim.books().account(login).unwrap().balance_operations(comment).len();
    let path = |comment: &str| {
        format!("/api/trade/balance?login={login}&type=2&balance=5&comment={comment}")
    };

    fault(Fault::Decline { code: "3006".into() });
    assert_eq!(manager.refused(&path("declined")).await, "3006 Invalid account password");
    assert_eq!(paid("declined"), 0);
    fault(Fault::Status { status: 503, retry_after_s: None });
    assert_eq!(
        manager.get(&path("busy")).await,
        (503, json!({ "retcode": "11 Service is not available" }))
    );
    assert_eq!(paid("busy"), 0);
    for (comment, rule, times) in [
        ("before", Fault::TimeoutBeforeActing(Duration::from_millis(20)), 0),
        ("reset", Fault::ResetConnection, 0),
        ("after", Fault::TimeoutAfterActing(Duration::from_millis(20)), 1),
        ("reset-after", Fault::ResetAfterActing, 1),
    ] {
        // Each of them costs the connection, and the session with it.
        let manager = Manager::of(&sim).await;
        fault(rule);
        manager
            .http
            .get(format!("{}{}", manager.base, path(comment)))
            .send()
            .await
            .expect_err(comment);
        assert_eq!(paid(comment), times, "{comment}");
        assert_eq!(manager.get("/api/test/access").await.0, 403, "{comment}");
    }
    for (comment, rule) in [("garbage", Fault::GarbageBody), ("truncated", Fault::TruncatedBody)] {
        fault(rule);
        let url = format!("{}{}", manager.base, path(comment));
        manager.http.get(url).send().await.unwrap().json::<Value>().await.expect_err(comment);
        assert_eq!(paid(comment), 1, "{comment}");
    }
    // A decline does not let a stranger in.
    sim.faults().clear();
    sim.faults().add(Rule::always("*", Fault::Decline { code: "13".into() }));
    assert_eq!(Manager::stranger(&sim).get("/api/user/get?login=1").await.0, 403);
}

#[tokio::test]
async fn another_process_can_steer_it() {
    let sim = started(Mt5Config::default()).await;
    let manager = Manager::of(&sim).await;
    let login = manager.add_user().await;
    manager.deposit(login, "10000", "d").await;
    let trade = json!({ "login": login, "symbol": "EURUSD", "side": "sell", "volume": 10000, "price": "1.1" });
    let (_, opened) = manager.post("/_sim/positions/open", trade).await;
    let market = json!({ "login": login, "market": { "equity": "9000" } });
    assert_eq!(manager.post("/_sim/market", market).await.0, 200);
    let close = json!({ "login": login, "position": opened["position"] });
    let (_, deal) = manager.post("/_sim/positions/close", close).await;
    assert_eq!(deal["profit"].as_str().map(decimal), Some(decimal("-1000")));
    let (_, books) = manager.get("/_sim/books").await;
    assert_eq!(books["accounts"][0]["balance"].as_str().map(decimal), Some(decimal("9000")));
}
