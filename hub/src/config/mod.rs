//! `hub.toml`, strictly: an unknown key is an error, and every message names where it stands.
//!
//! The rules (`[[kyc]]`, `[[route]]`, `[[provisioning]]`, `[[programme]]`) have the shape of
//! [`hub_schemas::events::rules`], so that what is written is what `config.applied` records.
mod check;
mod load;
pub mod template;

pub use check::{Problem, check, check_with_manifests, rule_set, settings_json};
pub use load::{ConfigError, Loaded, from_text, load};

use hub_schemas::events::rules::{KycRule, Programme, ProvisioningRule, RouteRule};
use hub_schemas::{ConnectionId, EntityId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// All of `hub.toml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the hub listens.
    pub server: Server,
    /// Where the log is.
    pub log: Log,
    /// Where the master key is.
    pub vault: Vault,
    /// How actions are retried.
    pub dispatch: Dispatch,
    /// Who may use the API. None: loopback only, as admin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token: Vec<Token>,
    /// Vendors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub connection: Vec<Connection>,
    /// Who is verified where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kyc: Vec<KycRule>,
    /// Which PSPs take which payments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<RouteRule>,
    /// Who gets which trading account.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provisioning: Vec<ProvisioningRule>,
    /// Prop programmes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub programme: Vec<Programme>,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port. Port 0 takes a free one.
    pub listen: String,
    /// The largest webhook or API body, in bytes.
    pub body_bytes_max: usize,
    /// Webhooks worked on at once; more wait shortly, then get 503 with `Retry-After`.
    pub hooks_at_once_max: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            body_bytes_max: 1024 * 1024,
            hooks_at_once_max: 1024,
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The data directory; relative to `hub.toml`.
    pub dir: PathBuf,
    /// How many days raw deliveries that belong to no known client are kept: ignored ones, and
    /// those in quarantine once they have left it. Others are kept until their client is erased.
    pub delivery_days: u32,
}

impl Default for Log {
    fn default() -> Self {
        Self { dir: PathBuf::from("data"), delivery_days: 90 }
    }
}

/// `[vault]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Vault {
    /// The file of the master key, 32 bytes in hex; relative to `hub.toml`, outside the data
    /// directory: whoever has both can read everything.
    pub key_file: PathBuf,
}

impl Default for Vault {
    fn default() -> Self {
        Self { key_file: PathBuf::from("hub.key") }
    }
}

/// `[dispatch]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dispatch {
    /// Attempts of one action, the first one included.
    pub attempts_max: u32,
    /// Wait before the second attempt, in milliseconds; doubles, with jitter.
    pub backoff_min_ms: u64,
    /// The longest wait between two attempts, in milliseconds.
    pub backoff_max_ms: u64,
    /// The longest wait for a vendor's answer, in milliseconds.
    pub request_timeout_ms: u64,
    /// Actions at work at once, over all connections.
    pub at_once_max: usize,
    /// Failures in a row that open a connection's circuit.
    pub circuit_failures: u32,
    /// How long an open circuit stays open before it is tried again, in milliseconds.
    pub circuit_open_ms: u64,
}

impl Default for Dispatch {
    fn default() -> Self {
        Self {
            attempts_max: 8,
            backoff_min_ms: 500,
            backoff_max_ms: 60_000,
            request_timeout_ms: 10_000,
            at_once_max: 64,
            circuit_failures: 10,
            circuit_open_ms: 30_000,
        }
    }
}

/// `[[token]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Who holds it: the `actor` of what it does.
    pub name: String,
    /// Where the token is: `env:NAME` or `file:PATH`.
    pub token: String,
}

/// `[[connection]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Its id, such as `stripe-eu`.
    pub id: ConnectionId,
    /// A bundled connector's name, or a path to a component (ends in `.wasm`).
    pub plugin: String,
    /// The entity that it belongs to; absent serves all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// Settings, by the connector's own schema (`hub plugin inspect`).
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub settings: toml::Table,
    /// Secrets by name: references (`env:NAME`, `file:PATH`), never literals. A list holds the
    /// new one first while it is rotated.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretRefs>,
    /// What it may reach.
    #[serde(default)]
    pub grants: Grants,
    /// Real money, or the vendor's test environment.
    #[serde(default)]
    pub live: bool,
    /// Take deliveries that no signature proves; their events say so.
    #[serde(default)]
    pub allow_unsigned: bool,
    /// How old a signed time stamp may be, both ways, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_tolerance_s: Option<u32>,
    /// How often it is polled, in milliseconds, if the connector polls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_every_ms: Option<u64>,
}

/// One reference, or several while a secret is rotated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SecretRefs {
    /// `"env:NAME"`
    One(String),
    /// `["env:NEW", "env:OLD"]`
    Several(Vec<String>),
}

impl SecretRefs {
    /// The references, the one to send with first.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// `grants = { … }`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Grants {
    /// Origins that it may ask, such as `https://api.stripe.com`.
    pub hosts: Vec<String>,
    /// A granted name may resolve to a private or loopback address.
    pub private_addresses: bool,
}

impl Config {
    /// The data directory, where `base` is the folder of `hub.toml`.
    pub fn data_dir(&self, base: &Path) -> PathBuf {
        base.join(&self.log.dir)
    }
    /// The master key's file, where `base` is the folder of `hub.toml`.
    pub fn key_file(&self, base: &Path) -> PathBuf {
        base.join(&self.vault.key_file)
    }
}

/// JSON Schema (2020-12) of `hub.toml`: `schemas/hub.toml.json`.
pub fn schema() -> serde_json::Value {
    let mut schema = hub_schemas::generate::schema_of::<Config>().to_value();
    schema["$id"] = format!("{}/hub.toml.json", hub_schemas::generate::BASE).into();
    schema
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_published_schema_is_that_of_the_struct() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/hub.toml.json");
        let mut text = serde_json::to_string_pretty(&super::schema()).unwrap();
        text.push('\n');
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            found == text,
            "schemas/hub.toml.json is not what the struct gives: UPDATE_EXPECT=1 rewrites it"
        );
    }

    #[test]
    fn the_template_holds_as_it_is_and_with_every_example_switched_on() {
        let template = super::template::HUB_TOML;
        let take = |text: String| super::from_text(std::path::Path::new("hub.toml"), text);
        take(template.to_owned()).unwrap();
        // An example is a comment whose text is TOML: it begins with a key, a table or a brace.
        let on: String = template
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.starts_with(['[', ' ', ']']) || rest.contains(" = ") => rest,
                _ => line,
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let loaded = take(on).unwrap();
        assert_eq!((loaded.config.connection.len(), loaded.config.programme.len()), (1, 1));
    }
}
