//! What the index is told of an event: the tags it is found by, its words, and whose it is.
use crate::stored::{Source, Stored};
use crate::vault::SEALED_PREFIX;
use hub_index::{Doc, Extract};
use hub_log::Record;
use serde_json::Value;

/// Raised with every change of what an event is found by: the index is then built again.
const VERSION: u32 = 1;
/// Words of one event, in bytes of text.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// Names of tags.
pub mod tag {
    /// The event's type.
    pub const TYPE: &str = "type";
    /// Such as `payment/pay_1`.
    pub const SUBJECT: &str = "subject";
    /// Connection.
    pub const CONNECTION: &str = "connection";
    /// Entity.
    pub const ENTITY: &str = "entity";
    /// The flow it belongs to (CloudEvents' `correlationid`).
    pub const FLOW: &str = "flow";
    /// Whom it is about, itself or through a payment or an account.
    pub const CLIENT: &str = hub_index::OWNER;
    /// Which trading account it is about.
    pub const ACCOUNT: &str = "account";
    /// Sequence of the event that caused it.
    pub const CAUSE: &str = "cause";
}

/// Turns stored events into what the index keeps.
pub struct Events;

impl Extract for Events {
    fn extract(
        &self,
        record: &Record,
        owner: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Option<Doc> {
        // What is no event cannot be shown either; `events verify` and the engine name it.
        let stored = Stored::decode(record.sequence, &record.body).ok()?;
        let data: Value = stored.data.parse().ok()?;
        let mut tags = vec![
            (tag::TYPE, stored.event_type.clone().into_owned()),
            (tag::SUBJECT, stored.subject.clone().into_owned()),
        ];
        let mut add = |name, value: Option<&str>| {
            tags.extend(value.map(|value| (name, value.to_owned())));
        };
        add(tag::CONNECTION, stored.connection.as_deref());
        add(tag::ENTITY, stored.entity.as_deref());
        add(tag::FLOW, stored.correlation.as_deref());
        let cause = stored.cause.map(|cause| cause.to_string());
        add(tag::CAUSE, cause.as_deref());
        let named = |name: &str| data.get(name).and_then(Value::as_str);
        let subject = |kind: &str| stored.subject.strip_prefix(kind);
        let account = named("account").or(subject("account/"));
        add(tag::ACCOUNT, account);
        // A payment, a provisioning or an account belongs to the client that an event first
        // named with it.
        let flows = [named("payment"), named("provisioning"), account];
        let of = || flows.into_iter().flatten().chain(stored.correlation.as_deref());
        let client = named("client").or(subject("client/")).map(str::to_owned);
        // A timer's flow says nothing of whom it is about.
        let looked_up = stored.source != Source::Timer;
        let client = client.or_else(|| of().find_map(&mut *owner).filter(|_| looked_up));
        add(tag::CLIENT, client.as_deref());
        let owns = flows.into_iter().flatten().map(str::to_owned).collect();
        Some(Doc { time_ms: stored.time_ms, text: text(&stored, &data), tags, owns })
    }

    fn version(&self) -> u32 {
        VERSION
    }
}

/// Its words: type, subject, the vendor's id, and every value of its data but sealed ones.
fn text(stored: &Stored<'_>, data: &Value) -> String {
    let mut text = format!("{} {}", stored.event_type, stored.subject);
    let mut add = |word: &str| {
        if text.len() + word.len() < TEXT_BYTES_MAX {
            text.push('\n');
            text.push_str(word);
        }
    };
    if let Some(id) = &stored.vendor_event {
        add(id);
    }
    let mut pending = vec![data];
    while let Some(value) = pending.pop() {
        match value {
            Value::String(word) if !word.starts_with(SEALED_PREFIX) => add(word),
            Value::Number(number) => add(&number.to_string()),
            Value::Array(items) => pending.extend(items),
            Value::Object(fields) => pending.extend(fields.values()),
            _ => {}
        }
    }
    text
}
