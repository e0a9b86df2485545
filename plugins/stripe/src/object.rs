//! Stripe's objects, with the fields that are used. Source: docs.stripe.com/api, and
//! `stripe/fixtures3.json` of Stripe's OpenAPI repository.
use hub_plugin_sdk::prelude::PaymentId;
use serde::Deserialize;

/// What we wrote on an object when we made it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Metadata {
    #[serde(default)]
    payment_id: Option<String>,
    /// The idempotency key of the attempt that made it.
    #[serde(default)]
    pub(crate) attempt: Option<String>,
}

/// An object's metadata: some objects have `null`.
pub(crate) type MetadataField = Option<Metadata>;

/// The hub's payment that an object belongs to: nothing if it carries no reference of ours.
pub(crate) fn payment_of(metadata: &MetadataField) -> Option<PaymentId> {
    metadata.as_ref()?.payment_id.as_deref().and_then(|id| PaymentId::new(id).ok())
}

/// docs.stripe.com/api/payment_intents/object
#[derive(Debug, Deserialize)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    /// Asked, minor units.
    pub(crate) amount: i64,
    /// Taken, minor units.
    #[serde(default)]
    pub(crate) amount_received: Option<i64>,
    pub(crate) currency: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) metadata: MetadataField,
    #[serde(default)]
    pub(crate) last_payment_error: Option<StripeError>,
    #[serde(default)]
    pub(crate) next_action: Option<NextAction>,
    #[serde(default)]
    pub(crate) cancellation_reason: Option<String>,
}

/// What the client must do.
#[derive(Debug, Deserialize)]
pub(crate) struct NextAction {
    #[serde(default)]
    pub(crate) redirect_to_url: Option<RedirectToUrl>,
}

/// Where the client must go.
#[derive(Debug, Deserialize)]
pub(crate) struct RedirectToUrl {
    #[serde(default)]
    pub(crate) url: Option<String>,
}

/// docs.stripe.com/api/refunds/object
#[derive(Debug, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    #[serde(default)]
    pub(crate) status: Option<String>,
    #[serde(default)]
    pub(crate) payment_intent: Option<String>,
    #[serde(default)]
    pub(crate) charge: Option<String>,
    #[serde(default)]
    pub(crate) failure_reason: Option<String>,
    #[serde(default)]
    pub(crate) metadata: MetadataField,
}

/// docs.stripe.com/api/disputes/object
#[derive(Debug, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) payment_intent: Option<String>,
    pub(crate) charge: String,
    #[serde(default)]
    pub(crate) metadata: MetadataField,
}

/// docs.stripe.com/api/payouts/object
#[derive(Debug, Deserialize)]
pub(crate) struct Payout {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: String,
    /// Made by Stripe's own schedule: the broker's money to the broker's bank.
    #[serde(default)]
    pub(crate) automatic: bool,
    #[serde(default)]
    pub(crate) failure_code: Option<String>,
    #[serde(default)]
    pub(crate) failure_message: Option<String>,
    #[serde(default)]
    pub(crate) metadata: MetadataField,
}

/// docs.stripe.com/api/balance/balance_object
#[derive(Debug, Deserialize)]
pub(crate) struct Balance {
    pub(crate) livemode: bool,
}

/// A page of a list, newest first (docs.stripe.com/api/pagination).
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    pub(crate) has_more: bool,
}

/// The body of an answer that is not 2xx.
#[derive(Debug, Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: StripeError,
}

/// docs.stripe.com/api/errors
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StripeError {
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) decline_code: Option<String>,
    /// docs.stripe.com/declines/card, "Retrying issuer declines".
    #[serde(default)]
    pub(crate) advice_code: Option<String>,
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    pub(crate) param: Option<String>,
    #[serde(default)]
    pub(crate) payment_intent: Option<Box<PaymentIntent>>,
}
