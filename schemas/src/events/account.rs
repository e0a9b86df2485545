//! Trading accounts: provisioning, and what the platform says of them (section A of the domain).
use crate::{AccountId, ClientId, ConnectionId, Currency, Money, ProvisioningId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// `challenge.purchased`: the client bought an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChallengePurchased {
    /// Who.
    pub client: ClientId,
    /// The purchase, in the broker's shop: one account a purchase.
    pub purchase: String,
    /// Which programme of `hub.toml`.
    pub programme: String,
}

/// `provisioning.requested`: a rule wants a trading account for a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProvisioningRequested {
    /// One request, one account.
    pub provisioning: ProvisioningId,
    /// For whom.
    pub client: ClientId,
    /// The rule that asks.
    pub rule: String,
    /// On which platform.
    pub connection: ConnectionId,
    /// In which group.
    pub group: String,
    /// In which currency.
    pub currency: Currency,
    /// Leverage, 30 meaning 1:30.
    pub leverage: u32,
    /// The programme, if it is a prop account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
}

/// `provisioning.failed`: the account could not be opened; support must look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProvisioningFailed {
    /// Which request.
    pub provisioning: ProvisioningId,
    /// For whom.
    pub client: ClientId,
    /// What the platform said last.
    pub error: super::action::ActionError,
    /// How often it was asked.
    pub attempts: u32,
}

/// `account.opened`: the account exists on the platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccountOpened {
    /// Its id: `{connection}:{login}`.
    pub account: AccountId,
    /// The request it answers.
    pub provisioning: ProvisioningId,
    /// Whose.
    pub client: ClientId,
    /// On which platform.
    pub connection: ConnectionId,
    /// In which group.
    pub group: String,
    /// In which currency.
    pub currency: Currency,
    /// The programme, if it is a prop account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
}

/// `account.funded`: the opening balance is on the account (A7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccountFunded {
    /// Which.
    pub account: AccountId,
    /// How much.
    pub amount: Money,
    /// The platform's ticket.
    pub ticket: String,
}

/// `account.equity`: the platform's state of an account at a moment. `time` of the event is the
/// platform's time, in UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccountEquity {
    /// Which.
    pub account: AccountId,
    /// Closed balance, in the account's currency.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub balance: Decimal,
    /// Balance with floating profit, commission and swap.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub equity: Decimal,
    /// Bonus credit.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub credit: Decimal,
    /// Margin in use, where the platform says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(with = "Option<String>"))]
    pub margin: Option<Decimal>,
}

/// What a deal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DealKind {
    /// Opens or adds to a position.
    Open,
    /// Closes or reduces a position.
    Close,
    /// Money put on or taken off.
    Balance,
    /// Bonus credit.
    Credit,
    /// Anything else that the platform books: charge, correction, dividend.
    Other,
}

/// `account.deal`: something was booked on an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccountDeal {
    /// Which account.
    pub account: AccountId,
    /// The platform's deal number.
    pub deal: String,
    /// What it does.
    pub kind: DealKind,
    /// Instrument, for trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Lots, for trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(with = "Option<String>"))]
    pub volume_lots: Option<Decimal>,
    /// Profit, or the amount of a balance operation, in the account's currency.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub profit: Decimal,
    /// Commission, in the account's currency.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub commission: Decimal,
    /// Swap, in the account's currency.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub swap: Decimal,
    /// The platform's comment; the hub's own operation id on its balance operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// `account.disabled`: the platform no longer lets the account trade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccountDisabled {
    /// Which.
    pub account: AccountId,
    /// Why.
    pub reason: String,
    /// The breach, if that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<String>,
}

/// `account.disable_failed`: the platform would not disable the account. A person must, now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccountDisableFailed {
    /// Which.
    pub account: AccountId,
    /// The breach, if that is why it was to be disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<String>,
    /// What the platform said.
    pub error: super::action::ActionError,
}
