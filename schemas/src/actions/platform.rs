//! Actions of trading platforms.
use crate::{AccountId, ClientId, Currency, Money, ProvisioningId};
use serde::{Deserialize, Serialize};

/// `platform.create-account`: open a trading account. The passwords are made by the hub and named
/// by the connector as the secrets `password_main` and `password_investor`: they never enter the
/// sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// One request, one account: goes to the platform as a reference that can be searched.
    pub provisioning: ProvisioningId,
    /// Whose.
    pub client: ClientId,
    /// The platform's group.
    pub group: String,
    /// The account's currency.
    pub currency: Currency,
    /// Leverage, 30 meaning 1:30.
    pub leverage: u32,
    /// The name shown on the platform.
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub name: String,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub email: Option<String>,
}

/// `platform.find-account`: was the account of this request opened? Asked before any retry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FindAccount {
    /// The request whose outcome is unknown.
    pub request: CreateAccount,
}

/// An opened account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenedAccount {
    /// The login on the platform.
    pub login: String,
}

/// The answer to `platform.find-account`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FoundAccount {
    /// The account, or nothing if the platform has none.
    pub found: Option<OpenedAccount>,
}

/// `platform.disable-account`: no trading from now on. Asking twice does no harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DisableAccount {
    /// Which.
    pub account: AccountId,
    /// Why, for people.
    pub reason: String,
}

/// `platform.close-positions`: close every open position at market. Asking twice does no harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClosePositions {
    /// Which account's.
    pub account: AccountId,
    /// Why, for people.
    pub reason: String,
}

/// The answer to `platform.close-positions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClosedPositions {
    /// How many this call closed.
    pub closed: u32,
}

/// `platform.change-group`: move an account to another group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeGroup {
    /// Which.
    pub account: AccountId,
    /// The platform's group to move it to.
    pub group: String,
}

/// The platform did it, and there is nothing more to say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Done {}

/// What a balance operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BalanceKind {
    /// Deposit or withdrawal.
    Balance,
    /// Bonus credit.
    Credit,
    /// Correction.
    Correction,
}

/// `platform.balance`: move money on or off an account, once per operation id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BalanceOperation {
    /// Which account.
    pub account: AccountId,
    /// The hub's id of this operation: written where it can be searched, and searched before it
    /// is made.
    pub operation: String,
    /// Positive puts money on, negative takes it off.
    pub amount: Money,
    /// What it is.
    pub kind: BalanceKind,
    /// No deal of this operation can be older than this, Unix milliseconds.
    pub since_ms: i64,
}

/// The answer to `platform.balance`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BalanceDone {
    /// The platform's deal or ticket.
    pub ticket: String,
    /// It was found, not made, by this call.
    pub already_done: bool,
}
