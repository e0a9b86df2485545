//! Actions of KYC vendors.
use crate::{ClientId, Country};
use serde::{Deserialize, Serialize};

/// `kyc.create-applicant`: open a verification for a client. Asking twice gives the same applicant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateApplicant {
    /// The hub's client: the vendor's external user id.
    pub client: ClientId,
    /// The vendor's verification level or workflow.
    pub level: String,
    /// The client's country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub email: Option<String>,
    /// Telephone number, E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub phone: Option<String>,
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub last_name: Option<String>,
}

/// The answer to `kyc.create-applicant`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Applicant {
    /// The vendor's id.
    pub applicant: String,
}

/// `kyc.access-link`: a link under which the client verifies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccessLink {
    /// The hub's client.
    pub client: ClientId,
    /// The vendor's verification level or workflow.
    pub level: String,
    /// How long the link shall work, in seconds.
    pub ttl_s: u32,
}

/// The answer to `kyc.access-link`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Whoever has it can act as the client: personal.
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub url: String,
}

/// `kyc.get-result`: where a verification stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GetResult {
    /// The hub's client.
    pub client: ClientId,
    /// The vendor's id.
    pub applicant: String,
}

/// Where a verification stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum KycResult {
    /// The client has not finished.
    Started,
    /// The vendor is looking.
    InReview,
    /// Passed.
    Approved,
    /// Not passed.
    Rejected {
        /// No second try.
        r#final: bool,
        /// The vendor's reason labels.
        reasons: Vec<String>,
    },
}
