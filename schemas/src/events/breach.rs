//! Rules of prop programmes (section B of the domain).
use crate::{AccountId, ClientId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Where a floor was taken from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// `initial`, `balance`, `equity` or `max(balance, equity)`.
    pub kind: String,
    /// Its value, in the programme's currency.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub value: Decimal,
    /// The event it was taken from; absent for the initial balance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The trading day, `2026-03-29`, in the programme's zone; absent for a static rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
}

/// `breach.detected`: an account crossed a floor. Never erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BreachDetected {
    /// The breach's id, `br_…`.
    pub breach: String,
    /// Which account.
    pub account: AccountId,
    /// Whose.
    pub client: ClientId,
    /// Programme.
    pub programme: String,
    /// Phase.
    pub phase: String,
    /// Rule, such as `daily-loss`.
    pub rule: String,
    /// Digest of the rule set in force at the purchase.
    pub rules_version: String,
    /// What the floor was taken from.
    pub anchor: Anchor,
    /// What may be lost.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub allowance: Decimal,
    /// The floor: anchor less allowance.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub floor: Decimal,
    /// What was compared: `equity` or `balance`.
    pub compared: String,
    /// Its value when it crossed.
    #[cfg_attr(feature = "json-schema", schemars(with = "String"))]
    pub value: Decimal,
    /// The event that crossed it.
    pub crossed_by: String,
    /// How the floor was computed, in words.
    pub derivation: String,
}
