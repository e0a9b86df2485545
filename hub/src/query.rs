//! Questions to the log: filters, paging, and an event's causes and effects.
use crate::index::tag;
use crate::stored::{cloud_event, parse_event_id};
use hub_index::{Clause, Index, IndexError, Question, View};
use hub_log::{EventLog, ReadError};
use hub_schemas::CloudEvent;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Events in one answer.
pub const LIMIT_MAX: usize = 500;
const LIMIT_DEFAULT: usize = 50;
/// Events looked at for one answer: words that are everywhere, and never next to each other, must
/// not read the whole log at once. The answer then says where to go on.
const LOOKED_AT_MAX: usize = 20_000;
/// Events looked at together.
const FETCHED_MAX: usize = 512;
/// Events in one trace.
const TRACE_EVENTS_MAX: usize = 500;
const TRACE_DEPTH_MAX: usize = 32;

/// Which events. All given filters must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// A type, or the beginning of one that ends in `.` or `*`.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// Such as `payment/pay_1`.
    pub subject: Option<String>,
    /// About a client, its payments and accounts.
    pub client: Option<String>,
    /// About an account.
    pub account: Option<String>,
    /// Over a connection.
    pub connection: Option<String>,
    /// Of an entity.
    pub entity: Option<String>,
    /// Of a flow.
    pub correlation: Option<String>,
    /// Happened at or after this, RFC 3339.
    pub since: Option<String>,
    /// Happened before this, RFC 3339.
    pub until: Option<String>,
    /// Contains this text, in any case. It is found where a word begins, and its last word may be
    /// the beginning of one.
    pub text: Option<String>,
    /// Go on after this event, in the direction of `order`.
    pub after: Option<String>,
    /// At most so many, up to 500.
    pub limit: Option<usize>,
    /// `desc` (newest first) or `asc`.
    pub order: Option<Order>,
}

