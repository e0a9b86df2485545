//! Verification (section K of the domain).
use crate::{ClientId, ConnectionId};
use serde::{Deserialize, Serialize};

/// `kyc.requested`: the client is to be verified at a vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KycRequested {
    /// Who.
    pub client: ClientId,
    /// At which vendor; absent lets the rules choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// The vendor's level; absent lets the rules choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The rule that asked, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// `kyc.applicant.created`: the vendor knows the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KycApplicantCreated {
    /// Who.
    pub client: ClientId,
    /// The vendor's id.
    pub applicant: String,
}

/// `kyc.review.started`: the client has handed everything in, and the vendor is looking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KycReviewStarted {
    /// Who.
    pub client: ClientId,
    /// The vendor's id.
    pub applicant: String,
}

/// `kyc.approved`: the vendor's answer is yes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KycApproved {
    /// Who.
    pub client: ClientId,
    /// The vendor's id.
    pub applicant: String,
    /// The level that was passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// `kyc.rejected`: the vendor's answer is no.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KycRejected {
    /// Who.
    pub client: ClientId,
    /// The vendor's id.
    pub applicant: String,
    /// No second try.
    pub r#final: bool,
    /// The vendor's reason labels, such as `DOCUMENT_PAGE_MISSING`.
    pub reasons: Vec<String>,
}
