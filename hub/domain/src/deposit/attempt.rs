//! The next PSP, or the end of a deposit (P4).
use super::{Attempt, AttemptStatus, DEPOSIT_EXPIRES_AFTER_MS, Deposit};
use crate::actions::request;
use crate::routing::{self, Query, Route};
use crate::{Event, NewEvent, State};
use hub_schemas::actions::psp::CreatePayment;
use hub_schemas::events::action::ActionKind;
use hub_schemas::events::ops::TimerSet;
use hub_schemas::events::payment::{DepositFailed, PaymentRouted};
use hub_schemas::events::rules::PaymentKind;
use hub_schemas::{ConnectionId, Payload, PaymentId, Verdict};

/// Routes a deposit that has just been asked for.
pub(super) fn first(state: &State, payment: &PaymentId, out: &mut Vec<NewEvent>) {
    let Some(deposit) = state.deposits.get(payment) else { return };
    // A repeated request finds an attempt or an end.
    if !deposit.is_open() || !deposit.attempts.is_empty() {
        return;
    }
    let route = match barred(state, deposit) {
        Some(reason) => return out.push(failed(payment, deposit, reason)),
        None => route(state, deposit, &[]),
    };
    match route {
        Some(route) => out.push(routed(state, payment, deposit, 1, route)),
        None => {
            let reason = "the country of the payment is not known";
            out.push(failed(payment, deposit, reason.to_owned()));
        }
    }
}

/// Why nobody may be asked at all.
fn barred(state: &State, deposit: &Deposit) -> Option<String> {
    let Some(client) = state.clients.get(&deposit.client) else {
        return Some(format!("client {} is not registered", deposit.client));
    };
    if let Some(erased) = state.erased.get(&deposit.client) {
        return Some(format!("the client was erased ({})", erased.event));
    }
    if let Some(restriction) = &client.restriction {
        return Some(format!("the client is restricted: {}", restriction.reason));
    }
    match deposit.amount.to_minor() {
        Ok(minor) if minor > 0 => None,
        Ok(_) => Some(format!("{} is not a positive amount", deposit.amount)),
        Err(error) => Some(error.to_string()),
    }
}

fn route(state: &State, deposit: &Deposit, asked: &[ConnectionId]) -> Option<Route> {
    let query = Query {
        kind: PaymentKind::Deposit,
        entity: deposit.entity.as_ref()?,
        country: deposit.country?,
        method: &deposit.method,
        amount: deposit.amount,
        asked,
    };
    Some(routing::route(&state.config.rules, &state.connections, &query))
}

fn routed(
    state: &State,
    payment: &PaymentId,
    deposit: &Deposit,
    attempt: u32,
    route: Route,
) -> NewEvent {
    let chosen = route.chosen.clone();
    let routed = PaymentRouted {
        payment: payment.clone(),
        attempt,
        rule: route.rule,
        rules_version: state.config.version.clone(),
        strategy: route.strategy.map(str::to_owned),
        chosen: route.chosen,
        candidates: route.candidates,
        explanation: route.explanation,
    };
    let new = NewEvent::new(routed, payment).of(deposit.entity.as_ref());
    match &chosen {
        Some(connection) => new.over(connection),
        None => new,
    }
}

fn failed(payment: &PaymentId, deposit: &Deposit, reason: String) -> NewEvent {
    let decline = deposit.attempts.iter().rev().find_map(|attempt| attempt.decline.clone());
    let client = deposit.client.clone();
    let failed = DepositFailed { payment: payment.clone(), client, reason, decline };
    NewEvent::new(failed, payment).of(deposit.entity.as_ref())
}

/// Asks the PSP that was chosen, or ends the deposit if none was.
pub(super) fn charge(state: &State, routed: &PaymentRouted, out: &mut Vec<NewEvent>) {
    let Some(deposit) = state.deposits.get(&routed.payment) else { return };
    if !deposit.is_open() {
        return;
    }
    let Some(connection) = &routed.chosen else {
        return out.push(failed(&routed.payment, deposit, routed.explanation.clone()));
    };
    let Some(attempt) = deposit.attempts.last().filter(|last| last.attempt == routed.attempt)
    else {
        return;
    };
    if state.actions.get(&attempt.action).is_some() {
        return;
    }
    let wanted = CreatePayment {
        payment: routed.payment.clone(),
        idempotency_key: attempt.action.to_string(),
        amount: deposit.amount,
        client: deposit.client.clone(),
        method: deposit.method.clone(),
        method_token: deposit.method_tokens.get(connection).cloned(),
        country: deposit.country,
        return_url: deposit.return_url.clone(),
    };
    let kind = ActionKind::PspCreatePayment;
    let asked: Payload = request(attempt.action.clone(), kind, connection, &wanted).into();
    out.push(NewEvent::new(asked, &routed.payment).over(connection).of(deposit.entity.as_ref()));
}

