//! What the hub asks of vendors, attempt by attempt.
use crate::{ActionId, ConnectionId, DeclineCategory, Verdict};
use serde::{Deserialize, Serialize};

/// What is asked. The name in JSON is the one that the contract uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub enum ActionKind {
    /// [`crate::actions::psp::CreatePayment`]
    #[serde(rename = "psp.create-payment")]
    PspCreatePayment,
    /// [`crate::actions::psp::Refund`]
    #[serde(rename = "psp.refund")]
    PspRefund,
    /// [`crate::actions::psp::Payout`]
    #[serde(rename = "psp.payout")]
    PspPayout,
    /// [`crate::actions::kyc::CreateApplicant`]
    #[serde(rename = "kyc.create-applicant")]
    KycCreateApplicant,
    /// [`crate::actions::kyc::AccessLink`]
    #[serde(rename = "kyc.access-link")]
    KycAccessLink,
    /// [`crate::actions::kyc::GetResult`]
    #[serde(rename = "kyc.get-result")]
    KycGetResult,
    /// [`crate::actions::platform::CreateAccount`]
    #[serde(rename = "platform.create-account")]
    PlatformCreateAccount,
    /// [`crate::actions::platform::DisableAccount`]
    #[serde(rename = "platform.disable-account")]
    PlatformDisableAccount,
    /// [`crate::actions::platform::ClosePositions`]
    #[serde(rename = "platform.close-positions")]
    PlatformClosePositions,
    /// [`crate::actions::platform::ChangeGroup`]
    #[serde(rename = "platform.change-group")]
    PlatformChangeGroup,
    /// [`crate::actions::platform::BalanceOperation`]
    #[serde(rename = "platform.balance")]
    PlatformBalance,
}

impl ActionKind {
    /// Every kind.
    pub const ALL: [ActionKind; 11] = [
        Self::PspCreatePayment,
        Self::PspRefund,
        Self::PspPayout,
        Self::KycCreateApplicant,
        Self::KycAccessLink,
        Self::KycGetResult,
        Self::PlatformCreateAccount,
        Self::PlatformDisableAccount,
        Self::PlatformClosePositions,
        Self::PlatformChangeGroup,
        Self::PlatformBalance,
    ];

    /// The contract's name, such as `psp.create-payment`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PspCreatePayment => "psp.create-payment",
            Self::PspRefund => "psp.refund",
            Self::PspPayout => "psp.payout",
            Self::KycCreateApplicant => "kyc.create-applicant",
            Self::KycAccessLink => "kyc.access-link",
            Self::KycGetResult => "kyc.get-result",
            Self::PlatformCreateAccount => "platform.create-account",
            Self::PlatformDisableAccount => "platform.disable-account",
            Self::PlatformClosePositions => "platform.close-positions",
            Self::PlatformChangeGroup => "platform.change-group",
            Self::PlatformBalance => "platform.balance",
        }
    }
}

/// `action.requested`: a decider wants something done at a vendor. The dispatcher takes it from
/// here, exactly once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ActionRequested {
    /// Its id.
    pub action: ActionId,
    /// What is asked.
    pub kind: ActionKind,
    /// Of whom.
    pub connection: ConnectionId,
    /// The kind's request: see `schemas/actions/`.
    pub request: serde_json::Value,
}

/// `action.started`: the request is about to leave. If nothing follows, its outcome is unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ActionStarted {
    /// Which.
    pub action: ActionId,
    /// 1 for the first.
    pub attempt: u32,
}

/// The class of an error: what decides a retry (contract, §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// May work later.
    Transient,
    /// The vendor understood and said no.
    Declined,
    /// The request is wrong; the same again will fail again.
    InvalidRequest,
    /// The credentials do not hold.
    Unauthorised,
    /// The vendor or the connector cannot do this.
    Unsupported,
    /// The request left, and nobody knows what became of it.
    UnknownOutcome,
    /// The connector failed: a trap, a limit, an answer that does not fit its schema.
    Connector,
}

impl ErrorClass {
    /// The word that stands for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Declined => "declined",
            Self::InvalidRequest => "invalid_request",
            Self::Unauthorised => "unauthorised",
            Self::Unsupported => "unsupported",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Connector => "connector",
        }
    }
}

/// An attempt's error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ActionError {
    /// Its class.
    pub class: ErrorClass,
    /// What happened, in words, with secrets masked. They may be the vendor's, and name the client.
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub message: String,
    /// The vendor's own code, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_code: Option<String>,
    /// Over all vendors, if it was a decline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<DeclineCategory>,
    /// What may be done now, if it was a decline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// `action.retrying`: an attempt failed, and another follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ActionRetrying {
    /// Which.
    pub action: ActionId,
    /// The attempt that failed.
    pub attempt: u32,
    /// How.
    pub error: ActionError,
    /// When the next one is due, Unix milliseconds.
    pub retry_at_ms: i64,
}

/// `action.completed`: the vendor did it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ActionCompleted {
    /// Which.
    pub action: ActionId,
    /// What was asked.
    pub kind: ActionKind,
    /// Of whom.
    pub connection: ConnectionId,
    /// How many attempts it took.
    pub attempts: u32,
    /// The kind's result: see `schemas/actions/`.
    pub result: serde_json::Value,
    /// It was found by a look-up after an unknown outcome.
    #[serde(default)]
    pub found: bool,
}

/// `action.failed`: it will not be tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ActionFailed {
    /// Which.
    pub action: ActionId,
    /// What was asked.
    pub kind: ActionKind,
    /// Of whom.
    pub connection: ConnectionId,
    /// How many attempts were made.
    pub attempts: u32,
    /// The last error.
    pub error: ActionError,
}
