//! What a PSP said of an attempt: one reading for webhooks and for results of actions, so that the
//! same news counts once, whichever way it came first.
use super::{Attempt, AttemptStatus, Deposit, attempt, credit};
use crate::actions::Purpose;
use crate::{Event, NewEvent, State};
use hub_schemas::actions::psp::{PaymentResult, PaymentStatus};
use hub_schemas::events::action::{ActionError, ErrorClass};
use hub_schemas::{
    ActionId, ConnectionId, Decline, DeclineCategory, Money, Payload, PaymentId, Verdict,
};
use serde::Deserialize;

/// The news.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// The money is taken.
    Taken { vendor_payment: String, amount: Money },
    /// The PSP will say later.
    Pending { vendor_payment: String, requires_action: bool, redirect_url: Option<String> },
    /// The PSP said no.
    Declined { vendor_payment: Option<String>, decline: Decline },
    /// The PSP could not be asked: nothing was charged.
    Errored(ActionError),
    /// Nobody knows whether money moved.
    Unknown(ActionError),
}

/// News of a payment.
pub(super) struct News<'a> {
    payment: &'a PaymentId,
    connection: Option<&'a ConnectionId>,
    action: Option<&'a ActionId>,
    outcome: Outcome,
}

impl News<'_> {
    /// The attempt that it is about: by the action; by the connection; else by the vendor's id or
    /// because there is only one.
    fn place(&self, deposit: &Deposit) -> Option<usize> {
        let find = |test: &dyn Fn(&Attempt) -> bool| deposit.attempts.iter().position(test);
        if let Some(action) = self.action {
            return find(&|one| one.action == *action);
        }
        if let Some(connection) = self.connection {
            return find(&|one| one.connection == *connection);
        }
        let vendor_payment = match &self.outcome {
            Outcome::Taken { vendor_payment, .. } | Outcome::Pending { vendor_payment, .. } => {
                Some(vendor_payment)
            }
            Outcome::Declined { vendor_payment, .. } => vendor_payment.as_ref(),
            Outcome::Errored(_) | Outcome::Unknown(_) => None,
        };
        find(&|one| one.vendor_payment.as_ref() == vendor_payment && vendor_payment.is_some())
            .or((deposit.attempts.len() == 1).then_some(0))
    }
}

/// Reads the news out of an event, if it holds any.
fn news<'a>(state: &'a State, event: &'a Event) -> Option<News<'a>> {
    let (payment, outcome) = match &event.payload {
        Payload::PaymentSucceeded(d) => {
            let vendor_payment = d.vendor_payment.clone();
            (&d.payment, Outcome::Taken { vendor_payment, amount: d.amount })
        }
        Payload::PaymentPending(d) => {
            let (vendor_payment, requires_action) = (d.vendor_payment.clone(), d.requires_action);
            (&d.payment, Outcome::Pending { vendor_payment, requires_action, redirect_url: None })
        }
        Payload::PaymentFailed(d) => {
            let vendor_payment = Some(d.vendor_payment.clone());
            (&d.payment, Outcome::Declined { vendor_payment, decline: d.decline.clone() })
        }
        Payload::ActionCompleted(d) => {
            let payment = charged(state, &d.action)?;
            let (connection, action) = (Some(&d.connection), Some(&d.action));
            return Some(News { payment, connection, action, outcome: completed(&d.result) });
        }
        Payload::ActionFailed(d) => {
            let payment = charged(state, &d.action)?;
            let (connection, action) = (Some(&d.connection), Some(&d.action));
            return Some(News { payment, connection, action, outcome: failed(&d.error) });
        }
        _ => return None,
    };
    Some(News { payment, connection: event.connection.as_ref(), action: None, outcome })
}

fn charged<'a>(state: &'a State, action: &ActionId) -> Option<&'a PaymentId> {
    match state.actions.purpose(action)? {
        Purpose::Charge { payment } => Some(payment),
        _ => None,
    }
}

fn completed(result: &serde_json::Value) -> Outcome {
    let Ok(result) = PaymentResult::deserialize(result) else {
        // The PSP did something; without its words nobody knows what.
        return Outcome::Unknown(ActionError {
            class: ErrorClass::UnknownOutcome,
            message: "the result does not fit psp.create-payment.result.json".to_owned(),
            vendor_code: None,
            category: None,
            verdict: None,
        });
    };
    let PaymentResult { vendor_payment, status, amount, redirect_url, decline } = result;
    match status {
        PaymentStatus::Succeeded => Outcome::Taken { vendor_payment, amount },
        PaymentStatus::Pending | PaymentStatus::RequiresAction => Outcome::Pending {
            vendor_payment,
            requires_action: status == PaymentStatus::RequiresAction,
            redirect_url,
        },
        PaymentStatus::Failed => Outcome::Declined {
            vendor_payment: Some(vendor_payment),
            decline: decline.unwrap_or_else(|| hard("no reason given")),
        },
    }
}

