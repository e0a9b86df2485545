//! Questions to the log: filters, paging, and an event's causes and effects.
use crate::index::{Index, Maps};
use crate::stored::{cloud_event, parse_event_id};
use hub_log::{EventLog, ReadError};
use hub_schemas::CloudEvent;
use serde::{Deserialize, Serialize};

/// Events in one answer.
pub const LIMIT_MAX: usize = 500;
const LIMIT_DEFAULT: usize = 50;
/// Records looked at for one answer: a text that is nowhere must not read the whole log at once.
/// The answer then says where to go on.
const LOOKED_AT_MAX: usize = 200_000;
const PAGE_RECORDS: usize = 512;
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
    /// Contains this text, in any case.
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

    /// Does an event pass? `maps` knows whose it is.
    pub fn passes(&self, event: &CloudEvent, maps: &Maps) -> bool {
        let f = &self.filter;
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|w| found == Some(w))
        };
        is(&f.subject, Some(&event.subject))
            && is(&f.connection, event.connection.as_deref())
            && is(&f.entity, event.entity.as_deref())
            && is(&f.correlation, event.correlationid.as_deref())
            && f.event_type.as_deref().is_none_or(|t| type_matches(t, &event.event_type))
            && f.account.as_deref().is_none_or(|a| about_account(event, a))
            && f.client.as_deref().is_none_or(|c| about_client(event, c, maps))
            && self.times(event)
            && self.text.as_deref().is_none_or(|t| contains(event, t))
    }

    fn times(&self, event: &CloudEvent) -> bool {
        if self.since_ms.is_none() && self.until_ms.is_none() {
            return true;
        }
        let Ok(time) = event.time.parse::<jiff::Timestamp>() else { return false };
        let ms = time.as_millisecond();
        self.since_ms.is_none_or(|since| ms >= since)
            && self.until_ms.is_none_or(|until| ms < until)
    }

    /// The shortest list of places that holds every match; nothing if all must be looked at.
    fn candidates(&self, maps: &Maps) -> Option<Vec<u64>> {
        let f = &self.filter;
        let exact_type = f.event_type.as_deref().filter(|t| !t.ends_with(['*', '.']));
        let account = f.account.as_ref().map(|a| format!("account/{a}"));
        let lists = [
            f.subject.as_deref().map(|s| maps.of_subject(s)),
            f.connection.as_deref().map(|c| maps.of_connection(c)),
            f.client.as_deref().map(|c| maps.of_client(c)),
            f.correlation.as_deref().map(|c| maps.of_flow(c)),
            exact_type.map(|t| maps.of_type(t)),
        ];
        let shortest = lists.into_iter().flatten().min_by_key(|list| list.len());
        match (shortest, account, &f.account) {
            (None, Some(subject), Some(account)) => {
                let mut both = [maps.of_subject(&subject), maps.of_flow(account)].concat();
                both.sort_unstable();
                both.dedup();
                Some(both)
            }
            (shortest, _, _) => shortest.map(<[u64]>::to_vec),
        }
    }
}

fn type_matches(wanted: &str, found: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(prefix) => found.starts_with(prefix),
        None if wanted.ends_with('.') => found.starts_with(wanted),
        None => found == wanted,
    }
}

fn about_account(event: &CloudEvent, account: &str) -> bool {
    event.subject.strip_prefix("account/") == Some(account)
        || event.correlationid.as_deref() == Some(account)
        || event.data.get("account").and_then(|a| a.as_str()) == Some(account)
}

fn about_client(event: &CloudEvent, client: &str, maps: &Maps) -> bool {
    let flow = event.correlationid.as_deref();
    event.subject.strip_prefix("client/") == Some(client)
        || event.data.get("client").and_then(|c| c.as_str()) == Some(client)
        || flow == Some(client)
        || flow.and_then(|f| maps.owner(f)) == Some(client)
        || event
            .data
            .get("account")
            .and_then(|a| a.as_str())
            .is_some_and(|a| maps.owner(a) == Some(client))
}

fn contains(event: &CloudEvent, text: &str) -> bool {
    event.event_type.to_lowercase().contains(text)
        || event.subject.to_lowercase().contains(text)
        || event.vendorevent.as_deref().is_some_and(|v| v.to_lowercase().contains(text))
        || event.data.to_string().to_lowercase().contains(text)
}

