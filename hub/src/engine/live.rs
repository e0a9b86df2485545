//! The engine at work.
use super::decode::decode;
use super::replay::{ReplayError, replay};
use super::snapshot::Snapshot;
use crate::journal::{Draft, Journal, JournalError};
use crate::stored::Source;
use hub_domain::{Event, NewEvent, State};
use hub_log::{AppendError, Batch, NewRecord, Put, PutValue, ReadError, Table};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const ENGINE: Table = Table::new("engine");
const POSITION: &[u8] = b"position";
/// Inputs decided on in one batch.
const INPUTS_MAX: usize = 256;
/// Decisions appended in one batch at the most; a batch of inputs ends early.
const DECISIONS_MAX: usize = 1024;
/// Inputs without a decision after which the position is made durable all the same.
const IDLE_INPUTS_MAX: u64 = 10_000;
/// Inputs between two snapshots.
const SNAPSHOT_INPUTS: u64 = 100_000;

/// Why the engine stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The log could not be replayed or read.
    #[error("the engine stopped: {0}")]
    Replay(#[from] ReplayError),
    /// The log could not be followed.
    #[error("the engine stopped: {0}")]
    Read(#[from] ReadError),
    /// An event could not be taken.
    #[error("the engine stopped: {0}")]
    Decode(#[from] super::DecodeFailure),
    /// A decision could not be appended.
    #[error("the engine stopped: a decision could not be appended: {0}")]
    Append(#[from] JournalError),
    /// Deciders without end.
    #[error("the engine stopped: {0}")]
    Runaway(#[from] hub_domain::Runaway),
}

/// What others see of the engine.
#[derive(Clone)]
pub struct EngineHandle {
    state: Arc<RwLock<State>>,
    position: watch::Receiver<u64>,
}

impl EngineHandle {
    /// Reads the state. Short: the engine waits meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
    /// The last input whose decisions are durable.
    pub fn position(&self) -> u64 {
        *self.position.borrow()
    }
    /// Waits until the engine has come to this input; false once it has stopped before.
    pub async fn reached(&self, sequence: u64) -> bool {
        let mut position = self.position.clone();
        position.wait_for(|at| *at >= sequence).await.is_ok()
    }
    /// Changes whenever the engine has moved on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.position.clone()
    }
}

/// The engine.
pub struct Engine {
    journal: Arc<Journal>,
    state: Arc<RwLock<State>>,
    position: watch::Sender<u64>,
    waiting: VecDeque<Event>,
    read_to: u64,
    durable: u64,
    snapshot_path: Option<PathBuf>,
    snapshot_at: u64,
}

impl Engine {
    /// State from the last snapshot and the log.
    pub fn open(
        journal: Arc<Journal>,
        snapshot_path: Option<PathBuf>,
    ) -> Result<(Self, EngineHandle), EngineError> {
        let log = journal.log().clone();
        let started = std::time::Instant::now();
        let from = snapshot_path.as_deref().and_then(|path| Snapshot::read(path, &*log));
        let (state, at) = from.map_or_else(|| (State::default(), 0), |s| (s.state, s.position));
        let decided_to = durable_position(&*log)?;
        let replayed = replay(&*log, state, at, decided_to, &mut |_| {})?;
        tracing::info!(
            from = at,
            to = replayed.last,
            waiting = replayed.waiting.len(),
            elapsed_ms = started.elapsed().as_millis() as u64,
            "state replayed"
        );
        let state = Arc::new(RwLock::new(replayed.state));
        let (sender, position) = watch::channel(replayed.position);
        let engine = Self {
            journal,
            state: state.clone(),
            position: sender,
            waiting: replayed.waiting,
            read_to: replayed.last,
            durable: replayed.position,
            snapshot_path,
            snapshot_at: at,
        };
        Ok((engine, EngineHandle { state, position }))
    }

    /// Decides on everything that is in the log by now, decisions included.
    pub async fn catch_up(&mut self) -> Result<(), EngineError> {
        loop {
            if self.waiting.is_empty() {
                let records = self.journal.log().read(self.read_to + 1, INPUTS_MAX)?;
                if records.is_empty() {
                    return Ok(());
                }
                self.take(&records)?;
                continue;
            }
            self.decide_some().await?;
        }
    }

    /// Follows the log until told to stop; then makes its position durable and leaves a snapshot.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), EngineError> {
        let mut follower = self.journal.log().follow(self.read_to);
        loop {
            while !self.waiting.is_empty() {
                self.decide_some().await?;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                records = follower.next_batch(INPUTS_MAX) => self.take(&records?)?,
            }
        }
        let at = *self.position.borrow();
        if at > self.durable {
            self.append(Vec::new(), at).await?;
        }
        self.snapshot(at);
        Ok(())
    }

    fn take(&mut self, records: &[hub_log::Record]) -> Result<(), EngineError> {
        for record in records {
            let decoded = decode(record)?;
            self.read_to = record.sequence;
            // The engine's own decisions were folded when they were made.
            if decoded.decided_from.is_none() {
                self.waiting.push_back(decoded.event);
            }
        }
        if self.waiting.is_empty() {
            self.position.send_replace(self.read_to);
        }
        Ok(())
    }

    async fn decide_some(&mut self) -> Result<(), EngineError> {
        let mut decided: Vec<(u64, i64, NewEvent)> = Vec::new();
        let mut at = *self.position.borrow();
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            for _ in 0..INPUTS_MAX {
                if decided.len() >= DECISIONS_MAX {
                    break;
                }
                let Some(input) = self.waiting.pop_front() else { break };
                at = input.sequence;
                let decisions = state.step(&input)?;
                decided.extend(decisions.into_iter().map(|d| (at, input.recorded_ms, d)));
            }
        }
        if !decided.is_empty() || at - self.durable >= IDLE_INPUTS_MAX {
            let mut records = Vec::with_capacity(decided.len());
            for (cause, time_ms, decision) in decided {
                let mut draft = Draft::new(Source::Engine, time_ms, decision.payload);
                draft.connection = decision.connection;
                draft.entity = decision.entity;
                draft.correlation = decision.correlation;
                draft.cause = Some(cause);
                records.push(NewRecord::new(self.journal.encode(&draft).await?));
            }
            self.append(records, at).await?;
        }
        self.position.send_replace(at);
        if at.saturating_sub(self.snapshot_at) >= SNAPSHOT_INPUTS {
            self.snapshot(at);
        }
        Ok(())
    }

    /// State is ahead of the log until this succeeds: it tries until it does, or cannot.
    async fn append(&mut self, records: Vec<NewRecord>, at: u64) -> Result<(), EngineError> {
        // Decisions carry the position themselves, as their cause: a row of its own would send
        // the whole commit group the log's slow way. Without decisions there is the row.
        let puts = if records.is_empty() {
            let value = PutValue::Bytes(at.to_be_bytes().to_vec());
            vec![Put { table: ENGINE, key: POSITION.to_vec(), value }]
        } else {
            Vec::new()
        };
        let batch = Batch { records, puts, ..Batch::default() };
        loop {
            let wait_ms = match self.journal.log().append(batch.clone()).await {
                Ok(_) => break,
                Err(AppendError::Busy { retry_after_ms }) => retry_after_ms,
                // Space comes back: the hub stays up, and decides on when it does.
                Err(error @ (AppendError::Full { .. } | AppendError::ReadOnly)) => {
                    tracing::error!(%error, "the engine waits");
                    1_000
                }
                Err(error) => return Err(JournalError::from(error).into()),
            };
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
        self.durable = at;
        Ok(())
    }

    fn snapshot(&mut self, at: u64) {
        let Some(path) = &self.snapshot_path else { return };
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match Snapshot::write(path, &**self.journal.log(), &state, at) {
            Ok(()) => self.snapshot_at = at,
            Err(error) => tracing::warn!(%error, "no snapshot: the next start takes longer"),
        }
    }
}

/// The last input whose decisions are durable, as the log's store has it.
pub fn durable_position(log: &dyn hub_log::EventLog) -> Result<u64, ReadError> {
    let kept = log.table_get(ENGINE, POSITION)?;
    Ok(kept.and_then(|b| b.as_ref().try_into().ok().map(u64::from_be_bytes)).unwrap_or(0))
}
