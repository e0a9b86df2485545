//! What a call tells the hub.
use hub_schemas::Payload;

/// A canonical event, as a connector emits it. Subject, sequence and the rest of the envelope are
/// the hub's.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The vendor's id of the event: the hub drops one that it knows. Without it, the hash of the
    /// delivery stands in.
    pub id: Option<String>,
    /// When it happened, Unix milliseconds; without it, when it arrived.
    pub time_ms: Option<i64>,
    /// Type and data.
    pub payload: Payload,
}

impl Event {
    /// An event with neither id nor time yet.
    pub fn new(payload: impl Into<Payload>) -> Self {
        Self { id: None, time_ms: None, payload: payload.into() }
    }
    /// The vendor's id of the event.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
    /// When it happened, Unix milliseconds.
    pub fn at_ms(mut self, time_ms: i64) -> Self {
        self.time_ms = Some(time_ms);
        self
    }
}

/// What became of a webhook delivery.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Received {
    /// In the order in which they happened; none if the delivery is known and of no interest.
    pub events: Vec<Event>,
    /// What the vendor must hear; otherwise it is an empty 200.
    pub acknowledgement: Option<Acknowledgement>,
}

impl Received {
    /// The delivery is of a documented type that means nothing here.
    pub fn nothing() -> Self {
        Self::default()
    }
    /// The delivery gave these.
    pub fn events(events: impl IntoIterator<Item = Event>) -> Self {
        Self { events: events.into_iter().collect(), acknowledgement: None }
    }
    /// The vendor insists on this answer.
    pub fn acknowledge(mut self, status: u16, body: impl Into<Vec<u8>>) -> Self {
        self.acknowledgement =
            Some(Acknowledgement { status, headers: Vec::new(), body: body.into() });
        self
    }
}

/// An answer to a webhook that the vendor insists on.
#[derive(Debug, Clone, PartialEq)]
pub struct Acknowledgement {
    /// HTTP status, 200 to 299.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// What a poll gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Polled {
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// Where the next poll goes on: kept by the hub in one transaction with the events.
    pub cursor: String,
    /// There is more now.
    pub more: bool,
}
