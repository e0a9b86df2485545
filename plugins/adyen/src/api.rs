//! Actions: the Checkout API, version 71.
use crate::object::{
    CardDetails, PaymentMethodsRequest, PaymentRequest, PaymentResponse, RefundRequest,
    RefundResponse, ServiceError,
};
use crate::settings::Settings;
use crate::{Adyen, map, money};
use hub_plugin_sdk::actions::psp;
use hub_plugin_sdk::prelude::*;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// `Idempotency-Key` holds so many characters.
const KEY_CHARS_MAX: usize = 64;
/// `reference` holds so many characters.
const REFERENCE_CHARS_MAX: usize = 80;
/// `shopperReference` holds at least so many.
const SHOPPER_CHARS_MIN: usize = 3;
/// What is kept of Adyen's words about a wrong request.
const MESSAGE_CHARS_MAX: usize = 300;
/// In test mode, where nobody need return to anything.
const TEST_RETURN_URL: &str = "https://example.com/";
/// `request already processed or in progress` (docs.adyen.com/development-resources/api-idempotency).
const IN_PROGRESS: &str = "704";

/// The test card of Adyen's own examples (`post-payments-card-securedfields`).
const TEST_CARD: CardDetails<'static> = CardDetails::Test {
    r#type: "scheme",
    encrypted_card_number: "test_4111111111111111",
    encrypted_expiry_month: "test_03",
    encrypted_expiry_year: "test_2030",
    encrypted_security_code: "test_737",
};

/// The key as it is, or the whole of its SHA-256 in hex, which is just as long as Adyen allows:
/// cut short, two keys could become one, and Adyen would answer the second request with the first.
fn idempotency_key(key: &str) -> Cow<'_, str> {
    if key.chars().count() <= KEY_CHARS_MAX {
        Cow::Borrowed(key)
    } else {
        Cow::Owned(hex::encode(Sha256::digest(key)))
    }
}

fn request(settings: &Settings, path: &str, body: &impl Serialize) -> Request {
    Request::post(settings.url(path)).header("x-api-key", [secret("api_key")]).json(body)
}

/// A request that moves money, once per key: Adyen keeps keys for a week at least.
fn money_request(settings: &Settings, path: &str, key: &str, body: &impl Serialize) -> Request {
    request(settings, path, body)
        .header("idempotency-key", [text(idempotency_key(key))])
        .unsafe_to_repeat()
}

/// The class of an answer that is not 2xx.
fn failure(response: &Response, what: &str) -> Error {
    let said: ServiceError = response.json().unwrap_or_default();
    let code = said.error_code.as_deref().unwrap_or_default();
    if code == IN_PROGRESS {
        return Error::UnknownOutcome(format!(
            "{what}: Adyen is still at work on a request with this key, or lost its answer (704)"
        ));
    }
    if response.header("transient-error") == Some("true") || response.status == 409 {
        return Error::Transient {
            message: format!("{what}: Adyen answered {} {code}", response.status),
            retry_after_ms: response.retry_after_ms(),
        };
    }
    match response.status {
        400 | 404 | 422 => {
            let message: String =
                said.message.unwrap_or_default().chars().take(MESSAGE_CHARS_MAX).collect();
            let kind = said.error_type.unwrap_or_default();
            Error::InvalidRequest(format!(
                "{what}: Adyen answered {} {code} {kind} {message}",
                response.status
            ))
        }
        _ => response.error(what),
    }
}

fn reference(payment: &PaymentId) -> Result<&str, Error> {
    let text = payment.as_str();
    if text.chars().count() > REFERENCE_CHARS_MAX {
        return Err(Error::InvalidRequest(format!(
            "payment {payment}: Adyen takes references of at most {REFERENCE_CHARS_MAX} characters"
        )));
    }
    Ok(text)
}

fn card<'a>(ctx: &Ctx, pay: &'a psp::CreatePayment) -> Result<CardDetails<'a>, Error> {
    match &pay.method_token {
        Some(token) => {
            Ok(CardDetails::Stored { r#type: "scheme", stored_payment_method_id: token })
        }
        None if !ctx.live() => Ok(TEST_CARD),
        None => Err(Error::InvalidRequest(format!(
            "payment {}: Adyen needs method_token, the storedPaymentMethodId of a card that the \
             cashier page has stored for this client",
            pay.payment
        ))),
    }
}

fn return_url<'a>(
    ctx: &Ctx,
    settings: &'a Settings,
    pay: &'a psp::CreatePayment,
) -> Result<&'a str, Error> {
    match pay.return_url.as_deref().or(settings.return_url.as_deref()) {
        Some(url) => Ok(url),
        None if !ctx.live() => Ok(TEST_RETURN_URL),
        None => Err(Error::InvalidRequest(format!(
            "payment {}: Adyen needs return_url: give it with the deposit, or set it for the \
             connection",
            pay.payment
        ))),
    }
}

