//! An event as the deciders see it, and one that they want appended.
use hub_schemas::{ConnectionId, EntityId, Payload};

/// A fact or a decision of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the log. Of a decision: the place of the input that led to it.
    pub sequence: u64,
    /// When it happened, Unix milliseconds: the vendor's time of a vendor's fact.
    pub time_ms: i64,
    /// When the hub made it durable, Unix milliseconds.
    pub recorded_ms: i64,
    /// The connection it came over, or goes to.
    pub connection: Option<ConnectionId>,
    /// The entity it belongs to.
    pub entity: Option<EntityId>,
    /// What it says.
    pub payload: Payload,
}

impl Event {
    /// The id's text: `evt_{sequence}`.
    pub fn id(&self) -> String {
        id_of(self.sequence)
    }
}

/// The text of the id of the event that stands at `sequence`.
pub(crate) fn id_of(sequence: u64) -> String {
    format!("evt_{sequence}")
}

/// A decision, to be appended in one batch with the other decisions of its input.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What was decided.
    pub payload: Payload,
    /// The connection it concerns or goes to.
    pub connection: Option<ConnectionId>,
    /// The entity it belongs to.
    pub entity: Option<EntityId>,
    /// The flow it belongs to: the id of a client, a payment, a provisioning or an account.
    pub correlation: Option<String>,
}

impl NewEvent {
    /// A decision that belongs to the flow named `flow`.
    pub(crate) fn new(payload: impl Into<Payload>, flow: impl ToString) -> Self {
        Self {
            payload: payload.into(),
            connection: None,
            entity: None,
            correlation: Some(flow.to_string()),
        }
    }
    /// The same, over a connection.
    pub(crate) fn over(mut self, connection: &ConnectionId) -> Self {
        self.connection = Some(connection.clone());
        self
    }
    /// The same, of an entity where one is known.
    pub(crate) fn of(mut self, entity: Option<&EntityId>) -> Self {
        self.entity = entity.cloned();
        self
    }

    /// The decision as the event that `evolve` takes, live and at a replay alike: it has the
    /// input's sequence, and both its times are the moment at which the input was recorded.
    pub fn decided_from(self, input: &Event) -> Event {
        Event {
            sequence: input.sequence,
            time_ms: input.recorded_ms,
            recorded_ms: input.recorded_ms,
            connection: self.connection,
            entity: self.entity,
            payload: self.payload,
        }
    }
}
