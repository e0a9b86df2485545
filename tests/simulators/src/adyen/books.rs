//! What Adyen holds, for assertions.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::currencies;

/// Everything Adyen holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdyenBooks {
    /// In order of creation.
    pub payments: Vec<PaymentBook>,
    /// Refunds, captures, cancellations; in order of creation.
    pub modifications: Vec<ModificationBook>,
    /// In order of creation.
    pub payouts: Vec<PayoutBook>,
    /// Authenticated calls by operation, replays included.
    pub calls: BTreeMap<String, u64>,
    /// Answers replayed for an `Idempotency-Key`.
    pub replays: u64,
}

impl AdyenBooks {
    /// The payments made with this merchant reference: more than one authorised is a double charge.
    pub fn payments_for<'a>(&'a self, reference: &'a str) -> impl Iterator<Item = &'a PaymentBook> {
        self.payments.iter().filter(move |payment| payment.reference == reference)
    }
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentBook {
    /// Sixteen capitals and digits.
    pub psp_reference: String,
    /// The merchant's.
    pub reference: String,
    /// In Adyen's minor units.
    pub value: i64,
    /// Upper case.
    pub currency: String,
    /// `Authorised`, `Refused`, `Error`, `Cancelled`, `Received`, `Pending`, `RedirectShopper`.
    pub result_code: String,
    /// `refusalReason`.
    pub refusal_reason: Option<String>,
    /// `refusalReasonCode`.
    pub refusal_reason_code: Option<String>,
    /// `scheme`, `ideal` …
    pub method: String,
    /// As given.
    pub shopper_reference: Option<String>,
    /// Where a redirect ends.
    pub return_url: String,
    /// Whether the merchant captures by a call.
    pub manual_capture: bool,
    /// Taken from the shopper, in minor units.
    pub captured: i64,
    /// Given back, in minor units.
    pub refunded: i64,
    /// Whether it was cancelled before capture.
    pub cancelled: bool,
    /// Whether it was charged back.
    pub charged_back: bool,
    /// The `Idempotency-Key` it was made with.
    pub idempotency_key: Option<String>,
}

impl PaymentBook {
    /// The amount in the currency's major unit, by Adyen's table.
    #[must_use]
    pub fn amount(&self) -> Option<Decimal> {
        currencies::decimal(self.value, &self.currency)
    }
}

/// What a modification does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modification {
    /// Gives money back.
    Refund,
    /// Takes authorised money.
    Capture,
    /// Lets authorised money go.
    Cancel,
}

/// A refund, capture or cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModificationBook {
    /// Its own.
    pub psp_reference: String,
    /// That of the payment.
    pub payment: String,
    /// What it does.
    pub kind: Modification,
    /// In minor units; all of it for a cancellation.
    pub value: i64,
    /// The merchant's, of this modification.
    pub reference: Option<String>,
    /// None until the webhook; then whether it succeeded.
    pub success: Option<bool>,
    /// Why it did not.
    pub reason: Option<String>,
}

/// A payout to a third party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutBook {
    /// Its own.
    pub psp_reference: String,
    /// The merchant's.
    pub reference: String,
    /// In Adyen's minor units.
    pub value: i64,
    /// Upper case.
    pub currency: String,
    /// As given.
    pub shopper_reference: Option<String>,
    /// `in-review`, `submitted`, `paid`, `failed` or `declined`.
    pub status: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// The `Idempotency-Key` it was made with.
    pub idempotency_key: Option<String>,
}

impl PayoutBook {
    /// The amount in the currency's major unit, by Adyen's table.
    #[must_use]
    pub fn amount(&self) -> Option<Decimal> {
        currencies::decimal(self.value, &self.currency)
    }
}
