//! Breach detection (section B): the rules of a programme, judged against what the platform says.
//!
//! | file | what |
//! |---|---|
//! | `day.rs` | from one reset to the next |
//! | `floor.rs` | the arithmetic |
//! | `flows.rs` | money that is neither profit nor loss |
//! | `watch.rs` | what is kept of an account, and how each rule stands |
//! | `enforce.rs` | what a breach does on the platform |
//!
//! Invariants: a rule of an account is breached at most once; nothing is judged before the opening
//! balance is there; a day never begins twice.
pub mod day;
mod enforce;
pub mod floor;
mod flows;
mod watch;

use crate::accounts::Account;
use crate::event::id_of;
use crate::{Event, NewEvent, State, ids};
use hub_schemas::events::account::{AccountEquity, AccountOpened};
use hub_schemas::events::breach::{Anchor, BreachDetected};
use hub_schemas::events::rules::{Compare, Programme};
use hub_schemas::{AccountId, Payload, ProvisioningId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
pub use watch::Watch;
use watch::{Point, Standing};

/// A breach that was detected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    /// What was detected, with its evidence.
    pub detected: BreachDetected,
    /// When it was, Unix milliseconds; the fact's own time is in the event that crossed.
    pub detected_ms: i64,
}

/// How a rule of an account stands now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleStanding {
    /// The rule, such as `daily-loss`.
    pub rule: String,
    /// What the floor is taken from.
    pub anchor: Anchor,
    /// What may be lost.
    pub allowance: Decimal,
    /// The floor.
    pub floor: Decimal,
    /// `equity` or `balance`.
    pub compared: &'static str,
    /// Its newest value.
    pub value: Decimal,
    /// What is left above the floor; negative once it is crossed.
    pub headroom: Decimal,
    /// The breach, if there was one.
    pub breach: Option<String>,
}

/// The hub's id of the operation that puts the opening balance on an account.
pub(crate) fn funding_operation(provisioning: &ProvisioningId) -> String {
    format!("fund_{provisioning}")
}

fn frozen_key(version: &str, programme: &str) -> String {
    format!("{version}/{programme}")
}

/// Keeps a programme as it is now: what was bought does not change with the configuration.
pub(crate) fn freeze(state: &mut State, programme: &str) -> bool {
    let rules = &state.config.rules.programmes;
    let Some(found) = rules.iter().find(|one| one.id == programme) else { return false };
    let key = frozen_key(&state.config.version, programme);
    state.frozen.entry(key).or_insert_with(|| found.clone());
    true
}

pub(crate) fn evolve(state: &mut State, event: &Event) {
    match &event.payload {
        Payload::AccountOpened(d) => opened(state, d),
        Payload::AccountFunded(d) => {
            let account = state.accounts.get_mut(&d.account);
            if let Some(watch) = account.and_then(|account| account.watch.as_mut()) {
                watch.funded_by(&d.ticket);
            }
        }
        Payload::AccountDeal(d) => {
            let account = state.accounts.get_mut(&d.account);
            if let Some(watch) = account.and_then(|account| account.watch.as_mut()) {
                watch.book(d, event.time_ms);
            }
        }
        Payload::AccountEquity(d) => {
            let Some(account) = state.accounts.get_mut(&d.account) else { return };
            let Some(watch) = account.watch.as_mut().filter(|_| account.funded.is_some()) else {
                return;
            };
            let Some(programme) = state.frozen.get(&watch.frozen) else { return };
            if watch.counts(d, event.time_ms) {
                watch.see(programme, point(d, event));
            }
        }
        _ => enforce::evolve(state, event),
    }
}

fn opened(state: &mut State, d: &AccountOpened) {
    let new = state.accounts.get(&d.account).is_some_and(|one| one.opened_at == state.folded);
    let Some(programme) = d.programme.as_ref().filter(|_| new) else { return };
    // The rules of the purchase; of now, for an account that none led to.
    let bought = state.clients.get(&d.client).and_then(|client| {
        let mut purchases = client.purchases.values();
        let bought = purchases.find(|one| one.provisioning == d.provisioning)?;
        Some(bought.rules_version.clone())
    });
    let version = match bought {
        Some(version) => version,
        None if freeze(state, programme) => state.config.version.clone(),
        None => return,
    };
    let key = frozen_key(&version, programme);
    let watch = Watch::new(&version, programme, key, funding_operation(&d.provisioning));
    if let Some(account) = state.accounts.get_mut(&d.account) {
        account.watch = Some(watch);
    }
}

