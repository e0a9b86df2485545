//! Why a payment was declined, and what that allows (P3 of the domain).
use serde::{Deserialize, Serialize};

/// Why a payment was declined, over all vendors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeclineCategory {
    /// Not enough money or credit.
    InsufficientFunds,
    /// The issuer gave no reason.
    DoNotHonour,
    /// The issuer or the PSP suspects fraud.
    FraudSuspected,
    /// Stolen, lost or picked-up card.
    LostOrStolen,
    /// The card has expired.
    ExpiredCard,
    /// 3-D Secure or another authentication failed or was not completed.
    AuthenticationFailed,
    /// A velocity or amount limit.
    Limit,
    /// A wrong number, name or code.
    InvalidData,
    /// The card, method or currency is not accepted here.
    NotSupported,
    /// The PSP, the acquirer or the issuer could not be reached or failed.
    Technical,
    /// The country is blocked.
    BlockedByCountry,
    /// The client or the merchant cancelled.
    Cancelled,
    /// A code that the connector does not know: treated as hard.
    Unknown,
}

/// What may be done after a decline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The same PSP may be asked again later.
    RetryLater,
    /// Another PSP may be asked now.
    FallBack,
    /// Nobody may be asked: the decline is hard.
    Stop,
}

/// A decline as the vendor said it, and as the hub understands it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Decline {
    /// Over all vendors.
    pub category: DeclineCategory,
    /// What may be done now.
    pub verdict: Verdict,
    /// The vendor's own code, untouched.
    pub vendor_code: String,
    /// The vendor's own words, untouched, at most 500 characters. They may name the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub message: Option<String>,
}
