//! What a breach does on the platform (B14, A8): positions are closed, the account is disabled,
//! and a refusal is told to people.
use super::{Breach, watch};
use crate::actions::{Purpose, request};
use crate::{Event, NewEvent, State, ids};
use hub_schemas::actions::platform::{ClosePositions, DisableAccount};
use hub_schemas::events::account::{AccountDisableFailed, AccountDisabled};
use hub_schemas::events::action::ActionKind;
use hub_schemas::events::breach::BreachDetected;
use hub_schemas::events::rules::OnBreach;
use hub_schemas::{AccountId, ActionId, Payload};

/// The capability that a platform's connector must export to close positions.
const PLATFORM_POSITIONS: &str = "platform-positions";

pub(super) fn evolve(state: &mut State, event: &Event) {
    match &event.payload {
        Payload::BreachDetected(d) if !state.breaches.contains_key(&d.breach) => {
            enforced(state, d);
            let breach = Breach { detected: d.clone(), detected_ms: event.time_ms };
            state.breaches.insert(d.breach.clone(), breach);
        }
        Payload::AccountDisableFailed(d) => {
            let account = state.accounts.get_mut(&d.account);
            if let Some(watch) = account.and_then(|account| account.watch.as_mut()) {
                // The breach of another rule may try again.
                watch.disabling = None;
            }
        }
        _ => {}
    }
}

/// Notes which actions are this breach's to ask for: another rule's breach may have done so.
fn enforced(state: &mut State, d: &BreachDetected) {
    let Some(account) = state.accounts.get_mut(&d.account) else { return };
    let can_close = state.config.can(&account.connection, PLATFORM_POSITIONS);
    let disabled = account.disabled.is_some();
    let Some(watch) = account.watch.as_mut() else { return };
    watch.breached.insert(d.rule.clone(), d.breach.clone());
    let programme = state.frozen.get(&watch.frozen);
    let on_breach = programme.and_then(|one| watch::on_breach(one, &d.rule)).unwrap_or_default();
    if on_breach == OnBreach::CloseAndDisable && can_close && watch.closing.is_none() {
        watch.closing = Some(ids::close_positions(&d.breach));
    }
    if !disabled && watch.disabling.is_none() {
        watch.disabling = Some(ids::disable_account(&d.breach));
    }
}

pub(super) fn decide(state: &State, event: &Event, out: &mut Vec<NewEvent>) {
    match &event.payload {
        Payload::BreachDetected(d) => act(state, d, out),
        Payload::ActionCompleted(d) => {
            let Some((account, reason)) = disabling(state, &d.action) else { return };
            if state.accounts.get(account).is_none_or(|one| one.disabled.is_some()) {
                return;
            }
            let disabled = AccountDisabled {
                account: account.clone(),
                reason: reason.to_owned(),
                breach: breach_of(state, account, &d.action),
            };
            out.push(told(state, account, disabled.into()));
        }
        Payload::ActionFailed(d) => {
            let Some((account, _)) = disabling(state, &d.action) else { return };
            let breach = breach_of(state, account, &d.action);
            let Some(known) = state.accounts.get(account) else { return };
            let again = known.disable_failed.as_ref().is_some_and(|one| one.breach == breach);
            if known.disabled.is_none() && !again {
                let error = d.error.clone();
                let failed = AccountDisableFailed { account: account.clone(), breach, error };
                out.push(told(state, account, failed.into()));
            }
        }
        _ => {}
    }
}

fn told(state: &State, id: &AccountId, payload: Payload) -> NewEvent {
    let new = NewEvent::new(payload, id);
    let Some(account) = state.accounts.get(id) else { return new };
    let entity = state.clients.get(&account.client).map(|one| &one.registered.entity);
    new.over(&account.connection).of(entity)
}

fn act(state: &State, d: &BreachDetected, out: &mut Vec<NewEvent>) {
    let Some(known) = state.accounts.get(&d.account) else { return };
    let Some(watch) = &known.watch else { return };
    let (account, reason) = (&d.account, format!("breach of {}: {}", d.rule, d.breach));
    let close = ClosePositions { account: account.clone(), reason: reason.clone() };
    let disable = DisableAccount { account: account.clone(), reason };
    let (closing, disabling) = (ids::close_positions(&d.breach), ids::disable_account(&d.breach));
    let over = &known.connection;
    let close = request(closing, ActionKind::PlatformClosePositions, over, &close);
    let disable = request(disabling, ActionKind::PlatformDisableAccount, over, &disable);
    for (wanted, asked) in [(&watch.closing, close), (&watch.disabling, disable)] {
        if wanted.as_ref() == Some(&asked.action) && state.actions.get(&asked.action).is_none() {
            out.push(told(state, account, asked.into()));
        }
    }
}

/// The account that an action disables, and why.
fn disabling<'a>(state: &'a State, action: &ActionId) -> Option<(&'a AccountId, &'a str)> {
    match state.actions.purpose(action)? {
        Purpose::DisableAccount { account, reason } => Some((account, reason)),
        _ => None,
    }
}

/// The breach for which an action disables, if it is for one.
fn breach_of(state: &State, account: &AccountId, action: &ActionId) -> Option<String> {
    let watch = state.accounts.get(account)?.watch.as_ref()?;
    watch.breached.values().find(|breach| ids::disable_account(breach) == *action).cloned()
}
