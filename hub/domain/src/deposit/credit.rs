//! Money that a PSP took: credited once, and given back where it was taken twice.
use super::Deposit;
use crate::actions::request;
use crate::{NewEvent, State, ids};
use hub_schemas::actions::psp::Refund;
use hub_schemas::events::action::ActionKind;
use hub_schemas::events::payment::{
    DepositCredited, PaymentAmountMismatch, PaymentDuplicateCharge,
};
use hub_schemas::{ConnectionId, Money, PaymentId};

/// The capability that a connector must export to give money back.
const PSP_REFUND: &str = "psp-refund";

/// Money taken for a deposit.
pub(super) struct Taken<'a> {
    pub(super) connection: &'a ConnectionId,
    pub(super) vendor_payment: &'a str,
    pub(super) amount: Money,
}

/// Credits it if nothing was credited yet, a deposit that had failed included; otherwise it was
/// taken twice, unless it is the credited payment that is told of again.
pub(super) fn decide(
    state: &State,
    payment: &PaymentId,
    deposit: &Deposit,
    taken: &Taken<'_>,
    out: &mut Vec<NewEvent>,
) {
    match &deposit.credited {
        None => credit(payment, deposit, taken, out),
        Some(credited) if credited.connection == *taken.connection => {}
        Some(_) if deposit.duplicates.contains_key(taken.connection) => {}
        Some(_) => refund(state, payment, deposit, taken, out),
    }
}

fn credit(payment: &PaymentId, deposit: &Deposit, taken: &Taken<'_>, out: &mut Vec<NewEvent>) {
    let entity = deposit.entity.as_ref();
    if taken.amount != deposit.amount && deposit.mismatch.is_none() {
        let mismatch = PaymentAmountMismatch {
            payment: payment.clone(),
            asked: deposit.amount,
            taken: taken.amount,
        };
        out.push(NewEvent::new(mismatch, payment).over(taken.connection).of(entity));
    }
    // Another currency needs a rate and nothing needs no entry: for finance to settle.
    let creditable =
        taken.amount.currency == deposit.amount.currency && taken.amount.amount > 0.into();
    if creditable {
        let credited = DepositCredited {
            payment: payment.clone(),
            client: deposit.client.clone(),
            amount: taken.amount,
            connection: taken.connection.clone(),
            vendor_payment: taken.vendor_payment.to_owned(),
        };
        out.push(NewEvent::new(credited, payment).over(taken.connection).of(entity));
    }
}

fn refund(
    state: &State,
    payment: &PaymentId,
    deposit: &Deposit,
    taken: &Taken<'_>,
    out: &mut Vec<NewEvent>,
) {
    let entity = deposit.entity.as_ref();
    let duplicate = PaymentDuplicateCharge {
        payment: payment.clone(),
        connection: taken.connection.clone(),
        vendor_payment: taken.vendor_payment.to_owned(),
        amount: taken.amount,
    };
    out.push(NewEvent::new(duplicate, payment).over(taken.connection).of(entity));
    if !state.config.can(taken.connection, PSP_REFUND) {
        return;
    }
    let action = ids::refund(payment, taken.connection);
    let wanted = Refund {
        payment: payment.clone(),
        refund: action.to_string(),
        idempotency_key: action.to_string(),
        vendor_payment: taken.vendor_payment.to_owned(),
        amount: taken.amount,
        reason: Some("another PSP had been credited for the same deposit".to_owned()),
    };
    let asked = request(action, ActionKind::PspRefund, taken.connection, &wanted);
    out.push(NewEvent::new(asked, payment).over(taken.connection).of(entity));
}
