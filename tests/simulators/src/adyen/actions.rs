//! What each call does.

use serde_json::{Value, json};

use super::books::{Modification, ModificationBook, PaymentBook, PayoutBook};
use super::errors::ApiError;
use super::handlers::Context;
use super::requests;
use super::results::Outcome;

/// The `redirectResult` of a payment. It is opaque to the merchant.
pub fn redirect_result(psp: &str) -> String {
    hex::encode(psp)
}

/// `POST /payments`
pub fn pay(context: &mut Context<'_>, decline: Option<String>) -> Result<Value, ApiError> {
    let request = requests::payment(context.body, context.merchant_account)?;
    let card = request.method_type == "scheme";
    let holder = request.method.get("holderName").and_then(Value::as_str);
    let asked = request.requested_code.as_deref().map(Outcome::of_code);
    let asked = asked.or_else(|| holder.and_then(Outcome::of_holder));
    let outcome = match decline {
        Some(code) => Outcome::of_code(&code),
        None if request.authenticate => Outcome::plain("RedirectShopper"),
        // What a test payment may ask for, it asks with card data.
        None if card => asked.unwrap_or_else(|| Outcome::plain("Authorised")),
        None if request.method_type == "sepadirectdebit" => Outcome::plain("Received"),
        None if matches!(request.method_type.as_str(), "applepay" | "googlepay") => {
            Outcome::plain("Authorised")
        }
        None => Outcome::plain("RedirectShopper"),
    };

    let psp = context.state.psp_reference();
    let redirected = outcome.result_code == "RedirectShopper";
    context.state.books.payments.push(PaymentBook {
        psp_reference: psp.clone(),
        reference: request.reference.clone(),
        value: request.amount.value,
        currency: request.amount.currency.clone(),
        result_code: outcome.result_code.clone(),
        refusal_reason: None,
        refusal_reason_code: None,
        method: request.method_type.clone(),
        shopper_reference: request.shopper_reference,
        return_url: request.return_url,
        manual_capture: request.manual_capture,
        captured: 0,
        refunded: 0,
        cancelled: false,
        charged_back: false,
        idempotency_key: context.idempotency_key.clone(),
    });
    let at = context.state.books.payments.len() - 1;
    if redirected {
        let url = format!("{}/_sim/redirect/{psp}", context.state.base_url);
        let action = json!({ "paymentMethodType": request.method_type, "url": url, "method": "GET", "type": "redirect" });
        // The specification's examples: a card's redirect carries the reference, another method's does not.
        return Ok(match card {
            true => {
                json!({ "pspReference": psp, "resultCode": "RedirectShopper", "action": action })
            }
            false => json!({ "resultCode": "RedirectShopper", "action": action }),
        });
    }
    context.state.settle_payment(at, outcome);
    Ok(result(&context.state.books.payments[at]))
}

fn result(payment: &PaymentBook) -> Value {
    let mut body = json!({
        "pspReference": payment.psp_reference, "resultCode": payment.result_code,
        "merchantReference": payment.reference,
        "amount": { "currency": payment.currency, "value": payment.value },
        "paymentMethod": { "type": payment.method },
    });
    if let (Some(reason), Some(code)) = (&payment.refusal_reason, &payment.refusal_reason_code) {
        body["refusalReason"] = reason.as_str().into();
        body["refusalReasonCode"] = code.as_str().into();
    }
    body
}

/// `POST /payments/details`: what became of a redirect.
pub fn details(context: &mut Context<'_>) -> Result<Value, ApiError> {
    let body = requests::object(context.body)?;
    let given = body
        .get("details")
        .and_then(|details| details.get("redirectResult"))
        .and_then(Value::as_str);
    let given = given.ok_or_else(|| ApiError::missing("14_002", "details"))?;
    let known = |payment: &&PaymentBook| redirect_result(&payment.psp_reference) == given;
    let payment = context.state.books.payments.iter().find(known);
    let payment = payment.ok_or_else(|| ApiError::validation("101", "Invalid redirectResult"))?;
    Ok(result(payment))
}

/// `POST /payments/{psp}/refunds|captures|cancels`: received; the webhook tells what came of it.
pub fn modify(
    context: &mut Context<'_>,
    psp: &str,
    kind: Modification,
    decline: Option<String>,
) -> Result<Value, ApiError> {
    let with_amount = kind != Modification::Cancel;
    let (amount, reference) =
        requests::modification(context.body, context.merchant_account, with_amount)?;
    let at = context.state.payment(psp).ok_or_else(ApiError::no_original)?;
    let payment = &context.state.books.payments[at];
    if amount.as_ref().is_some_and(|amount| amount.currency != payment.currency) {
        return Err(ApiError::validation("138", "Unsupported currency specified"));
    }
    let value = amount.as_ref().map_or(payment.value, |amount| amount.value);
    let own = context.state.psp_reference();
    let mut body = json!({
        "merchantAccount": context.merchant_account, "paymentPspReference": psp, "pspReference": own,
        "status": "received",
    });
    if let Some(reference) = &reference {
        body["reference"] = reference.as_str().into();
    }
    if let Some(amount) = &amount {
        body["amount"] = json!({ "currency": amount.currency, "value": amount.value });
    }
    let book = ModificationBook {
        psp_reference: own,
        payment: psp.to_owned(),
        kind,
        value,
        reference,
        success: None,
        reason: None,
    };
    context.state.modify(book, decline);
    Ok(body)
}

/// `POST /payout` (`instant`), `/submitThirdParty` and `/storeDetailAndSubmitThirdParty` (Payout v68).
pub fn payout(
    context: &mut Context<'_>,
    instant: bool,
    decline: Option<String>,
) -> Result<Value, ApiError> {
    let body = requests::object(context.body)?;
    requests::merchant(&body, context.merchant_account)?;
    let amount = requests::amount(&body)?;
    let reference =
        requests::text(&body, "reference")?.ok_or_else(|| ApiError::missing("130", "reference"))?;
    let shopper_reference = requests::text(&body, "shopperReference")?;
    if !instant {
        for field in ["shopperEmail", "shopperReference"] {
            requests::text(&body, field)?.ok_or_else(|| ApiError::missing("100", field))?;
        }
        if body
            .get("recurring")
            .and_then(|recurring| recurring.get("contract"))
            .is_none_or(|c| c != "PAYOUT")
        {
            return Err(ApiError::validation("100", "The recurring contract must be PAYOUT."));
        }
    }
    let psp = context.state.psp_reference();
    let review = !instant && context.payouts_need_review;
    let book = PayoutBook {
        psp_reference: psp.clone(),
        reference,
        value: amount.value,
        currency: amount.currency,
        shopper_reference,
        status: if review { "in-review" } else { "submitted" }.into(),
        reason: None,
        idempotency_key: context.idempotency_key.clone(),
    };
    context.state.payout(book, decline);
    let result_code = if instant { "Received" } else { "[payout-submit-received]" };
    Ok(json!({ "pspReference": psp, "resultCode": result_code }))
}

/// `POST /confirmThirdParty` and `/declineThirdParty`.
pub fn review(context: &mut Context<'_>, confirm: bool) -> Result<Value, ApiError> {
    let body = requests::object(context.body)?;
    requests::merchant(&body, context.merchant_account)?;
    let original = requests::text(&body, "originalReference")?.ok_or_else(ApiError::no_original)?;
    if !context.state.review_payout(&original, confirm) {
        return Err(ApiError::no_original());
    }
    let response = if confirm { "[payout-confirm-received]" } else { "[payout-decline-received]" };
    Ok(json!({ "pspReference": context.state.psp_reference(), "response": response }))
}
