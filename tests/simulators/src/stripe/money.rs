//! Refunds, payouts, the balance, and the list of events.

use serde_json::{Value, json};

use super::cards::{self, Outcome};
use super::errors::ApiError;
use super::form::Params;
use super::objects::{PayoutBook, RefundBook};
use super::payments::{Row, money, paged};
use super::state::{Afterwards, State};

/// `POST /v1/refunds`. A fault's decline code becomes the refund's failure reason, later.
pub fn refund(
    state: &mut State,
    params: &mut Params,
    decline: Option<String>,
) -> Result<Value, ApiError> {
    let (intent, charge) = (params.text("payment_intent")?, params.text("charge")?);
    let amount = params.integer("amount")?;
    let reason = params.choice("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let metadata = params.metadata()?;
    params.accept(&[
        "expand",
        "instructions_email",
        "origin",
        "refund_application_fee",
        "reverse_transfer",
    ]);
    params.finish()?;

    let at = match (&intent, &charge) {
        (Some(id), _) => state
            .payment(id)
            .ok_or_else(|| ApiError::missing(404, "payment_intent", id, "payment_intent"))?,
        (None, Some(id)) => {
            let holds = |charges: &[super::objects::ChargeBook]| {
                charges.iter().any(|charge| charge.id == *id)
            };
            let found = state.books.payments.iter().position(|payment| holds(&payment.charges));
            found.ok_or_else(|| ApiError::missing(404, "charge", id, "charge"))?
        }
        (None, None) => {
            let wrong = "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(ApiError::invalid(wrong).code("parameter_missing"));
        }
    };
    let payment = &state.books.payments[at];
    let Some(paid) = payment.charges.last().filter(|charge| charge.status == "succeeded") else {
        let wrong = "This PaymentIntent does not have a successful charge to refund.";
        return Err(ApiError::invalid(wrong).code("payment_intent_unexpected_state").executed());
    };
    if paid.disputed {
        let wrong = format!("Charge {} has been charged back; cannot issue a refund.", paid.id);
        return Err(ApiError::invalid(&wrong).code("charge_disputed").executed());
    }
    let left = payment.amount - paid.amount_refunded;
    if left == 0 {
        let wrong = format!("Charge {} has already been refunded.", paid.id);
        return Err(ApiError::invalid(&wrong).code("charge_already_refunded").executed());
    }
    let amount = amount.unwrap_or(left);
    if amount < 1 || amount > left {
        let wrong = format!(
            "Refund amount ({amount}) is greater than unrefunded amount on charge ({left})."
        );
        return Err(ApiError::invalid(&wrong).param("amount").executed());
    }

    let method = payment.payment_method.as_deref().and_then(cards::outcome_of);
    let (charge, currency, payment_intent) =
        (paid.id.clone(), payment.currency.clone(), payment.id.clone());
    let id = state.id("re_");
    let later = |failure| Some(Afterwards::Refund { refund: id.clone(), failure });
    let (status, later) = match (decline, method) {
        (Some(code), _) => ("pending", later(Some(code))),
        (None, Some(Outcome::RefundPending)) => ("pending", later(None)),
        (None, Some(Outcome::RefundFails)) => {
            ("succeeded", later(Some("expired_or_canceled_card".into())))
        }
        (None, _) => ("succeeded", None),
    };
    let created = state.now().as_second();
    let book = RefundBook {
        id,
        status: status.into(),
        amount,
        currency,
        payment_intent,
        charge,
        metadata,
        reason,
        failure_reason: None,
        created,
    };
    let object = book.json();
    state.refund(at, book, later);
    Ok(object)
}

/// `GET /v1/refunds/{id}`
pub fn get_refund(state: &State, id: &str) -> Result<Value, ApiError> {
    let found = state.books.refunds.iter().find(|refund| refund.id == id);
    found.map(RefundBook::json).ok_or_else(|| ApiError::missing(404, "refund", id, "id"))
}

/// `GET /v1/refunds`
pub fn refunds(state: &State, params: &mut Params) -> Result<Value, ApiError> {
    let (intent, charge) = (params.text("payment_intent")?, params.text("charge")?);
    params.accept(&["expand"]);
    let rows = state.books.refunds.iter().rev().map(|refund| Row {
        id: &refund.id,
        created: refund.created,
        shown: intent.as_ref().is_none_or(|id| *id == refund.payment_intent)
            && charge.as_ref().is_none_or(|id| *id == refund.charge),
        json: Box::new(|| refund.json()),
    });
    paged(params, "refund", "/v1/refunds", rows.collect())
}

/// `POST /v1/payouts`. A fault's decline code becomes the payout's failure code, later.
pub fn payout(
    state: &mut State,
    params: &mut Params,
    decline: Option<String>,
) -> Result<Value, ApiError> {
    let (amount, currency) = money(params)?;
    let method =
        params.choice("method", &["standard", "instant"])?.unwrap_or_else(|| "standard".into());
    let (destination, description) = (params.text("destination")?, params.text("description")?);
    params.choice("source_type", &["bank_account", "card", "fpx"])?;
    let metadata = params.metadata()?;
    params.accept(&["expand", "statement_descriptor"]);
    params.finish()?;
    if state.books.balance.get(&currency).copied().unwrap_or(0) < amount {
        let wrong = "You have insufficient funds in your Stripe account for this transfer.";
        return Err(ApiError::invalid(wrong).code("balance_insufficient").executed());
    }
    let book = PayoutBook {
        id: state.id("po_"),
        status: "pending".into(),
        amount,
        currency,
        metadata,
        description,
        destination: destination.unwrap_or_else(|| "ba_1MtIhL2eZvKYlo2CAElKwKu2".into()),
        method,
        failure_code: None,
        created: state.now().as_second(),
    };
    let object = book.json();
    state.payout(book, decline);
    Ok(object)
}

/// `GET /v1/payouts/{id}`
pub fn get_payout(state: &State, id: &str) -> Result<Value, ApiError> {
    let found = state.books.payouts.iter().find(|payout| payout.id == id);
    found.map(PayoutBook::json).ok_or_else(|| ApiError::missing(404, "payout", id, "payout"))
}

/// `GET /v1/payouts`
pub fn payouts(state: &State, params: &mut Params) -> Result<Value, ApiError> {
    let status = params.text("status")?;
    params.accept(&["destination", "expand"]);
    let rows = state.books.payouts.iter().rev().map(|payout| Row {
        id: &payout.id,
        created: payout.created,
        shown: status.as_ref().is_none_or(|status| *status == payout.status),
        json: Box::new(|| payout.json()),
    });
    paged(params, "payout", "/v1/payouts", rows.collect())
}

/// `GET /v1/balance`
pub fn balance(state: &State) -> Value {
    let amount = |(currency, amount): (&String, &i64)| json!({ "amount": amount, "currency": currency, "source_types": { "card": amount } });
    let available: Vec<Value> = state.books.balance.iter().map(amount).collect();
    let pending: Vec<Value> =
        state.books.balance.keys().map(|currency| amount((currency, &0))).collect();
    json!({ "object": "balance", "available": available, "livemode": false, "pending": pending })
}

/// `GET /v1/events`: newest first.
pub fn events(state: &State, params: &mut Params) -> Result<Value, ApiError> {
    let (kind, kinds) = (params.text("type")?, params.list("types"));
    params.accept(&["delivery_success", "expand"]);
    // A trailing `*` stands for a group, as in `charge.*`.
    let fits = |pattern: &str, kind: &str| match pattern.strip_suffix('*') {
        Some(group) => kind.starts_with(group),
        None => kind == pattern,
    };
    let rows = state.events.iter().rev().map(|event| Row {
        id: &event.id,
        created: event.created,
        shown: kind.as_deref().is_none_or(|pattern| fits(pattern, &event.kind))
            && (kinds.is_empty() || kinds.iter().any(|pattern| fits(pattern, &event.kind))),
        json: Box::new(|| event.json.clone()),
    });
    paged(params, "event", "/v1/events", rows.collect())
}

/// `GET /v1/events/{id}`
pub fn get_event(state: &State, id: &str) -> Result<Value, ApiError> {
    let found = state.events.iter().find(|event| event.id == id);
    found.map(|event| event.json.clone()).ok_or_else(|| ApiError::missing(404, "event", id, "id"))
}