/// After a failure of the last attempt: another PSP, or the end. A repetition of the failure finds
/// a further attempt or the end, and gets nowhere.
pub(super) fn next(
    state: &State,
    payment: &PaymentId,
    deposit: &Deposit,
    event: &Event,
    out: &mut Vec<NewEvent>,
) {
    let Some(last) = deposit.attempts.last().filter(|_| deposit.is_open()) else { return };
    let Some(what) = what_failed(last) else { return };
    let decided = match another(state, deposit, last, event) {
        Ok(route) => routed(state, payment, deposit, last.attempt + 1, route),
        Err(why) => failed(payment, deposit, format!("{what}; {why}")),
    };
    out.push(decided);
}

fn what_failed(attempt: &Attempt) -> Option<String> {
    let connection = &attempt.connection;
    match (attempt.status, &attempt.decline, &attempt.error) {
        (AttemptStatus::Declined, Some(decline), _) => {
            let category = serde_json::to_value(decline.category).unwrap_or_default();
            let category = category.as_str().unwrap_or("unknown").to_owned();
            Some(format!("{connection} declined: {category} ({})", decline.vendor_code))
        }
        (AttemptStatus::Errored, _, Some(error)) => {
            // The message is the vendor's, and sealed: it cannot be put together with anything.
            Some(format!("{connection} could not be asked: {}", error.class.word()))
        }
        _ => None,
    }
}

/// The next route, or why there is none.
fn another(
    state: &State,
    deposit: &Deposit,
    last: &Attempt,
    event: &Event,
) -> Result<Route, String> {
    if last.status == AttemptStatus::Declined {
        match last.decline.as_ref().map_or(Verdict::Stop, |decline| decline.verdict) {
            Verdict::FallBack => {}
            Verdict::RetryLater => return Err("the client may try again later".to_owned()),
            Verdict::Stop => return Err("a hard decline ends the deposit".to_owned()),
        }
    }
    if let Some(reason) = barred(state, deposit) {
        return Err(reason);
    }
    let asked: Vec<_> = deposit.attempts.iter().map(|one| one.connection.clone()).collect();
    let route = route(state, deposit, &asked).ok_or("the country is not known")?;
    let Some(rule) = &route.rule else { return Err(route.explanation) };
    let Some(fallback) = &route.fallback else {
        return Err(format!("rule {rule} has no fallback"));
    };
    if deposit.attempts.len() >= fallback.attempts_max as usize {
        return Err(format!("rule {rule} allows {} attempts", fallback.attempts_max));
    }
    let within_ms = crate::rules::duration_ms(&fallback.within)?;
    if elapsed_ms(deposit, event) > within_ms {
        return Err(format!("rule {rule} allows attempts within {}", fallback.within));
    }
    if route.chosen.is_none() {
        return Err(route.explanation);
    }
    Ok(route)
}

/// Time since the request, by the clock of what happened or that of the hub, whichever is later: a
/// decline that is delivered after hours must not charge a client who has long left.
fn elapsed_ms(deposit: &Deposit, event: &Event) -> i64 {
    let happened = event.time_ms.saturating_sub(deposit.requested_ms);
    happened.max(event.recorded_ms.saturating_sub(deposit.recorded_ms))
}

fn timer(payment: &PaymentId) -> String {
    format!("deposit/{payment}")
}

/// Sets the timer of a deposit that became pending.
pub(super) fn wait(
    state: &State,
    payment: &PaymentId,
    deposit: &Deposit,
    event: &Event,
    out: &mut Vec<NewEvent>,
) {
    let timer = timer(payment);
    if is_pending(deposit) && state.timers.due_ms(&timer).is_none() {
        let at_ms = event.recorded_ms.saturating_add(DEPOSIT_EXPIRES_AFTER_MS);
        let set = TimerSet { timer, at_ms };
        out.push(NewEvent::new(set, payment).of(deposit.entity.as_ref()));
    }
}

/// The last word on it was "later".
fn is_pending(deposit: &Deposit) -> bool {
    let last = deposit.attempts.last().map(|attempt| attempt.status);
    deposit.is_open()
        && matches!(last, Some(AttemptStatus::Pending | AttemptStatus::RequiresAction))
}

/// Ends a deposit that is still pending. One whose outcome is unknown is left for a webhook or a
/// person: nobody may tell the client that it failed.
pub(super) fn expire(state: &State, timer: &str, out: &mut Vec<NewEvent>) {
    let id = timer.strip_prefix("deposit/").and_then(|id| PaymentId::new(id).ok());
    let Some(payment) = id.filter(|_| state.timers.due_ms(timer).is_none()) else { return };
    let Some(deposit) = state.deposits.get(&payment).filter(|one| is_pending(one)) else { return };
    let hours = DEPOSIT_EXPIRES_AFTER_MS / 3_600_000;
    let reason = format!("expired: no answer within {hours} h");
    out.push(failed(&payment, deposit, reason));
}
