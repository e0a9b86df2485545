//! What the hub says of itself: configuration, quarantine, circuits, timers.
use super::rules::RuleSet;
use crate::ConnectionId;
use serde::{Deserialize, Serialize};

/// `config.applied`: from here on, these rules hold. The deciders know no other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfigApplied {
    /// BLAKE3 of the rules' JSON, hex, first 16 characters.
    pub version: String,
    /// The rules.
    pub rules: RuleSet,
}

/// `delivery.quarantined`: something came that was not understood. Its bytes are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeliveryQuarantined {
    /// The quarantine's id, `q_…`.
    pub quarantine: String,
    /// From whom.
    pub connection: ConnectionId,
    /// What went wrong, as a stable word: `trap`, `limit`, `schema`, `unknown-event`, `connector`.
    pub class: String,
    /// What went wrong, in words, which may quote what came: sealed under the key of the day.
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub reason: String,
    /// The connector and its version.
    pub connector: String,
}

/// `quarantine.released`: what was quarantined has been replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct QuarantineReleased {
    /// Which.
    pub quarantine: String,
    /// How many new events it gave.
    pub events: u32,
}

/// `quarantine.discarded`: a person decided that it is worth nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct QuarantineDiscarded {
    /// Which.
    pub quarantine: String,
    /// Why.
    pub reason: String,
}

/// `delivery.conflict`: a known vendor event id came again with another content. Kept, not applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeliveryConflict {
    /// From whom.
    pub connection: ConnectionId,
    /// The vendor's event id.
    pub vendor_event: String,
    /// The event that was stored first.
    pub first: String,
}

/// `connection.circuit.opened`: too many failures in a row; nothing is sent for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CircuitOpened {
    /// Which.
    pub connection: ConnectionId,
    /// Failures in a row.
    pub failures: u32,
    /// The last one, in words.
    pub reason: String,
}

/// `connection.circuit.closed`: it answers again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CircuitClosed {
    /// Which.
    pub connection: ConnectionId,
}

/// `connection.paused`: an operator stopped all traffic with a vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConnectionPaused {
    /// Which.
    pub connection: ConnectionId,
    /// Why.
    pub reason: String,
}

/// `connection.resumed`: an operator let traffic flow again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConnectionResumed {
    /// Which.
    pub connection: ConnectionId,
}

/// `timer.set`: a decider wants to be woken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TimerSet {
    /// Its id: setting it again moves it.
    pub timer: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// `timer.elapsed`: the time has come. The only way in which deciders learn of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TimerElapsed {
    /// Which.
    pub timer: String,
    /// For when it was set, Unix milliseconds.
    pub at_ms: i64,
}