/// A page of events. Waits until the index has caught up, so that nothing is missing.
pub async fn list(log: &dyn EventLog, index: &Index, filter: Filter) -> Result<Page, QueryError> {
    let limit = filter.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let order = filter.order.unwrap_or_default();
    let checked = filter.check()?;
    let last = log.last();
    index.reached(last).await;
    let candidates = index.read(|maps| checked.candidates(maps));
    let mut page = Page { events: Vec::new(), next: None };
    let mut looked_at = 0;
    let mut walk = Walk::new(log, candidates, order, checked.after, last);
    while let Some(records) = walk.next()? {
        for record in records {
            looked_at += 1;
            let sequence = record.sequence;
            let event = cloud_event(&record)?;
            if index.read(|maps| checked.passes(&event, maps)) {
                page.events.push(event);
            }
            if page.events.len() == limit || looked_at >= LOOKED_AT_MAX {
                page.next = Some(sequence);
                return Ok(page);
            }
        }
    }
    Ok(page)
}

/// Walks over candidates, or over everything.
struct Walk<'a> {
    log: &'a dyn EventLog,
    candidates: Option<std::vec::IntoIter<u64>>,
    order: Order,
    at: u64,
    last: u64,
}

impl<'a> Walk<'a> {
    fn new(
        log: &'a dyn EventLog,
        candidates: Option<Vec<u64>>,
        order: Order,
        after: Option<u64>,
        last: u64,
    ) -> Self {
        let candidates = candidates.map(|mut places| {
            if order == Order::Desc {
                places.reverse();
            }
            places.retain(|at| match (order, after) {
                (_, None) => true,
                (Order::Asc, Some(after)) => *at > after,
                (Order::Desc, Some(after)) => *at < after,
            });
            places.into_iter()
        });
        let at = match order {
            Order::Asc => after.map_or(1, |a| a.saturating_add(1)),
            Order::Desc => after.map_or(last, |a| a.saturating_sub(1)).min(last),
        };
        Self { log, candidates, order, at, last }
    }

    fn next(&mut self) -> Result<Option<Vec<hub_log::Record>>, ReadError> {
        if let Some(places) = &mut self.candidates {
            let Some(at) = places.next() else { return Ok(None) };
            return Ok(Some(self.log.get(at)?.into_iter().collect()));
        }
        let records = match self.order {
            Order::Asc if self.at <= self.last => self.log.read(self.at, PAGE_RECORDS)?,
            Order::Desc if self.at > 0 => self.log.read_back(self.at, PAGE_RECORDS)?,
            _ => return Ok(None),
        };
        let Some(end) = records.last() else { return Ok(None) };
        self.at = match self.order {
            Order::Asc => end.sequence + 1,
            Order::Desc => end.sequence - 1,
        };
        Ok(Some(records))
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
    log: &dyn EventLog,
    index: &Index,
    sequence: u64,
) -> Result<Option<Trace>, QueryError> {
    let Some(event) = get(log, sequence)? else { return Ok(None) };
    index.reached(log.last()).await;
    let mut causes: Vec<CloudEvent> = Vec::new();
    let mut cause = event.causationid.clone();
    while let Some(at) = cause.as_deref().and_then(parse_event_id) {
        let Some(found) = get(log, at)?.filter(|_| causes.len() < TRACE_DEPTH_MAX) else { break };
        cause.clone_from(&found.causationid);
        causes.push(found);
    }
    let mut left = TRACE_EVENTS_MAX;
    let effects = effects(log, index, sequence, TRACE_DEPTH_MAX, &mut left)?;
    Ok(Some(Trace { event, causes, effects, truncated: left == 0 }))
}

fn effects(
    log: &dyn EventLog,
    index: &Index,
    sequence: u64,
    depth: usize,
    left: &mut usize,
) -> Result<Vec<Effect>, QueryError> {
    let places = index.read(|maps| maps.effects_of(sequence).to_vec());
    let mut found = Vec::new();
    for at in places {
        if *left == 0 || depth == 0 {
            *left = 0;
            break;
        }
        *left -= 1;
        let Some(event) = get(log, at)? else { continue };
        found.push(Effect { event, effects: effects(log, index, at, depth - 1, left)? });
    }
    Ok(found)
}
