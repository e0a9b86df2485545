//! Accounts on the platform, which knows no idempotency keys: opened once, funded once.
use crate::harness::vendors::{INITIAL_BALANCE, MT5, SILENCE, Vendors};
use crate::harness::{Hub, count, wait_for};
use hub_simulators::{Fault, Rule};
use std::time::Duration;

const CLIENT: &str = "cl-1";

/// Waits until the client's account is there and funded, and every action has ended.
async fn funded(hub: &Hub) {
    hub.api.until_event("account.funded", |_| true).await;
    wait_for("no open action", async || {
        (hub.api.json("/readyz").await["open_actions"] == 0).then_some(())
    })
    .await;
}

/// One account at the platform, with one balance operation on it, and the hub knows both.
async fn one_account_funded_once(vendors: &Vendors, hub: &Hub) {
    let accounts = vendors.accounts();
    assert_eq!(accounts.len(), 1, "{accounts:#?}");
    let account = &accounts[0];
    let operations: Vec<_> = account.deals.iter().filter(|deal| deal.action == 2).collect();
    assert_eq!(operations.len(), 1, "funded {} times: {operations:#?}", operations.len());
    assert_eq!(account.balance, INITIAL_BALANCE.parse().expect("a number"));
    let events = hub.api.events("").await;
    assert_eq!(count(&events, "account.opened"), 1);
    assert_eq!(count(&events, "account.funded"), 1);
    assert_eq!(count(&events, "provisioning.failed"), 0);
    let known = hub.api.json(&format!("/v1/accounts/{MT5}:{}", account.login)).await;
    assert_eq!(known["client"], CLIENT, "{known:#}");
}

/// Lets a client buy an evaluation while the next call of `operation` goes wrong.
async fn with_trouble(operation: &str, fault: Fault) -> (Vendors, Hub) {
    let vendors = Vendors::start().await;
    let hub = vendors.hub_with_platform().await;
    vendors.mt5.faults().add(Rule::next(operation, 1, fault));
    vendors.buy_challenge(&hub, CLIENT).await;
    funded(&hub).await;
    let applied: u32 = vendors.mt5.faults().call_rules().iter().map(|rule| rule.applied).sum();
    assert_eq!(applied, 1, "the trouble did not happen");
    (vendors, hub)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_opening_was_not_answered_is_found_and_not_opened_twice() {
    for fault in [Fault::ResetAfterActing, Fault::TimeoutAfterActing(SILENCE)] {
        let (vendors, hub) = with_trouble("user-add", fault).await;
        one_account_funded_once(&vendors, &hub).await;
        let opened = hub.api.events("type=action.completed").await;
        let opened: Vec<_> =
            opened.iter().filter(|e| e["data"]["kind"] == "platform.create-account").collect();
        assert_eq!(opened.len(), 1);
        assert_eq!(opened[0]["data"]["found"], true, "{:#}", opened[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_not_opened_is_opened_by_the_retry() {
    let (vendors, hub) = with_trouble("user-add", Fault::TimeoutBeforeActing(SILENCE)).await;
    one_account_funded_once(&vendors, &hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_operation_that_was_not_answered_is_not_repeated() {
    for fault in [
        Fault::ResetAfterActing,
        Fault::TimeoutAfterActing(SILENCE),
        Fault::GarbageBody,
        Fault::TimeoutBeforeActing(SILENCE),
    ] {
        let (vendors, hub) = with_trouble("trade-balance", fault).await;
        one_account_funded_once(&vendors, &hub).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_killed_while_it_funds_an_account_funds_it_once() {
    let vendors = Vendors::start().await;
    let mut hub = vendors.hub_with_platform().await;
    vendors.mt5.faults().add(Rule::next("trade-balance", 1, Fault::TimeoutAfterActing(SILENCE)));
    vendors.buy_challenge(&hub, CLIENT).await;
    wait_for("the funding deal at the platform", async || {
        vendors.accounts().iter().any(|account| !account.deals.is_empty()).then_some(())
    })
    .await;
    hub.kill9().await;
    vendors.mt5.faults().clear();
    hub.start_again().await;
    funded(&hub).await;
    one_account_funded_once(&vendors, &hub).await;
    vendors.sumsub.quiesce(Duration::from_secs(10)).await.expect("every webhook acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_shown_once_and_stand_nowhere_else() {
    let vendors = Vendors::start().await;
    let hub = vendors.hub_with_platform().await;
    vendors.buy_challenge(&hub, CLIENT).await;
    funded(&hub).await;
    let login = vendors.accounts()[0].login;
    let path = format!("/v1/accounts/{MT5}:{login}/credentials");
    let body = serde_json::json!({});
    let shown = hub.api.post(&path, "show-1", &body).await.expect(200).json();
    let main = shown["main"].as_str().expect("a password").to_owned();
    assert!(main.len() >= 8, "MT5 wants 8 characters");
    hub.api.post(&path, "show-2", &body).await.expect(404);
    let events = hub.api.get("/v1/events?limit=500").await.text();
    assert!(!events.contains(&main) && !hub.stderr().contains(&main));
}
