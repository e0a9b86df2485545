//! Connections: which may be used now.
use crate::{Event, State};
use hub_schemas::{ConnectionId, Payload};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What stands in the way of a connection; nothing by default.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectionStatus {
    /// An operator stopped it, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// Its circuit is open, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_open: Option<String>,
}

/// Every connection that something ever stood in the way of.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Connections(BTreeMap<ConnectionId, ConnectionStatus>);

impl Connections {
    /// What stands in the way of a connection.
    pub fn status(&self, id: &ConnectionId) -> ConnectionStatus {
        self.0.get(id).cloned().unwrap_or_default()
    }
    fn at(&mut self, id: &ConnectionId) -> &mut ConnectionStatus {
        self.0.entry(id.clone()).or_default()
    }
}

pub(crate) fn evolve(state: &mut State, event: &Event) {
    let all = &mut state.connections;
    match &event.payload {
        Payload::ConnectionPaused(d) => all.at(&d.connection).paused = Some(d.reason.clone()),
        Payload::ConnectionResumed(d) => all.at(&d.connection).paused = None,
        Payload::CircuitOpened(d) => all.at(&d.connection).circuit_open = Some(d.reason.clone()),
        Payload::CircuitClosed(d) => all.at(&d.connection).circuit_open = None,
        _ => {}
    }
}
