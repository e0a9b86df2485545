//! Actions: docs.stripe.com/api.
use crate::money::{self, Purpose};
use crate::object::{Balance, ErrorBody, PaymentIntent, Payout, Refund, StripeError};
use crate::settings::Settings;
use crate::{Stripe, map};
use hub_plugin_sdk::actions::psp;
use hub_plugin_sdk::prelude::*;

/// The version whose answers `object.rs` describes; without it the account's default would
/// decide. The first that tells of every refund by `refund.*` events.
const API_VERSION: &str = "2024-10-28.acacia";
/// Charged in test mode if the request names no method (docs.stripe.com/testing).
const TEST_PAYMENT_METHOD: &str = "pm_card_visa";
/// docs.stripe.com/api/metadata
const METADATA_VALUE_CHARS_MAX: usize = 500;
/// What is kept of Stripe's words about a wrong request.
const MESSAGE_CHARS_MAX: usize = 300;

/// What every request carries.
pub(crate) fn authorised(request: Request) -> Request {
    request
        .header("authorization", [text("Bearer "), secret("api_key")])
        .header("stripe-version", [text(API_VERSION)])
}

/// A request that moves money, once per key. Stripe keeps a key for at least 24 hours
/// (docs.stripe.com/api/idempotent_requests).
fn money_request(
    ctx: &Ctx,
    path: &str,
    key: &str,
    fields: Vec<(&str, String)>,
) -> Result<Request, Error> {
    let url = ctx.settings::<Settings>()?.url(path);
    Ok(authorised(Request::post(url))
        .header("idempotency-key", [text(key)])
        .form(fields)
        .unsafe_to_repeat())
}

/// What Stripe said in an answer that is not 2xx.
pub(crate) fn said(response: &Response) -> Option<StripeError> {
    response.json::<ErrorBody>().ok().map(|body| body.error)
}

/// The class of an answer that is not 2xx (docs.stripe.com/api/errors).
pub(crate) fn failure(response: &Response, what: &str) -> Error {
    let error = said(response).unwrap_or_default();
    match response.status {
        // Another request with this key is under way; something beyond Stripe failed.
        409 | 424 => Error::Transient {
            message: format!("{what}: Stripe answered {}", response.status),
            retry_after_ms: response.retry_after_ms(),
        },
        402 => Error::Declined(map::decline(&error)),
        400 | 404 => {
            let message: String =
                error.message.unwrap_or_default().chars().take(MESSAGE_CHARS_MAX).collect();
            Error::InvalidRequest(format!(
                "{what}: Stripe answered {} {} {} {message}",
                response.status,
                error.code.unwrap_or(error.kind),
                error.param.map(|name| format!("({name})")).unwrap_or_default(),
            ))
        }
        _ => response.error(what),
    }
}

/// The key and the connection are not of one mode.
pub(crate) fn wrong_mode(live: bool) -> Error {
    let (key, connection) = if live { ("test", "live") } else { ("live", "test") };
    Error::InvalidRequest(format!(
        "the api_key is of {key} mode, and the connection is of {connection} mode"
    ))
}

fn payment_fields(
    ctx: &Ctx,
    pay: &psp::CreatePayment,
) -> Result<Vec<(&'static str, String)>, Error> {
    let method = match &pay.method_token {
        Some(token) => token.clone(),
        None if !ctx.live() => TEST_PAYMENT_METHOD.to_owned(),
        None => {
            return Err(Error::InvalidRequest(format!(
                "payment {}: Stripe needs method_token, the payment method (pm_…) that the \
                 cashier page collected",
                pay.payment
            )));
        }
    };
    let minor = money::to_minor(&pay.amount, Purpose::Charge)?;
    let mut fields = vec![
        ("amount", minor.to_string()),
        ("currency", pay.amount.currency.as_str().to_ascii_lowercase()),
        ("confirm", "true".to_owned()),
        ("payment_method", method),
        ("automatic_payment_methods[enabled]", "true".to_owned()),
        ("metadata[payment_id]", pay.payment.to_string()),
        ("metadata[client]", pay.client.to_string()),
        ("metadata[attempt]", pay.idempotency_key.clone()),
    ];
    match &pay.return_url {
        Some(url) => fields.push(("return_url", url.clone())),
        // Stripe refuses to confirm a payment that may redirect and has nowhere to return to.
        None => fields.push(("automatic_payment_methods[allow_redirects]", "never".to_owned())),
    }
    Ok(fields)
}

