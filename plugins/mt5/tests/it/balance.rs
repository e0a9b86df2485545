//! Balance operations: never twice.
use crate::hub::{
    Asked, NOW_MS, SERVER_NOW_S, Server, answer, done, no_answer, output, refused, run,
};
use connector_mt5::Mt5;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::platform_balance::exports::hub::connector::platform_balance::Guest;
use hub_plugin_sdk::bindings::types::{Context, Failure, Outcome, Reply};
use serde_json::{Value, json};

fn operation(amount: &str, kind: &str) -> Value {
    json!({"account": "mt5-live:50001", "operation": "op_1", "kind": kind,
           "amount": {"amount": amount, "currency": "EUR"}, "since_ms": NOW_MS - 60_000})
}

fn balance(
    server: &mut Server,
    operation: &Value,
    vendor: &mut dyn FnMut(&Asked) -> Reply,
) -> Result<Outcome, Failure> {
    let step =
        |ctx: Context, history| Exported::<Mt5>::balance(ctx, operation.to_string(), history);
    run(server, step, vendor)
}

fn deal(ticket: &str, comment: &str, profit: &str, action: &str) -> Value {
    json!({"Deal": ticket, "Login": "50001", "Action": action, "Entry": "0", "Symbol": "",
           "Time": SERVER_NOW_S.to_string(), "Profit": profit, "Comment": comment})
}

/// A platform with these deals, that books what it is asked to and then answers with `booked`.
struct Platform {
    deals: Vec<Value>,
    books: bool,
    booked: fn() -> Reply,
}

impl Platform {
    fn new(deals: Vec<Value>) -> Self {
        Self { deals, books: true, booked: || done(json!({"Ticket": "136623"})) }
    }
    fn answer(&mut self, asked: &Asked) -> Reply {
        match asked.path.as_str() {
            "/api/time/server" => done(json!({"Time": format!("{SERVER_NOW_S} 2025.01.15")})),
            "/api/deal/get_page" => {
                let offset: usize = asked.get("offset").parse().unwrap();
                let total: usize = asked.get("total").parse().unwrap();
                done(self.deals.iter().skip(offset).take(total).cloned().collect())
            }
            "/api/trade/balance" => {
                if self.books {
                    let (comment, sum) = (asked.get("comment"), asked.get("balance"));
                    self.deals.push(deal("136623", comment, sum, asked.get("type")));
                }
                (self.booked)()
            }
            other => panic!("{other}"),
        }
    }
}

fn on(platform: &mut Platform, operation: &Value) -> (Result<Outcome, Failure>, Server) {
    let mut server = Server::default();
    (balance(&mut server, operation, &mut |asked| platform.answer(asked)), server)
}

fn bookings(server: &Server) -> usize {
    server.paths().iter().filter(|path| **path == "/api/trade/balance").count()
}

#[test]
fn money_is_booked_once_and_found_the_second_time() {
    let mut platform = Platform::new(vec![deal("1", "op_2", "100", "2")]);
    let (first, server) = on(&mut platform, &operation("100.50", "balance"));
    assert_eq!(output(first), json!({"ticket": "136623", "already_done": false}));
    let asked = server.last("/api/trade/balance");
    assert_eq!((asked.method.as_str(), asked.once), ("POST", true));
    assert_eq!((asked.get("type"), asked.get("balance")), ("2", "100.5"));
    assert_eq!((asked.get("login"), asked.get("comment")), ("50001", "op_1"));
    let search = server.last("/api/deal/get_page");
    let seconds = |name: &str| search.get(name).parse::<i64>().unwrap();
    assert!(seconds("from") <= SERVER_NOW_S - 60 - 3600, "an hour of daylight saving");
    assert!(seconds("to") >= SERVER_NOW_S);

    let (second, server) = on(&mut platform, &operation("100.50", "balance"));
    assert_eq!(output(second), json!({"ticket": "136623", "already_done": true}));
    assert_eq!(bookings(&server), 0);
}

#[test]
fn credit_and_correction_are_their_own_types_and_may_be_negative() {
    for (kind, action) in [("credit", "3"), ("correction", "5")] {
        let (ended, server) = on(&mut Platform::new(vec![]), &operation("-7", kind));
        assert_eq!(output(ended)["ticket"], "136623");
        let asked = server.last("/api/trade/balance");
        assert_eq!((asked.get("type"), asked.get("balance")), (action, "-7"));
    }
}

#[test]
fn without_an_answer_the_deals_are_searched_again() {
    for booked in [no_answer, || refused("9 Operation timeout"), || answer(502, &json!("?"))] {
        let mut platform = Platform { booked, ..Platform::new(vec![]) };
        let (ended, server) = on(&mut platform, &operation("5", "balance"));
        assert_eq!(output(ended), json!({"ticket": "136623", "already_done": false}));
        assert_eq!(bookings(&server), 1);

        let mut platform = Platform { booked, books: false, ..Platform::new(vec![]) };
        let (ended, server) = on(&mut platform, &operation("5", "balance"));
        assert!(matches!(ended, Err(Failure::UnknownOutcome(_))), "{ended:?}");
        assert_eq!(bookings(&server), 1);
    }
}

#[test]
fn a_refusal_is_no_unknown_outcome() {
    let refusing = |booked| Platform { booked, books: false, ..Platform::new(vec![]) };
    let no_money: fn() -> Reply = || refused("10019 Not enough money");
    let (ended, _) = on(&mut refusing(no_money), &operation("-5", "balance"));
    let Err(Failure::Declined(decline)) = ended else { panic!("{ended:?}") };
    assert_eq!(
        (decline.category.as_str(), decline.verdict.as_str()),
        ("insufficient_funds", "stop")
    );
    assert_eq!(decline.code, "10019");
    let wrong: fn() -> Reply = || refused("3 Invalid parameters");
    let (ended, _) = on(&mut refusing(wrong), &operation("5", "balance"));
    assert!(matches!(ended, Err(Failure::InvalidRequest(_))), "{ended:?}");
    let (ended, _) =
        on(&mut refusing(|| Reply::NotSent("down".to_owned())), &operation("5", "balance"));
    assert!(matches!(ended, Err(Failure::Transient(_))), "{ended:?}");
}

#[test]
fn an_operation_id_that_stands_for_another_amount_books_nothing() {
    for other in [deal("1", "op_1", "99.00", "2"), deal("1", "op_1", "100.00", "3")] {
        let (ended, server) = on(&mut Platform::new(vec![other]), &operation("100", "balance"));
        assert!(matches!(ended, Err(Failure::InvalidRequest(_))), "{ended:?}");
        assert_eq!(bookings(&server), 0);
    }
}

#[test]
fn a_deal_is_found_on_a_later_page_and_an_endless_history_books_nothing() {
    let mut deals: Vec<Value> = (0..250).map(|n| deal(&n.to_string(), "", "1", "2")).collect();
    deals.push(deal("777", "op_1", "100.00", "2"));
    let (ended, server) = on(&mut Platform::new(deals), &operation("100", "balance"));
    assert_eq!(output(ended), json!({"ticket": "777", "already_done": true}));
    assert_eq!(bookings(&server), 0);

    let endless = (0..1000).map(|n| deal(&n.to_string(), "", "1", "2")).collect();
    let (ended, server) = on(&mut Platform::new(endless), &operation("100", "balance"));
    assert!(matches!(ended, Err(Failure::InvalidRequest(_))), "{ended:?}");
    assert_eq!(bookings(&server), 0);
}