fn point(d: &AccountEquity, event: &Event) -> Point {
    Point { time_ms: event.time_ms, balance: d.balance, equity: d.equity, sequence: event.sequence }
}

pub(crate) fn decide(state: &State, event: &Event, out: &mut Vec<NewEvent>) {
    let Payload::AccountEquity(d) = &event.payload else {
        return enforce::decide(state, event, out);
    };
    let Some(account) = state.accounts.get(&d.account).filter(|one| one.funded.is_some()) else {
        return;
    };
    let Some(watch) = &account.watch else { return };
    let Some(programme) = watch.programme(state) else { return };
    if !watch.counts(d, event.time_ms) {
        return;
    }
    for standing in watch.standings(programme, point(d, event)) {
        if standing.floor.crossed_by(standing.value)
            && !watch.breached.contains_key(&standing.rule())
        {
            out.push(detected(state, &d.account, account, programme, &standing, event));
        }
    }
}

fn detected(
    state: &State,
    id: &AccountId,
    account: &Account,
    programme: &Programme,
    standing: &Standing<'_>,
    event: &Event,
) -> NewEvent {
    let rule = standing.rule();
    let detected = BreachDetected {
        breach: ids::breach(id, &rule, event.sequence),
        account: id.clone(),
        client: account.client.clone(),
        programme: programme.id.clone(),
        phase: watch::phase(programme).map(|phase| phase.name.clone()).unwrap_or_default(),
        rules_version: account.watch.as_ref().map(|w| w.rules_version.clone()).unwrap_or_default(),
        anchor: anchor(standing),
        allowance: standing.floor.allowance,
        floor: standing.floor.floor,
        compared: compared(standing.compare).to_owned(),
        value: standing.value,
        crossed_by: event.id(),
        derivation: derivation(standing, programme),
        rule,
    };
    let entity = state.clients.get(&account.client).map(|one| &one.registered.entity);
    NewEvent::new(detected, id).over(&account.connection).of(entity)
}

fn anchor(standing: &Standing<'_>) -> Anchor {
    Anchor {
        kind: standing.anchor.to_owned(),
        value: standing.floor.anchor,
        event: standing.anchored_by.map(id_of),
        day: standing.day.map(str::to_owned),
    }
}

fn compared(compare: Compare) -> &'static str {
    match compare {
        Compare::Equity => "equity",
        Compare::Balance => "balance",
    }
}

fn derivation(standing: &Standing<'_>, programme: &Programme) -> String {
    let anchor = match (standing.anchored_by, standing.day) {
        (Some(sequence), Some(day)) => format!(
            "{} before the reset of {day}, {} {}, by {}",
            standing.anchor,
            programme.day.reset,
            programme.day.zone,
            id_of(sequence)
        ),
        (_, Some(day)) => format!("initial balance, on the first day {day}"),
        (_, None) => "initial balance".to_owned(),
    };
    let initial = programme.initial_balance;
    let floor = standing.floor.derivation(&anchor, initial, standing.allowance);
    let (compared, value) = (compared(standing.compare), standing.value.normalize());
    format!("{floor}; {compared} {value} is below it")
}

/// How the rules of an account stand with its newest state.
pub(crate) fn standings(state: &State, account: &Account) -> Vec<RuleStanding> {
    let Some(watch) = &account.watch else { return Vec::new() };
    let (Some(programme), Some(newest)) = (watch.programme(state), watch.newest) else {
        return Vec::new();
    };
    let standings = watch.standings(programme, newest);
    standings
        .map(|standing| RuleStanding {
            anchor: anchor(&standing),
            allowance: standing.floor.allowance,
            floor: standing.floor.floor,
            compared: compared(standing.compare),
            value: standing.value,
            headroom: standing.value.saturating_sub(standing.floor.floor),
            breach: watch.breached.get(&standing.rule()).cloned(),
            rule: standing.rule(),
        })
        .collect()
}