impl Psp for Stripe {
    async fn create_payment(
        ctx: &Ctx,
        pay: psp::CreatePayment,
    ) -> Result<psp::PaymentResult, Error> {
        let fields = payment_fields(ctx, &pay)?;
        let request = money_request(ctx, "/v1/payment_intents", &pay.idempotency_key, fields)?;
        let response = ctx.send(request).await?;
        if response.is_success() {
            return map::result(&response.json::<PaymentIntent>()?);
        }
        // A declined card: the payment was made, and failed.
        if let Some(error) = said(&response).filter(|_| response.status == 402)
            && let Some(intent) = &error.payment_intent
        {
            return Ok(psp::PaymentResult {
                vendor_payment: intent.id.clone(),
                status: psp::PaymentStatus::Failed,
                amount: money::from_minor(intent.amount, &intent.currency)?,
                redirect_url: None,
                decline: Some(map::decline(&error)),
            });
        }
        Err(failure(&response, &format!("payment {}", pay.payment)))
    }
}

impl PspRefund for Stripe {
    async fn refund(ctx: &Ctx, wanted: psp::Refund) -> Result<psp::RefundResult, Error> {
        // Payments of before payment intents are charges.
        let of = if wanted.vendor_payment.starts_with("pi_") { "payment_intent" } else { "charge" };
        let mut fields = vec![
            (of, wanted.vendor_payment),
            ("amount", money::to_minor(&wanted.amount, Purpose::Charge)?.to_string()),
            ("metadata[payment_id]", wanted.payment.to_string()),
            ("metadata[refund_id]", wanted.refund.clone()),
        ];
        if let Some(reason) = wanted.reason {
            let reason = reason.chars().take(METADATA_VALUE_CHARS_MAX).collect();
            fields.push(("metadata[reason]", reason));
        }
        let request = money_request(ctx, "/v1/refunds", &wanted.idempotency_key, fields)?;
        let response = ctx.send(request).await?;
        if !response.is_success() {
            return Err(failure(&response, &format!("refund {}", wanted.refund)));
        }
        let refund: Refund = response.json()?;
        Ok(psp::RefundResult {
            status: map::refund_status(refund.status.as_deref())?,
            amount: money::from_minor(refund.amount, &refund.currency)?,
            vendor_refund: refund.id,
        })
    }
}

impl PspPayout for Stripe {
    async fn payout(ctx: &Ctx, wanted: psp::Payout) -> Result<psp::PayoutResult, Error> {
        let fields = vec![
            ("amount", money::to_minor(&wanted.amount, Purpose::Payout)?.to_string()),
            ("currency", wanted.amount.currency.as_str().to_ascii_lowercase()),
            ("destination", wanted.destination),
            ("metadata[payment_id]", wanted.payment.to_string()),
            ("metadata[client]", wanted.client.to_string()),
            ("metadata[attempt]", wanted.idempotency_key.clone()),
        ];
        let request = money_request(ctx, "/v1/payouts", &wanted.idempotency_key, fields)?;
        let response = ctx.send(request).await?;
        if !response.is_success() {
            return Err(failure(&response, &format!("payout {}", wanted.payment)));
        }
        let payout: Payout = response.json()?;
        Ok(psp::PayoutResult {
            status: map::payout_status(&payout.status)?,
            amount: money::from_minor(payout.amount, &payout.currency)?,
            vendor_payout: payout.id,
        })
    }
}

impl Probe for Stripe {
    async fn probe(ctx: &Ctx) -> Result<(), Error> {
        let url = ctx.settings::<Settings>()?.url("/v1/balance");
        let response = ctx.send(authorised(Request::get(url))).await?;
        if !response.is_success() {
            return Err(failure(&response, "balance"));
        }
        let balance: Balance = response.json()?;
        if balance.livemode != ctx.live() {
            return Err(wrong_mode(ctx.live()));
        }
        Ok(())
    }
}
