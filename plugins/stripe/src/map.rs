//! Stripe's words to ours.
use crate::money;
use crate::object::{PaymentIntent, StripeError};
use hub_plugin_sdk::actions::psp::{PaymentResult, PaymentStatus};
use hub_plugin_sdk::prelude::*;

/// The longest decline message that is kept, in characters (`schemas`, `decline.message`).
const MESSAGE_CHARS_MAX: usize = 500;

/// What a decline code means. Source of codes and meanings: docs.stripe.com/declines/codes and
/// docs.stripe.com/error-codes; the verdicts are ours: another PSP is asked only where the refusal
/// says nothing about the client, the card or its data, and a code that is not listed is hard.
fn meaning(code: &str) -> (DeclineCategory, Verdict) {
    use DeclineCategory as C;
    use Verdict::{FallBack, RetryLater, Stop};
    match code {
        "insufficient_funds" => (C::InsufficientFunds, RetryLater),
        "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => (C::Limit, RetryLater),
        // Charging the same card again elsewhere could take the money twice.
        "duplicate_transaction" | "invalid_amount" | "amount_too_large" => (C::Limit, Stop),
        "approve_with_id"
        | "call_issuer"
        | "card_declined"
        | "do_not_honor"
        | "generic_decline"
        | "no_action_taken"
        | "payment_method_provider_decline" => (C::DoNotHonour, FallBack),
        "do_not_try_again"
        | "revocation_of_all_authorizations"
        | "revocation_of_authorization"
        | "stop_payment_order" => (C::DoNotHonour, Stop),
        "fraudulent" | "merchant_blacklist" | "security_violation" => (C::FraudSuspected, Stop),
        "lost_card" | "stolen_card" | "pickup_card" | "restricted_card" => (C::LostOrStolen, Stop),
        "expired_card" => (C::ExpiredCard, Stop),
        "authentication_required" => (C::AuthenticationFailed, FallBack),
        "authentication_not_handled"
        | "mobile_device_authentication_required"
        | "offline_pin_required"
        | "online_or_offline_pin_required"
        | "payment_intent_authentication_failure"
        | "payment_intent_payment_attempt_expired"
        | "pin_try_exceeded" => (C::AuthenticationFailed, Stop),
        "incorrect_address"
        | "incorrect_cvc"
        | "incorrect_number"
        | "incorrect_pin"
        | "incorrect_zip"
        | "invalid_account"
        | "invalid_cvc"
        | "invalid_expiry_month"
        | "invalid_expiry_year"
        | "invalid_number"
        | "invalid_pin"
        | "new_account_information_available" => (C::InvalidData, Stop),
        "card_not_supported"
        | "currency_not_supported"
        | "not_permitted"
        | "service_not_allowed"
        | "transaction_not_allowed" => (C::NotSupported, FallBack),
        "live_mode_test_card" | "test_mode_live_card" | "testmode_decline" => {
            (C::NotSupported, Stop)
        }
        "issuer_not_available"
        | "payment_method_provider_timeout"
        | "processing_error"
        | "reenter_transaction"
        | "try_again_later" => (C::Technical, FallBack),
        "payment_method_customer_decline" => (C::Cancelled, Stop),
        _ => (C::Unknown, Stop),
    }
}

/// A decline. The issuer's `decline_code` says more than `code`, which is often just
/// `card_declined`; Stripe's advice never to try again makes any decline hard.
pub(crate) fn decline(error: &StripeError) -> Decline {
    let code = error
        .decline_code
        .as_deref()
        .or(error.code.as_deref())
        .unwrap_or(if error.kind.is_empty() { "unknown" } else { &error.kind });
    let (category, verdict) = meaning(code);
    let hard = error.advice_code.as_deref() == Some("do_not_try_again");
    Decline {
        category,
        verdict: if hard { Verdict::Stop } else { verdict },
        vendor_code: code.to_owned(),
        message: error.message.as_ref().map(|text| text.chars().take(MESSAGE_CHARS_MAX).collect()),
    }
}

/// A payment that was cancelled, by someone or by Stripe.
pub(crate) fn cancelled(intent: &PaymentIntent) -> Decline {
    let reason = intent.cancellation_reason.as_deref();
    Decline {
        category: match reason {
            Some("fraudulent") => DeclineCategory::FraudSuspected,
            _ => DeclineCategory::Cancelled,
        },
        verdict: Verdict::Stop,
        vendor_code: reason.unwrap_or("canceled").to_owned(),
        message: None,
    }
}

/// Why the last attempt of a payment failed.
pub(crate) fn last_decline(intent: &PaymentIntent) -> Decline {
    match &intent.last_payment_error {
        Some(error) => decline(error),
        None => decline(&StripeError::default()),
    }
}

/// Where a payment stands: docs.stripe.com/payments/paymentintents/lifecycle.
pub(crate) fn result(intent: &PaymentIntent) -> Result<PaymentResult, Error> {
    let (status, minor, decline) = match intent.status.as_str() {
        "succeeded" => (PaymentStatus::Succeeded, taken(intent)?, None),
        // Nothing is taken before the capture, which this connector leaves to Stripe.
        "processing" | "requires_capture" | "requires_confirmation" => {
            (PaymentStatus::Pending, intent.amount, None)
        }
        "requires_action" => (PaymentStatus::RequiresAction, intent.amount, None),
        "requires_payment_method" => {
            (PaymentStatus::Failed, intent.amount, Some(last_decline(intent)))
        }
        "canceled" => (PaymentStatus::Failed, intent.amount, Some(cancelled(intent))),
        other => {
            return Err(Error::NotUnderstood(format!(
                "payment {}: Stripe's status {other:?} is not one that is documented",
                intent.id
            )));
        }
    };
    let redirect_url = intent
        .next_action
        .as_ref()
        .and_then(|action| action.redirect_to_url.as_ref()?.url.clone())
        .filter(|_| status == PaymentStatus::RequiresAction);
    Ok(PaymentResult {
        vendor_payment: intent.id.clone(),
        status,
        amount: money::from_minor(minor, &intent.currency)?,
        redirect_url,
        decline,
    })
}

/// What a payment that succeeded took, in minor units: it need not be what was asked.
pub(crate) fn taken(intent: &PaymentIntent) -> Result<i64, Error> {
    intent.amount_received.ok_or_else(|| {
        Error::NotUnderstood(format!("payment {} succeeded without amount_received", intent.id))
    })
}

/// A refund's status (docs.stripe.com/api/refunds/object): absent until Stripe knows.
pub(crate) fn refund_status(status: Option<&str>) -> Result<PaymentStatus, Error> {
    match status {
        Some("succeeded") => Ok(PaymentStatus::Succeeded),
        Some("pending") | None => Ok(PaymentStatus::Pending),
        Some("requires_action") => Ok(PaymentStatus::RequiresAction),
        Some("failed" | "canceled") => Ok(PaymentStatus::Failed),
        Some(other) => Err(Error::NotUnderstood(format!(
            "Stripe's refund status {other:?} is not one that is documented"
        ))),
    }
}

/// A payout's status (docs.stripe.com/api/payouts/object).
pub(crate) fn payout_status(status: &str) -> Result<PaymentStatus, Error> {
    match status {
        "paid" => Ok(PaymentStatus::Succeeded),
        "pending" | "in_transit" => Ok(PaymentStatus::Pending),
        "failed" | "canceled" => Ok(PaymentStatus::Failed),
        other => Err(Error::NotUnderstood(format!(
            "Stripe's payout status {other:?} is not one that is documented"
        ))),
    }
}
