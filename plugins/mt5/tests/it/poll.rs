//! Polls over several calls: paging, order, ids.
use crate::hub::{Asked, SERVER_NOW_S, Server, done, refused, run_with, settings};
use connector_mt5::Mt5;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::poll::exports::hub::connector::poll::Guest;
use hub_plugin_sdk::bindings::types::{Context, Failure, Outcome, Reply};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A platform whose accounts all have the same equity.
pub struct Platform {
    pub accounts: i64,
    pub equity: String,
    pub deals: Vec<(i64, i64)>,
    pub now_s: i64,
}

impl Platform {
    fn new(accounts: i64) -> Self {
        let equity = "1000.00".to_owned();
        Self { accounts, equity, deals: Vec::new(), now_s: SERVER_NOW_S }
    }
    fn answer(&self, asked: &Asked) -> Reply {
        match asked.path.as_str() {
            "/api/time/server" => done(json!({"Time": format!("{} x", self.now_s)})),
            "/api/time/get" => {
                done(json!({"Daylight": "1", "DaylightState": "0", "TimeZone": "120"}))
            }
            "/api/user/logins" => {
                assert_eq!(asked.get("group"), "real\\*,demo");
                done((1..=self.accounts).map(|login| login.to_string()).collect())
            }
            "/api/user/account/get_batch" => done(
                asked
                    .get("login")
                    .split(',')
                    .map(|login| {
                        json!({"Login": login, "Balance": "1000.00", "Equity": self.equity,
                               "Credit": "0.00", "Margin": "0.00"})
                    })
                    .collect(),
            ),
            "/api/deal/get_batch" => {
                let time = |name: &str| asked.get(name).parse::<i64>().unwrap();
                let range = time("from")..=time("to");
                done(
                    self.deals
                        .iter()
                        .filter(|(_, time)| range.contains(time))
                        .map(|(ticket, time)| {
                            json!({"Deal": ticket.to_string(), "Login": "1", "Action": "0",
                                   "Entry": "0", "Time": time.to_string(), "Symbol": "EURUSD",
                                   "Volume": "100", "Profit": "0.00"})
                        })
                        .collect(),
                )
            }
            other => panic!("{other}"),
        }
    }
}

fn poll(platform: &Platform, cursor: Option<String>) -> (Outcome, usize) {
    let mut server = Server::default();
    let step = |ctx: Context, history| Exported::<Mt5>::next(ctx, cursor.clone(), history);
    let outcome =
        run_with(&mut server, &settings(), step, &mut |asked| platform.answer(asked)).unwrap();
    assert!(outcome.events.len() <= 1_000, "the hub refuses more");
    (outcome, server.asked.len())
}

/// Polls until there is no more: the events' types and ids, and the cursor.
fn drain(platform: &Platform, mut cursor: Option<String>) -> (Vec<(String, String)>, String) {
    let mut events = Vec::new();
    for _ in 0..200 {
        let (outcome, _) = poll(platform, cursor);
        events.extend(outcome.events.into_iter().map(|event| (event.type_, event.id.unwrap())));
        cursor = outcome.cursor;
        if !outcome.more {
            return (events, cursor.unwrap());
        }
    }
    panic!("it never comes to an end");
}

#[test]
fn every_account_is_told_once_and_then_only_if_it_changes() {
    let mut platform = Platform::new(3_000);
    let (events, cursor) = drain(&platform, None);
    let ids: BTreeSet<_> = events.iter().map(|(_, id)| id.clone()).collect();
    assert_eq!((events.len(), ids.len()), (3_000, 3_000));

    let (events, cursor) = drain(&platform, Some(cursor));
    assert_eq!(events.len(), 0, "nothing changed");
    platform.equity = "999.99".to_owned();
    let (events, cursor) = drain(&platform, Some(cursor));
    assert_eq!(events.len(), 3_000);
    platform.accounts = 10;
    let (events, cursor) = drain(&platform, Some(cursor));
    assert_eq!(events.len(), 0);
    let states =
        serde_json::from_str::<Value>(&cursor).unwrap()["states"].as_object().unwrap().len();
    assert_eq!(states, 10, "accounts that are gone are forgotten");
}

#[test]
fn a_state_that_comes_back_later_has_another_id() {
    let mut platform = Platform::new(1);
    let (first, cursor) = drain(&platform, None);
    platform.equity = "1.00".to_owned();
    let (_, cursor) = drain(&platform, Some(cursor));
    platform.equity = "1000.00".to_owned();
    platform.now_s += 5;
    let (third, _) = drain(&platform, Some(cursor));
    assert_ne!(first[0].1, third[0].1);
}

#[test]
fn every_deal_is_told_once_in_order_whatever_their_number() {
    let mut platform = Platform::new(1);
    // 2,000 deals in one second, and 500 spread over the day before.
    platform.deals = (0..2_000).map(|n| (10_000 + n, SERVER_NOW_S - 30)).collect();
    platform.deals.extend((0..500).map(|n| (n + 1, SERVER_NOW_S - 86_000 + n * 60)));
    let (events, cursor) = drain(&platform, None);
    let ids: Vec<_> =
        events.iter().filter(|(t, _)| t == "account.deal").map(|(_, id)| id).collect();
    assert_eq!(ids.len(), 2_500);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 2_500);
    assert_eq!(
        (ids[0].as_str(), ids[499].as_str(), ids[500].as_str()),
        ("deal-1", "deal-500", "deal-10000")
    );

    // A deal that was written late, within the overlap, and a new one.
    platform.deals.push((20_000, SERVER_NOW_S - 60));
    platform.deals.push((20_001, SERVER_NOW_S + 5));
    platform.now_s += 10;
    let (events, cursor) = drain(&platform, Some(cursor));
    let ids: Vec<_> = events.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids, ["deal-20000", "deal-20001"]);

    // The hub was away for three days.
    platform.now_s += 3 * 86_400;
    platform.deals.extend((0..300).map(|n| (30_000 + n, SERVER_NOW_S + 100 + n * 800)));
    let (events, _) = drain(&platform, Some(cursor));
    assert_eq!(events.len(), 300);
}

