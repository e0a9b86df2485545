//! Clients and where they stand (section C of the domain).
use crate::{ClientId, Country, EntityId};
use serde::{Deserialize, Serialize};

/// `client.registered`: a person opened a profile with the broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientRegistered {
    /// Who.
    pub client: ClientId,
    /// The legal entity that serves the client.
    pub entity: EntityId,
    /// Country of residence.
    pub country: Country,
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
    /// Where the client came from; locked from now on (C4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Attribution>,
}

/// `client.erased`: the keys that the client's personal data is sealed under are destroyed, and
/// with them everything that was sealed. Amounts, states and decisions stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientErased {
    /// Who.
    pub client: ClientId,
    /// Why, such as `request of 2026-11-21, ticket 4711`. It stays: nothing personal belongs here.
    pub reason: String,
    /// Whoever asked says that what the wallet still shows was settled outside the hub.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wallet_settled: bool,
}

/// Where a client came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Attribution {
    /// Marketing campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// Introducing broker or affiliate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// The partner's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_id: Option<String>,
}

/// Where a client stands, derived from facets (C1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Profile only.
    Registered,
    /// Verification asked for, not finished by the client.
    KycStarted,
    /// The vendor is looking.
    KycInReview,
    /// Not passed; may resubmit unless the rejection was final.
    KycRejected,
    /// Passed, no money yet.
    Verified,
    /// Passed, and the last deposit failed.
    DepositFailed,
    /// First-time deposit made, no trade yet.
    Funded,
    /// At least one trade.
    Traded,
    /// Held back: a rejection after approval, or a person's decision.
    Restricted,
}

/// `client.stage.changed`: a fact moved the client to another stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientStageChanged {
    /// Who.
    pub client: ClientId,
    /// From where.
    pub from: Stage,
    /// To where.
    pub to: Stage,
    /// The fact that moved it, in words.
    pub because: String,
}

/// `client.transition.refused`: a fact asked for a step that the lifecycle does not allow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientTransitionRefused {
    /// Who.
    pub client: ClientId,
    /// The fact's type.
    pub fact: String,
    /// Why it changes nothing.
    pub reason: String,
}
