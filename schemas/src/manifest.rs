//! What a connector says of itself (`describe` in the contract, §3).
use crate::{Country, Currency};
use serde::{Deserialize, Serialize};

/// What kind of vendor the connector speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A payment service provider.
    Psp,
    /// A KYC vendor.
    Kyc,
    /// A trading platform.
    Platform,
}

/// The manifest that `describe` returns as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The connector's name, such as `stripe`: what `plugin = "…"` in `hub.toml` names.
    #[cfg_attr(feature = "json-schema", schemars(regex(pattern = "^[a-z][a-z0-9-]{0,40}$")))]
    pub name: String,
    /// Its version (semver).
    pub version: String,
    /// The vendor, for people.
    pub vendor: String,
    /// What kind of vendor.
    pub kind: Kind,
    /// JSON Schema (2020-12) of the connection's `settings`.
    pub settings_schema: serde_json::Value,
    /// The secrets that it names.
    #[serde(default)]
    pub secrets: Vec<SecretSpec>,
    /// Origins it asks, such as `https://api.stripe.com`; `{settings.api_base}` takes the
    /// origin from a setting.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Event types it can emit: the hub refuses any other.
    pub event_types: Vec<String>,
    /// Countries served; empty means all.
    #[serde(default)]
    pub countries: Vec<Country>,
    /// Currencies served; empty means all.
    #[serde(default)]
    pub currencies: Vec<Currency>,
    /// Payment methods served, such as `card`.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The vendor's rate limit for requests, if it publishes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Allowed age of a signed time stamp, both ways; the hub's default is 300 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_tolerance_s: Option<u32>,
    /// How often the hub polls, if the connector polls and the connection does not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_every_ms: Option<u64>,
}

/// A secret that the connector names but never sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretSpec {
    /// The name, as in `secrets = { webhook_secret = "env:…" }`.
    pub name: String,
    /// What it is and where the vendor's dashboard shows it.
    pub about: String,
    /// A connection without it is refused.
    #[serde(default)]
    pub required: bool,
}

/// A vendor's published request limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests allowed …
    pub requests: u32,
    /// … in each such window, in milliseconds.
    pub per_ms: u32,
}