/// Which end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Newest first.
    #[default]
    Desc,
    /// Oldest first.
    Asc,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// A filter is not of its form.
    #[error("{name}={value:?}: {why}")]
    Filter {
        /// Which.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is wrong.
        why: String,
    },
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record could not be shown.
    #[error(transparent)]
    Decode(#[from] crate::stored::DecodeError),
    /// The index does not answer, or not yet.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The answer was interrupted.
    #[error("the question was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// A page of events.
#[derive(Debug, Serialize)]
pub struct Page {
    /// In the order asked for.
    pub events: Vec<CloudEvent>,
    /// Where to go on with `after`; nothing at the end.
    pub next: Option<u64>,
}

/// A filter whose texts have been checked.
pub struct Checked {
    filter: Filter,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
    text: Option<String>,
    after: Option<u64>,
}

fn moment(name: &'static str, value: &Option<String>) -> Result<Option<i64>, QueryError> {
    let Some(text) = value else { return Ok(None) };
    let time: jiff::Timestamp = text.parse().map_err(|e: jiff::Error| QueryError::Filter {
        name,
        value: text.clone(),
        why: format!("not an RFC 3339 time such as 2026-11-21T09:00:00Z: {e}"),
    })?;
    Ok(Some(time.as_millisecond()))
}

impl Filter {
    /// Checks every text.
    pub fn check(self) -> Result<Checked, QueryError> {
        let after = match &self.after {
            None => None,
            Some(text) => Some(parse_event_id(text).or(text.parse().ok()).ok_or_else(|| {
                QueryError::Filter {
                    name: "after",
                    value: text.clone(),
                    why: "not an event's id or sequence".to_owned(),
                }
            })?),
        };
        Ok(Checked {
            since_ms: moment("since", &self.since)?,
            until_ms: moment("until", &self.until)?,
            text: self.text.as_ref().map(|t| t.to_lowercase()).filter(|t| !t.is_empty()),
            after,
            filter: self,
        })
    }
}

impl Checked {
    /// Where to start, if it was said.
    pub fn after(&self) -> Option<u64> {
        self.after
    }

    /// As the index is asked.
    pub fn question(&self) -> Question {
        let f = &self.filter;
        let tag = |name, value: &str| Clause::Tag(name, value.to_owned());
        let about = |name, id: &str| Clause::Any(vec![tag(name, id), tag(tag::FLOW, id)]);
        let given = [
            f.event_type.as_deref().map(type_clause),
            f.subject.as_deref().map(|s| tag(tag::SUBJECT, s)),
            f.connection.as_deref().map(|c| tag(tag::CONNECTION, c)),
            f.entity.as_deref().map(|e| tag(tag::ENTITY, e)),
            f.correlation.as_deref().map(|c| tag(tag::FLOW, c)),
            f.client.as_deref().map(|c| about(tag::CLIENT, c)),
            f.account.as_deref().map(|a| about(tag::ACCOUNT, a)),
            self.text.as_deref().map(Clause::text),
        ];
        let order = match f.order.unwrap_or_default() {
            Order::Desc => hub_index::Order::NewestFirst,
            Order::Asc => hub_index::Order::OldestFirst,
        };
        Question {
            all: given.into_iter().flatten().collect(),
            since_ms: self.since_ms,
            until_ms: self.until_ms,
            after: self.after,
            upto: None,
            order,
            limit: FETCHED_MAX,
        }
    }

    /// The index finds a text's words; that they stand next to each other shows in the event.
    pub fn has_text(&self, event: &CloudEvent) -> bool {
        self.text.as_deref().is_none_or(|text| contains(event, text))
    }

    /// Takes every event: no filter was given.
    pub fn is_open(&self) -> bool {
        let question = self.question();
        question.all.is_empty() && self.since_ms.is_none() && self.until_ms.is_none()
    }
}

fn type_clause(wanted: &str) -> Clause {
    match wanted.strip_suffix('*') {
        Some(prefix) => Clause::Prefix(tag::TYPE, prefix.to_owned()),
        None if wanted.ends_with('.') => Clause::Prefix(tag::TYPE, wanted.to_owned()),
        None => Clause::Tag(tag::TYPE, wanted.to_owned()),
    }
}

fn contains(event: &CloudEvent, text: &str) -> bool {
    event.event_type.to_lowercase().contains(text)
        || event.subject.to_lowercase().contains(text)
        || event.vendorevent.as_deref().is_some_and(|v| v.to_lowercase().contains(text))
        || values_contain(&event.data, text)
}

fn values_contain(value: &serde_json::Value, text: &str) -> bool {
    use serde_json::Value;
    match value {
        Value::String(value) => value.to_lowercase().contains(text),
        Value::Number(number) => number.to_string().contains(text),
        Value::Array(items) => items.iter().any(|item| values_contain(item, text)),
        Value::Object(fields) => fields.values().any(|field| values_contain(field, text)),
        _ => false,
    }
}

/// Which of the events from `from` to `to` (both included, some hundred) the filters take: for
/// those who have the events at hand, as they come. Reads files.
pub fn among(
    index: &Index,
    checked: &Checked,
    (from, to): (u64, u64),
) -> Result<Vec<u64>, IndexError> {
    if checked.is_open() {
        return Ok((from..=to).collect());
    }
    let view = if to <= index.position() { index.committed() } else { index.view()? };
    view.search(&Question {
        order: hub_index::Order::OldestFirst,
        after: Some(from.saturating_sub(1)),
        upto: Some(to),
        limit: usize::try_from(to - from + 1).unwrap_or(usize::MAX),
        ..checked.question()
    })
}

/// A page of events, as of now: what the index has not taken in yet is looked for too.
pub async fn list(
    log: &Arc<dyn EventLog>,
    index: &Arc<Index>,
    filter: Filter,
) -> Result<Page, QueryError> {
    let limit = filter.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let checked = filter.check()?;
    let (log, index) = (log.clone(), index.clone());
    // Both read files.
    let answered = tokio::task::spawn_blocking(move || match checked.is_open() {
        true => all(&*log, &checked, limit),
        false => matching(&*log, &index.view()?, &checked, limit),
    });
    answered.await?
}

/// With no filter the log itself answers.
fn all(log: &dyn EventLog, checked: &Checked, limit: usize) -> Result<Page, QueryError> {
    let last = log.last();
    let records = match (checked.filter.order.unwrap_or_default(), checked.after) {
        (Order::Asc, after) => log.read(after.unwrap_or(0).saturating_add(1), limit)?,
        (Order::Desc, None) => log.read_back(last, limit)?,
        (Order::Desc, Some(after)) => log.read_back(after.saturating_sub(1), limit)?,
    };
    let next = records.last().map(|record| record.sequence).filter(|_| records.len() == limit);
    let events = records.iter().map(cloud_event).collect::<Result<_, _>>()?;
    Ok(Page { events, next })
}

fn matching(
    log: &dyn EventLog,
    view: &View,
    checked: &Checked,
    limit: usize,
) -> Result<Page, QueryError> {
    let mut page = Page { events: Vec::new(), next: None };
    let mut question = checked.question();
    if checked.text.is_none() {
        question.limit = limit;
    }
    let mut looked_at = 0;
    loop {
        let found = view.search(&question)?;
        for sequence in &found {
            looked_at += 1;
            if let Some(event) = get(log, *sequence)?.filter(|event| checked.has_text(event)) {
                page.events.push(event);
            }
            if page.events.len() == limit || looked_at >= LOOKED_AT_MAX {
                page.next = Some(*sequence);
                return Ok(page);
            }
        }
        match found.last() {
            Some(last) if found.len() == question.limit => question.after = Some(*last),
            _ => return Ok(page),
        }
    }
}

/// An event between what caused it and what it caused.
#[derive(Debug, Serialize)]
pub struct Trace {
    /// The event.
    pub event: CloudEvent,
    /// Nearest first, up to the root.
    pub causes: Vec<CloudEvent>,
    /// What it caused, and what that caused.
    pub effects: Vec<Effect>,
    /// There is more than is shown.
    pub truncated: bool,
}

/// One effect.
#[derive(Debug, Serialize)]
pub struct Effect {
    /// The event.
    pub event: CloudEvent,
    /// What it caused.
    pub effects: Vec<Effect>,
}

/// One event.
pub fn get(log: &dyn EventLog, sequence: u64) -> Result<Option<CloudEvent>, QueryError> {
    Ok(log.get(sequence)?.as_ref().map(cloud_event).transpose()?)
}

/// An event's causes and effects.
pub async fn trace(
    log: &Arc<dyn EventLog>,
    index: &Arc<Index>,
    sequence: u64,
) -> Result<Option<Trace>, QueryError> {
    let (log, index) = (log.clone(), index.clone());
    tokio::task::spawn_blocking(move || traced(&*log, &index.view()?, sequence)).await?
}

fn traced(log: &dyn EventLog, view: &View, sequence: u64) -> Result<Option<Trace>, QueryError> {
    let Some(event) = get(log, sequence)? else { return Ok(None) };
    let mut causes: Vec<CloudEvent> = Vec::new();
    let mut cause = event.causationid.clone();
    while let Some(at) = cause.as_deref().and_then(parse_event_id) {
        let Some(found) = get(log, at)?.filter(|_| causes.len() < TRACE_DEPTH_MAX) else { break };
        cause.clone_from(&found.causationid);
        causes.push(found);
    }
    let mut left = TRACE_EVENTS_MAX;
    let effects = effects(log, view, sequence, TRACE_DEPTH_MAX, &mut left)?;
    Ok(Some(Trace { event, causes, effects, truncated: left == 0 }))
}

fn effects(
    log: &dyn EventLog,
    view: &View,
    sequence: u64,
    depth: usize,
    left: &mut usize,
) -> Result<Vec<Effect>, QueryError> {
    let caused = Question {
        all: vec![Clause::Tag(tag::CAUSE, sequence.to_string())],
        order: hub_index::Order::OldestFirst,
        limit: *left + 1,
        ..Question::default()
    };
    let places = view.search(&caused)?;
    let mut found = Vec::new();
    for at in places {
        if *left == 0 || depth == 0 {
            *left = 0;
            break;
        }
        *left -= 1;
        let Some(event) = get(log, at)? else { continue };
        found.push(Effect { event, effects: effects(log, view, at, depth - 1, left)? });
    }
    Ok(found)
}
