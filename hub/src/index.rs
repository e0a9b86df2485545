//! Where events are: by subject, type, connection, flow, client and cause. Derived from the log,
//! kept in memory, built behind the writer; a query waits until it has caught up.
use crate::stored::{Source, Stored};
use hub_log::{EventLog, Record};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Records taken in at once.
const PAGE_RECORDS: usize = 2048;

/// What the index wants to know of an event's data.
#[derive(Deserialize)]
struct Names<'a> {
    #[serde(borrow, default)]
    client: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    payment: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    provisioning: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    account: Option<Cow<'a, str>>,
}

/// Places of events, ascending.
pub type Places = Vec<u64>;

/// The index's content.
#[derive(Default)]
pub struct Maps {
    subjects: HashMap<String, Places>,
    types: HashMap<String, Places>,
    connections: HashMap<String, Places>,
    flows: HashMap<String, Places>,
    clients: HashMap<String, Places>,
    effects: HashMap<u64, Places>,
    /// Whose payment, provisioning or account it is.
    owners: HashMap<String, String>,
}

impl Maps {
    /// Events of a subject such as `payment/pay_1`.
    pub fn of_subject(&self, subject: &str) -> &[u64] {
        self.subjects.get(subject).map_or(&[], Vec::as_slice)
    }
    /// Events of a type.
    pub fn of_type(&self, event_type: &str) -> &[u64] {
        self.types.get(event_type).map_or(&[], Vec::as_slice)
    }
    /// Events over a connection.
    pub fn of_connection(&self, connection: &str) -> &[u64] {
        self.connections.get(connection).map_or(&[], Vec::as_slice)
    }
    /// Events of a flow.
    pub fn of_flow(&self, flow: &str) -> &[u64] {
        self.flows.get(flow).map_or(&[], Vec::as_slice)
    }
    /// Events about a client, its payments and its accounts.
    pub fn of_client(&self, client: &str) -> &[u64] {
        self.clients.get(client).map_or(&[], Vec::as_slice)
    }
    /// What an event caused.
    pub fn effects_of(&self, sequence: u64) -> &[u64] {
        self.effects.get(&sequence).map_or(&[], Vec::as_slice)
    }
    /// The client that a payment, a provisioning or an account belongs to.
    pub fn owner(&self, flow: &str) -> Option<&str> {
        self.owners.get(flow).map(String::as_str)
    }
    /// How many events of each type there are, by type.
    pub fn type_counts(&self) -> Vec<(String, usize)> {
        let mut counts: Vec<_> = self.types.iter().map(|(t, p)| (t.clone(), p.len())).collect();
        counts.sort();
        counts
    }

    fn take(&mut self, record: &Record) {
        let sequence = record.sequence;
        let Ok(stored) = Stored::decode(sequence, &record.body) else { return };
        push(&mut self.subjects, &stored.subject, sequence);
        push(&mut self.types, &stored.event_type, sequence);
        if let Some(connection) = &stored.connection {
            push(&mut self.connections, connection, sequence);
        }
        if let Some(flow) = &stored.correlation {
            push(&mut self.flows, flow, sequence);
        }
        if let Some(cause) = stored.cause {
            self.effects.entry(cause).or_default().push(sequence);
        }
        if stored.source == Source::Timer {
            return;
        }
        let names: Option<Names<'_>> = serde_json::from_str(stored.data.get()).ok();
        let Some(names) = names else { return };
        let flows = [&names.payment, &names.provisioning, &names.account];
        let client = names.client.as_deref().map(str::to_owned).or_else(|| {
            let flow = stored.correlation.as_deref().into_iter();
            let named = flows.iter().filter_map(|f| f.as_deref());
            flow.chain(named).find_map(|f| self.owners.get(f).cloned())
        });
        let Some(client) = client else {
            // A client's own flow goes by its id.
            if let Some(flow) = stored.correlation.as_deref()
                && self.clients.contains_key(flow)
            {
                push(&mut self.clients, flow, sequence);
            }
            return;
        };
        for flow in flows.into_iter().flatten() {
            if !self.owners.contains_key(flow.as_ref()) {
                self.owners.insert(flow.clone().into_owned(), client.clone());
            }
        }
        push(&mut self.clients, &client, sequence);
    }
}

fn push(map: &mut HashMap<String, Places>, key: &str, sequence: u64) {
    match map.get_mut(key) {
        Some(places) => places.push(sequence),
        None => drop(map.insert(key.to_owned(), vec![sequence])),
    }
}

/// The index.
pub struct Index {
    places: RwLock<Maps>,
    at: watch::Sender<u64>,
}

impl Index {
    /// Empty.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { places: RwLock::default(), at: watch::Sender::new(0) })
    }

    /// Looks into it. Short: it grows meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&Maps) -> T) -> T {
        look(&self.places.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The last event taken in.
    pub fn position(&self) -> u64 {
        *self.at.borrow()
    }

    /// Waits until this event is in.
    pub async fn reached(&self, sequence: u64) -> bool {
        self.at.subscribe().wait_for(|at| *at >= sequence).await.is_ok()
    }

    /// Takes in what is in the log now.
    pub fn load(&self, log: &dyn EventLog) -> Result<(), hub_log::ReadError> {
        loop {
            let records = log.read(self.position() + 1, PAGE_RECORDS)?;
            if records.is_empty() {
                return Ok(());
            }
            self.take(&records);
        }
    }

    /// Follows the log until told to stop.
    pub async fn run(self: Arc<Self>, log: Arc<dyn EventLog>, stop: CancellationToken) {
        let mut follower = log.follow(self.position());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                records = follower.next_batch(PAGE_RECORDS) => match records {
                    Ok(records) => self.take(&records),
                    Err(error) => {
                        tracing::error!(%error, "the index stopped");
                        return;
                    }
                },
            }
        }
    }

    fn take(&self, records: &[Record]) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            places.take(record);
        }
        drop(places);
        if let Some(last) = records.last() {
            self.at.send_replace(last.sequence);
        }
    }
}