impl Psp for Adyen {
    async fn create_payment(
        ctx: &Ctx,
        pay: psp::CreatePayment,
    ) -> Result<psp::PaymentResult, Error> {
        let settings: Settings = ctx.settings()?;
        let stored = pay.method_token.is_some();
        let shopper = pay.client.as_str();
        let body = PaymentRequest {
            amount: money::to_adyen(&pay.amount)?,
            merchant_account: &settings.merchant_account,
            reference: reference(&pay.payment)?,
            payment_method: card(ctx, &pay)?,
            return_url: return_url(ctx, &settings, &pay)?,
            channel: "Web",
            shopper_reference: (shopper.len() >= SHOPPER_CHARS_MIN).then_some(shopper),
            // The client is there, and pays with a card that is on file.
            shopper_interaction: if stored { "ContAuth" } else { "Ecommerce" },
            recurring_processing_model: stored.then_some("CardOnFile"),
            country_code: pay.country,
        };
        let request = money_request(&settings, "/payments", &pay.idempotency_key, &body);
        let response = ctx.send(request).await?;
        if !response.is_success() {
            return Err(failure(&response, &format!("payment {}", pay.payment)));
        }
        result(&pay, response.json()?)
    }
}

/// Where a payment stands: docs.adyen.com/online-payments/payment-result-codes.
fn result(pay: &psp::CreatePayment, answer: PaymentResponse) -> Result<psp::PaymentResult, Error> {
    use psp::PaymentStatus::{Failed, Pending, RequiresAction, Succeeded};
    let code = answer.result_code.as_str();
    let status = match code {
        "Authorised" => Succeeded,
        // Less than was asked, and the answer must say how much.
        "PartiallyAuthorised" if answer.amount.is_some() => Succeeded,
        "Pending" | "Received" => Pending,
        "RedirectShopper" | "ChallengeShopper" | "IdentifyShopper" | "PresentToShopper" => {
            RequiresAction
        }
        "Refused" | "Cancelled" | "Error" => Failed,
        // Money may have moved; the webhook will tell.
        other => {
            return Err(Error::UnknownOutcome(format!(
                "payment {}: this version does not know Adyen's result code {other:?}",
                pay.payment
            )));
        }
    };
    let decline = (status == Failed).then(|| {
        map::refused(code, answer.refusal_reason_code.as_deref(), answer.refusal_reason.as_deref())
    });
    Ok(psp::PaymentResult {
        // Adyen gives none before the client has acted; its Customer Area finds our reference.
        vendor_payment: answer.psp_reference.unwrap_or_else(|| pay.payment.to_string()),
        status,
        // Absent unless Adyen authorised another amount than was asked.
        amount: match &answer.amount {
            Some(amount) => money::from_adyen(amount)?,
            None => pay.amount,
        },
        redirect_url: answer
            .action
            .and_then(|action| action.url)
            .filter(|_| status == RequiresAction),
        decline,
    })
}

impl PspRefund for Adyen {
    async fn refund(ctx: &Ctx, wanted: psp::Refund) -> Result<psp::RefundResult, Error> {
        let settings: Settings = ctx.settings()?;
        let of = &wanted.vendor_payment;
        // It becomes part of a path.
        if of.is_empty() || !of.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::InvalidRequest(format!(
                "refund {}: {of:?} is no pspReference of Adyen's",
                wanted.refund
            )));
        }
        let body = RefundRequest {
            merchant_account: &settings.merchant_account,
            amount: money::to_adyen(&wanted.amount)?,
            // The payment's, so that the webhook names it; the refund has a pspReference of its own.
            reference: reference(&wanted.payment)?,
        };
        let path = format!("/payments/{of}/refunds");
        let request = money_request(&settings, &path, &wanted.idempotency_key, &body);
        let response = ctx.send(request).await?;
        if !response.is_success() {
            return Err(failure(&response, &format!("refund {}", wanted.refund)));
        }
        let refund: RefundResponse = response.json()?;
        Ok(psp::RefundResult {
            vendor_refund: refund.psp_reference,
            // `received`: the REFUND webhook says how it ended.
            status: psp::PaymentStatus::Pending,
            amount: money::from_adyen(&refund.amount)?,
        })
    }
}

impl Probe for Adyen {
    async fn probe(ctx: &Ctx) -> Result<(), Error> {
        let settings: Settings = ctx.settings()?;
        let body = PaymentMethodsRequest { merchant_account: &settings.merchant_account };
        let response = ctx.send(request(&settings, "/paymentMethods", &body)).await?;
        if response.is_success() { Ok(()) } else { Err(failure(&response, "payment methods")) }
    }
}