#[test]
fn a_deal_is_told_before_the_state_that_contains_it_and_in_utc() {
    let mut platform = Platform::new(1);
    platform.deals = vec![(5, SERVER_NOW_S - 3)];
    // While older deals are caught up with, no state is told.
    let (first, _) = poll(&platform, None);
    assert!(first.more && first.events.is_empty());
    let mut cursor = first.cursor;
    let (outcome, requests) = loop {
        let (outcome, requests) = poll(&platform, cursor);
        if !outcome.more {
            break (outcome, requests);
        }
        cursor = outcome.cursor;
    };
    let told: Vec<_> =
        outcome.events.iter().map(|event| (event.type_.as_str(), event.time_ms)).collect();
    let now_ms = (SERVER_NOW_S - 7_200) * 1000;
    assert_eq!(told, [("account.deal", Some(now_ms - 3_000)), ("account.equity", Some(now_ms))]);
    // The clock, the logins, one page of accounts, the deals; the zone is not read again at once.
    assert_eq!(requests, 4);
    assert_eq!(poll(&platform, outcome.cursor).1, 4);
}

#[test]
fn no_deal_is_lost_when_the_server_puts_its_clock_back() {
    let mut platform = Platform::new(1);
    platform.deals = vec![(1, SERVER_NOW_S - 1_800), (2, SERVER_NOW_S - 1)];
    let (_, cursor) = drain(&platform, None);
    platform.now_s -= 3_600;
    platform.deals.push((3, platform.now_s - 1));
    let (events, cursor) = drain(&platform, Some(cursor));
    assert!(events.iter().any(|(_, id)| id == "deal-3"), "{events:?}");
    platform.now_s += 3_000;
    platform.deals.push((4, platform.now_s - 1));
    let (events, _) = drain(&platform, Some(cursor));
    assert!(events.iter().any(|(_, id)| id == "deal-4"), "{events:?}");
}

#[test]
fn a_state_waits_until_every_deal_is_told() {
    let mut platform = Platform::new(1);
    let (_, cursor) = drain(&platform, None);
    platform.now_s += 5;
    platform.equity = "1.00".to_owned();
    platform.deals = (0..1_000).map(|n| (n + 1, SERVER_NOW_S + 2)).collect();
    let (events, _) = drain(&platform, Some(cursor));
    let types: Vec<_> = events.iter().map(|(type_, _)| type_.as_str()).collect();
    assert_eq!(types.len(), 1_001);
    assert_eq!(types.iter().position(|type_| *type_ == "account.equity"), Some(1_000));
}

#[test]
fn a_cursor_that_cannot_be_read_starts_anew() {
    let (events, _) = drain(&Platform::new(2), Some("{\"states\": 7".to_owned()));
    assert_eq!(events.len(), 2);
}

#[test]
fn the_zone_may_come_from_the_clock_or_the_settings() {
    let platform = Platform::new(1);
    for (zone, expected) in
        [("server-clock", SERVER_NOW_S - 7_200), ("EST5EDT,M3.2.0,M11.1.0", SERVER_NOW_S + 18_000)]
    {
        let mut settings = settings();
        settings["server_zone"] = json!(zone);
        settings["deals_since_h"] = json!(1);
        let step = |ctx: Context, history| Exported::<Mt5>::next(ctx, None, history);
        let outcome = run_with(&mut Server::default(), &settings, step, &mut |asked| {
            assert_ne!(asked.path, "/api/time/get");
            platform.answer(asked)
        });
        assert_eq!(outcome.unwrap().events[0].time_ms, Some(expected * 1000), "{zone}");
    }
    let mut settings = settings();
    settings["server_zone"] = json!("Nicosia");
    let step = |ctx: Context, history| Exported::<Mt5>::next(ctx, None, history);
    let ended =
        run_with(&mut Server::default(), &settings, step, &mut |asked| platform.answer(asked));
    assert!(matches!(ended, Err(Failure::InvalidRequest(_))), "{ended:?}");
}

#[test]
fn a_poll_that_fails_tells_nothing() {
    for (path, retcode) in [
        ("/api/user/logins", "12 Too frequent requests"),
        ("/api/deal/get_batch", "7 Network error"),
        ("/api/time/get", "11 Service is not available"),
    ] {
        let platform = Platform::new(1);
        let step = |ctx: Context, history| Exported::<Mt5>::next(ctx, None, history);
        let mut settings = settings();
        settings["deals_since_h"] = json!(1);
        let ended = run_with(&mut Server::default(), &settings, step, &mut |asked| {
            if asked.path == path { refused(retcode) } else { platform.answer(asked) }
        });
        assert!(matches!(ended, Err(Failure::Transient(_))), "{path}: {ended:?}");
    }
}
