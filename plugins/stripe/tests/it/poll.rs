//! Polling `GET /v1/events`.
use crate::payment::intent;
use connector_stripe::Stripe;
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::testing::{Finished, Seen, call, json as answer};
use serde_json::{Value, json};

const NOW_MS: i64 = 1_741_149_708_704;

fn event(n: usize) -> Value {
    let mut object = intent("succeeded");
    object["amount_received"] = json!(1099);
    json!({"id": format!("evt_{n}"), "object": "event", "type": "payment_intent.succeeded",
           "created": 1_741_149_000 + n, "livemode": false, "data": {"object": object}})
}

/// As Stripe lists: newest first.
fn page(numbers: impl IntoIterator<Item = usize>, has_more: bool) -> Reply {
    let data: Vec<Value> = numbers.into_iter().map(event).collect();
    answer(200, json!({"object": "list", "data": data, "has_more": has_more}))
}

fn poll(cursor: Option<&str>, vendor: impl FnMut(&Seen) -> Reply) -> Finished<Polled> {
    let next = |ctx| Stripe::next(ctx, cursor.map(str::to_owned));
    call(&json!({}), NOW_MS, next, vendor)
}

fn ids(polled: &Polled) -> Vec<&str> {
    polled.events.iter().map(|event| event.id.as_deref().unwrap()).collect()
}

#[test]
fn it_begins_a_little_back_and_then_follows_without_a_gap() {
    let first = poll(None, |_| page([3, 2, 1], false));
    assert!(first.requests[0].url.contains("created%5Bgte%5D=1741146108"), "{:?}", first.requests);
    let first = first.result.unwrap();
    assert_eq!(ids(&first), ["evt_1", "evt_2", "evt_3"], "oldest first");
    assert!(!first.more);

    let second = poll(Some(&first.cursor), |_| page([5, 4], true));
    assert!(second.requests[0].url.contains("ending_before=evt_3"), "{:?}", second.requests);
    let second = second.result.unwrap();
    assert_eq!((ids(&second), second.more), (vec!["evt_4", "evt_5"], true));

    let third = poll(Some(&second.cursor), |_| page([], false));
    assert!(third.requests[0].url.contains("ending_before=evt_5"), "{:?}", third.requests);
    let third = third.result.unwrap();
    assert_eq!((third.events.len(), third.more), (0, false));
    assert_eq!(third.cursor, second.cursor, "nothing new leaves the place as it is");
}

#[test]
fn a_long_beginning_is_read_page_by_page_and_nothing_newer_is_skipped() {
    let first = poll(None, |_| page([9, 8, 7], true)).result.unwrap();
    assert!(first.more);
    let second = poll(Some(&first.cursor), |_| page([6, 5], false));
    let url = &second.requests[0].url;
    assert!(url.contains("starting_after=evt_7") && url.contains("created"), "{url}");
    let second = second.result.unwrap();
    assert_eq!(ids(&second), ["evt_5", "evt_6"]);
    let third = poll(Some(&second.cursor), |_| page([], false));
    assert!(third.requests[0].url.contains("ending_before=evt_9"), "{:?}", third.requests);
}

#[test]
fn an_account_without_events_is_asked_from_the_same_time_on() {
    let first = poll(None, |_| page([], false)).result.unwrap();
    let second = poll(Some(&first.cursor), |_| page([1], false));
    assert!(second.requests[0].url.contains("created%5Bgte%5D=1741146108"));
    assert_eq!(ids(&second.result.unwrap()), ["evt_1"]);
}

#[test]
fn an_event_that_stripe_has_forgotten_begins_anew_with_all_that_it_keeps() {
    let done = poll(Some(r#"{"follow":{"newest":"evt_old"}}"#), |request| {
        match request.url.contains("ending_before") {
            true => answer(
                400,
                json!({"error": {"type": "invalid_request_error",
                "code": "resource_missing", "message": "No such event: 'evt_old'"}}),
            ),
            false => page([2, 1], false),
        }
    });
    let thirty_days_ago = 1_741_149_708 - 30 * 86_400;
    assert!(done.requests[1].url.contains(&format!("={thirty_days_ago}")), "{:?}", done.requests);
    assert_eq!(ids(&done.result.unwrap()), ["evt_1", "evt_2"]);
}

/// The webhook of the same event has the same id and says the same: the hub keeps one.
#[test]
fn a_polled_event_is_the_one_of_the_webhook() {
    let polled = poll(None, |_| page([1], false)).result.unwrap();
    let body = event(1).to_string().into_bytes();
    let delivered = call(
        &json!({}),
        NOW_MS,
        |ctx| {
            let (method, path) = ("POST".to_owned(), String::new());
            Stripe::receive(ctx, Delivery { method, path, headers: vec![], body: body.clone() })
        },
        |_| unreachable!(),
    );
    assert_eq!(polled.events, delivered.result.unwrap().events);
}

#[test]
fn one_event_that_cannot_be_read_is_told_of_and_holds_nothing_up() {
    let mut odd = event(2);
    odd["data"]["object"]["currency"] = json!("euro");
    let data = json!([event(3), odd, event(1)]);
    let polled = poll(None, |_| answer(200, json!({"data": data, "has_more": false})));
    let polled = polled.result.unwrap();
    assert_eq!(ids(&polled), ["evt_1", "evt_2:unread", "evt_3"]);
    let Payload::PaymentForeign(told) = &polled.events[1].payload else { panic!("{polled:?}") };
    assert_eq!(told.vendor_payment, "evt_2");
}

#[test]
fn what_is_no_list_of_this_mode_gives_nothing_and_moves_no_cursor() {
    let mut live = event(1);
    live["livemode"] = json!(true);
    let wrong = poll(None, |_| answer(200, json!({"data": [live], "has_more": false})));
    assert!(matches!(wrong.result, Err(Error::InvalidRequest(why)) if why.contains("mode")));
    for reply in [answer(200, json!({"data": 1})), answer(500, json!({})), answer(429, json!({}))] {
        let failed = poll(None, |_| reply.clone());
        assert!(matches!(failed.result, Err(Error::Transient { .. })), "{:?}", failed.result);
    }
    assert!(matches!(poll(None, |_| answer(401, json!({}))).result, Err(Error::Unauthorised(_))));
    assert!(matches!(poll(Some("evt_1"), |_| panic!()).result, Err(Error::InvalidRequest(_))));
}
