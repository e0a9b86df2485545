//! Actions of payment providers.
use crate::{ClientId, Country, Decline, Money, PaymentId};
use serde::{Deserialize, Serialize};

/// `psp.create-payment`: charge the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreatePayment {
    /// The hub's payment: goes to the vendor as reference and comes back in webhooks.
    pub payment: PaymentId,
    /// One key over every retry of this attempt; another attempt at another PSP has its own.
    pub idempotency_key: String,
    /// How much.
    pub amount: Money,
    /// Who pays.
    pub client: ClientId,
    /// How, such as `card`.
    pub method: String,
    /// The vendor's token of a stored or collected payment method, where the flow has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub method_token: Option<String>,
    /// The client's country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// Where the vendor sends the client back after a redirect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub return_url: Option<String>,
}

/// Where a payment stands at the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The money is taken.
    Succeeded,
    /// The vendor will say later, by webhook.
    Pending,
    /// The client must do something: follow the redirect.
    RequiresAction,
    /// Declined.
    Failed,
}

/// The vendor's answer about a payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentResult {
    /// The vendor's id of the payment.
    pub vendor_payment: String,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The amount that the vendor says, which need not be the one asked.
    pub amount: Money,
    /// Where the client must go, if it must. Whoever has it can act as the client: personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub redirect_url: Option<String>,
    /// Why not, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<Decline>,
}

/// `psp.find-payment`: did the attempt with this key reach the vendor? Asked before any retry
/// after an unknown outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FindPayment {
    /// The request whose outcome is unknown, word for word.
    pub request: CreatePayment,
    /// When it was first sent, Unix milliseconds.
    pub sent_ms: i64,
}

/// The answer to `psp.find-payment`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FoundPayment {
    /// The payment, or nothing if the vendor has none: then, and only then, it may be sent again.
    pub found: Option<PaymentResult>,
}

/// `psp.refund`: give back all or part of a payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Refund {
    /// The hub's payment.
    pub payment: PaymentId,
    /// The hub's id of this refund.
    pub refund: String,
    /// One key over every retry.
    pub idempotency_key: String,
    /// The vendor's id of the payment.
    pub vendor_payment: String,
    /// How much to give back.
    pub amount: Money,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to `psp.refund`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefundResult {
    /// The vendor's id of the refund.
    pub vendor_refund: String,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The amount that the vendor says.
    pub amount: Money,
}

/// `psp.payout`: send money to the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Payout {
    /// The hub's withdrawal.
    pub payment: PaymentId,
    /// One key over every retry.
    pub idempotency_key: String,
    /// How much.
    pub amount: Money,
    /// Who receives it.
    pub client: ClientId,
    /// The vendor's token of the destination (a bank account or card kept at the vendor).
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub destination: String,
}

/// The answer to `psp.payout`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PayoutResult {
    /// The vendor's id of the payout.
    pub vendor_payout: String,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The amount that the vendor says.
    pub amount: Money,
}