fn failed(error: &ActionError) -> Outcome {
    match error.class {
        ErrorClass::UnknownOutcome => Outcome::Unknown(error.clone()),
        ErrorClass::Declined => {
            let said = hard(&error.message);
            let decline = Decline {
                category: error.category.unwrap_or(said.category),
                verdict: error.verdict.unwrap_or(said.verdict),
                vendor_code: error.vendor_code.clone().unwrap_or_default(),
                message: said.message,
            };
            Outcome::Declined { vendor_payment: None, decline }
        }
        ErrorClass::Transient
        | ErrorClass::Unsupported
        | ErrorClass::Unauthorised
        | ErrorClass::InvalidRequest
        | ErrorClass::Connector => Outcome::Errored(error.clone()),
    }
}

/// A decline that nobody classified is hard.
fn hard(message: &str) -> Decline {
    Decline {
        category: DeclineCategory::Unknown,
        verdict: Verdict::Stop,
        vendor_code: String::new(),
        message: Some(message.to_owned()),
    }
}

pub(super) fn evolve(state: &mut State, event: &Event) {
    let Some((payment, place, outcome)) = news(state, event).and_then(|news| {
        let place = news.place(state.deposits.get(news.payment)?)?;
        Some((news.payment.clone(), place, news.outcome))
    }) else {
        return;
    };
    let Some(deposit) = state.deposits.get_mut(&payment) else { return };
    let Some(attempt) = deposit.attempts.get_mut(place) else { return };
    apply(attempt, outcome);
}

/// Money that is taken outranks everything said before; a yes or no outranks what is pending; and
/// what the hub itself could not find out counts only while the PSP has said nothing.
fn apply(attempt: &mut Attempt, outcome: Outcome) {
    match outcome {
        Outcome::Taken { vendor_payment, .. } => {
            if attempt.status != AttemptStatus::Succeeded {
                attempt.status = AttemptStatus::Succeeded;
                attempt.vendor_payment = Some(vendor_payment);
            }
        }
        Outcome::Pending { vendor_payment, requires_action, redirect_url } => {
            if attempt.status.is_open() {
                attempt.status = match requires_action {
                    true => AttemptStatus::RequiresAction,
                    false => AttemptStatus::Pending,
                };
                attempt.vendor_payment = Some(vendor_payment);
                attempt.redirect_url = redirect_url.or(attempt.redirect_url.take());
            }
        }
        Outcome::Declined { vendor_payment, decline } => {
            if attempt.status.is_open() {
                attempt.status = AttemptStatus::Declined;
                attempt.decline = Some(decline);
                attempt.vendor_payment = vendor_payment.or(attempt.vendor_payment.take());
            }
        }
        Outcome::Errored(error) if attempt.status == AttemptStatus::Asked => {
            attempt.status = AttemptStatus::Errored;
            attempt.error = Some(error);
        }
        Outcome::Unknown(error) if attempt.status == AttemptStatus::Asked => {
            attempt.status = AttemptStatus::Unknown;
            attempt.error = Some(error);
        }
        Outcome::Errored(_) | Outcome::Unknown(_) => {}
    }
}

pub(super) fn decide(state: &State, event: &Event, out: &mut Vec<NewEvent>) {
    let Some(news) = news(state, event) else { return };
    let Some(deposit) = state.deposits.get(news.payment) else { return };
    let place = news.place(deposit);
    match &news.outcome {
        Outcome::Taken { vendor_payment, amount } => {
            let attempted = place.map(|place| &deposit.attempts[place].connection);
            let Some(connection) = news.connection.or(attempted) else { return };
            let taken = credit::Taken { connection, vendor_payment, amount: *amount };
            credit::decide(state, news.payment, deposit, &taken, out);
        }
        Outcome::Pending { .. } => {
            if place.is_some_and(|place| place + 1 == deposit.attempts.len()) {
                attempt::wait(state, news.payment, deposit, event, out);
            }
        }
        // A later attempt, or the end, has dealt with the failure of an earlier one.
        Outcome::Declined { .. } | Outcome::Errored(_) => {
            if place.is_some_and(|place| place + 1 == deposit.attempts.len()) {
                attempt::next(state, news.payment, deposit, event, out);
            }
        }
        Outcome::Unknown(_) => {}
    }
}
