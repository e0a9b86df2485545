//! The sender: nothing is lost, and each fault looks as it says.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hub_simulators::webhooks::{Attempt, Signed, any_2xx};
use hub_simulators::{
    Clock, Faults, Message, Rule, SenderConfig, Server, WebhookFault, WebhookSender,
};

use crate::support::{Delivery, PATIENCE, Receiver, free_address, quick};

fn sender(config: SenderConfig, faults: &Faults) -> WebhookSender {
    let sign = |attempt: Attempt<'_>| Signed {
        headers: vec![
            ("signature".into(), if attempt.wrong_signature { "wrong" } else { "right" }.into()),
            ("time".into(), attempt.unix_s.to_string()),
        ],
        body: attempt.body.to_owned().into(),
    };
    WebhookSender::start(
        config,
        faults.clone(),
        Clock::manual(jiff::Timestamp::UNIX_EPOCH),
        sign,
        any_2xx,
    )
    .unwrap()
}

fn message(n: u32) -> Message {
    Message { id: format!("evt_{n}"), kind: "paid".into(), body: format!(r#"{{"number":{n}}}"#) }
}

fn numbers(all: &[Delivery]) -> Vec<u64> {
    all.iter().map(|delivery| delivery.json()["number"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn keeps_trying_until_the_receiver_is_up_on_its_port() {
    let address = free_address().await;
    let sender = sender(quick(Some(format!("http://{address}/hooks"))), &Faults::new(1));
    (0..20).for_each(|n| sender.send(message(n)));
    while sender.deliveries().unanswered < 20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(sender.deliveries().pending, 20);

    let receiver = Receiver::start_on(address).await;
    sender.quiesce(PATIENCE).await.unwrap();
    let mut all = numbers(&receiver.received());
    all.sort_unstable();
    assert_eq!(all, (0..20).collect::<Vec<u64>>(), "each exactly once");
    let counters = sender.deliveries();
    assert_eq!((counters.acknowledged, counters.pending, counters.given_up), (20, 0, 0));
}

#[tokio::test]
async fn only_2xx_acknowledges() {
    let receiver = Receiver::start().await;
    let mut statuses = vec![500, 401, 302, 404, 202].into_iter();
    receiver.reply(move |_| (statuses.next().unwrap(), ""));
    let sender = sender(quick(Some(receiver.url())), &Faults::new(1));
    sender.send(message(1));
    sender.quiesce(PATIENCE).await.unwrap();
    let counters = sender.deliveries();
    assert_eq!((counters.sent, counters.acknowledged), (5, 1));
    assert_eq!(counters.by_status.into_keys().collect::<Vec<_>>(), [202, 302, 401, 404, 500]);
}

#[tokio::test]
async fn messages_wait_for_a_url() {
    let receiver = Receiver::start().await;
    let sender = sender(quick(None), &Faults::new(1));
    sender.send(message(1));
    let error = sender.quiesce(Duration::from_millis(20)).await.unwrap_err();
    assert_eq!((error.pending, error.deliveries.sent), (1, 0));
    sender.set_url(Some(receiver.url()));
    sender.quiesce(PATIENCE).await.unwrap();
    assert_eq!(numbers(&receiver.received()), [1]);
}

#[tokio::test]
async fn a_message_too_old_is_given_up() {
    let address = free_address().await;
    let config = SenderConfig {
        age_max: Duration::from_millis(30),
        ..quick(Some(format!("http://{address}/")))
    };
    let sender = sender(config, &Faults::new(1));
    sender.send(message(1));
    sender.quiesce(PATIENCE).await.unwrap();
    assert_eq!((sender.deliveries().given_up, sender.deliveries().acknowledged), (1, 0));
}

#[tokio::test]
async fn duplicates_and_drops() {
    let receiver = Receiver::start().await;
    let faults = Faults::new(1);
    faults.add_webhook(Rule::nth("paid", 1, WebhookFault::Duplicate { times: 2 }));
    faults.add_webhook(Rule::always("paid", WebhookFault::Drop).containing(r#""number":2"#));
    let sender = sender(quick(Some(receiver.url())), &faults);
    (1..=3).for_each(|n| sender.send(message(n)));
    sender.quiesce(PATIENCE).await.unwrap();
    let mut all = numbers(&receiver.received());
    all.sort_unstable();
    assert_eq!(all, [1, 1, 1, 3]);
    let counters = sender.deliveries();
    assert_eq!((counters.queued, counters.acknowledged, counters.dropped), (5, 4, 1));
}

#[tokio::test]
async fn a_held_message_is_overtaken_by_the_next() {
    let receiver = Receiver::start().await;
    let faults = Faults::new(1);
    faults.add_webhook(Rule::nth("paid", 1, WebhookFault::Reorder));
    let sender = sender(quick(Some(receiver.url())), &faults);
    sender.send(message(1));
    sender.send(message(2));
    sender.quiesce(PATIENCE).await.unwrap();
    assert_eq!(numbers(&receiver.received()), [2, 1]);
}

#[tokio::test]
async fn a_delayed_message_comes_later() {
    let receiver = Receiver::start().await;
    let faults = Faults::new(1);
    faults.add_webhook(Rule::nth("paid", 1, WebhookFault::Delay(Duration::from_millis(100))));
    let sender = sender(quick(Some(receiver.url())), &faults);
    let start = tokio::time::Instant::now();
    sender.send(message(1));
    sender.send(message(2));
    sender.quiesce(PATIENCE).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(numbers(&receiver.received()), [2, 1]);
}

#[tokio::test]
async fn damage_hits_the_first_attempt_only_and_an_acceptance_of_it_is_seen() {
    for (fault, strict) in [
        (WebhookFault::WrongSignature, true),
        (WebhookFault::TruncatedBody, true),
        (WebhookFault::StaleTimestamp(600), true),
        (WebhookFault::WrongSignature, false),
    ] {
        let receiver = Receiver::start().await;
        receiver.reply(move |delivery| {
            let good = delivery.header("signature") == "right"
                && delivery.header("time") == "0"
                && serde_json::from_slice::<serde_json::Value>(&delivery.body).is_ok();
            if good || !strict { (200, "") } else { (401, "") }
        });
        let faults = Faults::new(1);
        faults.add_webhook(Rule::next("*", 1, fault.clone()));
        let sender = sender(quick(Some(receiver.url())), &faults);
        sender.send(message(1));
        sender.quiesce(PATIENCE).await.unwrap();

        let all = receiver.received();
        let counters = sender.deliveries();
        assert_eq!(counters.damaged_sent, 1, "{fault:?}");
        assert_eq!(counters.damaged_acknowledged, u64::from(!strict), "{fault:?}");
        assert_eq!(all.len(), if strict { 2 } else { 1 }, "{fault:?}");
        match fault {
            WebhookFault::WrongSignature => assert_eq!(all[0].header("signature"), "wrong"),
            WebhookFault::StaleTimestamp(_) => assert_eq!(all[0].header("time"), "-600"),
            _ => assert_eq!(&all[0].body[..], br#"{"numb"#),
        }
    }
}

#[tokio::test]
async fn attempts_at_once_are_bounded() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let slow = || async {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
        NOW.fetch_sub(1, Ordering::SeqCst);
    };
    let server =
        Server::start(free_address().await, axum::Router::new().fallback(slow)).await.unwrap();
    let config = SenderConfig { concurrency_max: 3, ..quick(Some(server.base_url())) };
    let sender = sender(config, &Faults::new(1));
    (0..50).for_each(|n| sender.send(message(n)));
    sender.quiesce(PATIENCE).await.unwrap();
    assert_eq!(MOST.load(Ordering::SeqCst), 3, "three at once, and never more");
}

#[tokio::test]
async fn a_stopped_sender_gives_up_what_is_pending_and_takes_nothing() {
    let sender = sender(quick(None), &Faults::new(1));
    sender.send(message(1));
    sender.stop().await;
    sender.send(message(2));
    let counters = sender.deliveries();
    assert_eq!((counters.queued, counters.given_up, counters.pending), (2, 2, 0));
}
