//! The rules that the deciders go by. `hub.toml` has the same shape.
use crate::manifest::Kind;
use crate::{ConnectionId, Country, Currency, EntityId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// The connections that rules may name.
    #[serde(default)]
    pub connections: Vec<ConnectionFacts>,
    /// Verification: first match wins.
    #[serde(default)]
    pub kyc: Vec<KycRule>,
    /// Payments: first match wins.
    #[serde(default)]
    pub routes: Vec<RouteRule>,
    /// Trading accounts: every match opens one.
    #[serde(default)]
    pub provisioning: Vec<ProvisioningRule>,
    /// Prop programmes.
    #[serde(default)]
    pub programmes: Vec<Programme>,
}

/// What rules need to know of a connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConnectionFacts {
    /// Its id.
    pub id: ConnectionId,
    /// Kind of vendor.
    pub kind: Kind,
    /// The entity it belongs to; absent serves all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// Capabilities that the component exports, such as `psp` and `psp-refund`.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Countries served; empty means all.
    #[serde(default)]
    pub countries: Vec<Country>,
    /// Currencies served; empty means all.
    #[serde(default)]
    pub currencies: Vec<Currency>,
    /// Payment methods served; empty means all.
    #[serde(default)]
    pub methods: Vec<String>,
}

/// `[[kyc]]`: who is verified where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KycRule {
    /// The rule's name.
    pub name: String,
    /// Which clients; all if empty.
    #[serde(default)]
    pub when: ClientCondition,
    /// At which vendor.
    pub connection: ConnectionId,
    /// The vendor's level or workflow.
    pub level: String,
    /// Start at registration; otherwise only when asked.
    #[serde(default)]
    pub at_registration: bool,
}

/// Which clients.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClientCondition {
    /// Of this entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// From one of these countries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Vec<Country>>,
}

/// `[[route]]`: which PSPs take which payments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RouteRule {
    /// The rule's name.
    pub name: String,
    /// Which payments; all if empty.
    #[serde(default)]
    pub when: PaymentCondition,
    /// Who takes them.
    pub r#use: RouteUse,
    /// What may follow a soft decline; nothing if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

/// Which payments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentCondition {
    /// Which way the money goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<PaymentKind>,
    /// Of this entity's clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// By this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// From one of these countries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Vec<Country>>,
    /// In this band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<AmountBand>,
}

/// Which way the money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// From the client.
    Deposit,
    /// To the client.
    Withdrawal,
}

/// A band of amounts in one currency; both ends belong to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AmountBand {
    /// At least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(with = "Option<String>"))]
    pub min: Option<Decimal>,
    /// At most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(with = "Option<String>"))]
    pub max: Option<Decimal>,
    /// Payments in another currency do not match.
    pub currency: Currency,
}

/// Who takes a payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RouteUse {
    /// How one is chosen.
    pub strategy: Strategy,
    /// From these.
    pub connections: Vec<ConnectionId>,
}

/// How a PSP is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The first of the list that can.
    Ordered,
}

/// What may follow a soft decline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// PSPs asked in all, the first one included.
    pub attempts_max: u32,
    /// From the request on, such as `30s`.
    pub within: String,
}

/// `[[provisioning]]`: who gets which trading account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProvisioningRule {
    /// The rule's name.
    pub name: String,
    /// What triggers it.
    pub on: Trigger,
    /// Which clients; all if empty.
    #[serde(default)]
    pub when: ProvisioningCondition,
    /// The account to open.
    pub account: AccountTemplate,
}

/// What triggers an account (A1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub enum Trigger {
    /// The client was verified.
    #[serde(rename = "kyc.approved")]
    KycApproved,
    /// The client's first deposit reached the wallet.
    #[serde(rename = "deposit.first")]
    FirstDeposit,
    /// The client bought an evaluation; one account each, once verified.
    #[serde(rename = "challenge.purchased")]
    ChallengePurchased,
}

/// Which clients and purchases.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProvisioningCondition {
    /// Of this entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// From one of these countries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Vec<Country>>,
    /// Of this programme, for `challenge.purchased`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
}

/// The account to open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccountTemplate {
    /// On which platform.
    pub connection: ConnectionId,
    /// In which group.
    pub group: String,
    /// In which currency.
    pub currency: Currency,
    /// Leverage, 30 meaning 1:30.
    pub leverage: u32,
}

/// `[[programme]]`: a prop firm's evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Programme {
    /// Its id.
    pub id: String,
    /// The currency of its figures.
    pub currency: Currency,
    /// The opening balance.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub initial_balance: Decimal,
    /// When a day begins.
    pub day: Day,
    /// Its phases, in order.
    #[serde(rename = "phase")]
    pub phases: Vec<Phase>,
}

/// When a trading day begins (B1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Day {
    /// Local time of the reset, `HH:MM`.
    #[cfg_attr(
        feature = "json-schema",
        schemars(regex(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$"))
    )]
    pub reset: String,
    /// IANA time zone.
    pub zone: String,
}

/// A phase of a programme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Its rules.
    pub rules: Vec<LossRule>,
}

/// A rule of a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LossRule {
    /// What may be lost in a day (B2).
    DailyLoss {
        /// What the day's floor is taken from.
        anchor: DailyAnchor,
        /// What may be lost.
        allowance: Allowance,
        /// What is compared with the floor.
        #[serde(default)]
        compare: Compare,
        /// What happens on the platform.
        #[serde(default)]
        on_breach: OnBreach,
    },
    /// What may be lost in all (B3).
    MaxLoss {
        /// How the floor moves.
        mode: MaxLossMode,
        /// What may be lost.
        allowance: Allowance,
        /// What is compared with the floor.
        #[serde(default)]
        compare: Compare,
        /// What happens on the platform.
        #[serde(default)]
        on_breach: OnBreach,
    },
}

/// What a day's floor is taken from: the last known state before the reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DailyAnchor {
    /// Balance at the reset.
    Balance,
    /// Equity at the reset.
    Equity,
    /// The higher of the two.
    MaxOfBoth,
}

/// How the floor of a maximum loss moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum MaxLossMode {
    /// It does not.
    Static,
}

/// What may be lost: a share of the initial balance or of the anchor, or an amount. Exactly one
/// of `share` and `amount` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// What `share` is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<AllowanceOf>,
    /// 0.05 is 5 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(with = "Option<String>"))]
    pub share: Option<Decimal>,
    /// An amount in the programme's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(with = "Option<String>"))]
    pub amount: Option<Decimal>,
}

/// What a share is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AllowanceOf {
    /// Of the opening balance.
    Initial,
    /// Of the anchor.
    Anchor,
}

/// What is compared with a floor, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// Equity below the floor.
    #[default]
    Equity,
    /// Balance below the floor.
    Balance,
}

/// What happens on the platform at a breach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnBreach {
    /// Every position is closed, and the account disabled.
    #[default]
    CloseAndDisable,
    /// The account is disabled; positions stay.
    Disable,
}
