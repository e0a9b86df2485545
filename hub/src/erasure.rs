//! Erasure carried out, and look-ups kept: what the log says of clients, done to their keys.
//!
//! Both follow the engine's state and can be done again at any time, so a crash between an event
//! and what it asks for costs nothing: the next start does it.
use crate::engine::EngineHandle;
use crate::journal::Journal;
use crate::stored::Stored;
use crate::vault::key_file::Lookups;
use crate::vault::{Credentials, CredentialsError, ERASED, KeyFileError, Sealer, SealingError};
use hub_domain::State;
use hub_log::ReadError;
use hub_schemas::events::client::ClientRegistered;
use hub_schemas::{ClientId, ProvisioningId};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Records read at once.
const PAGE_RECORDS: usize = 256;
/// Between two tries after a failure.
const AGAIN: Duration = Duration::from_secs(5);

/// Why an erasure is not finished.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// Keys could not be destroyed, or personal data not be opened.
    #[error("an erasure could not be finished: {0}")]
    Sealing(#[from] SealingError),
    /// Passwords could not be dropped.
    #[error("an erasure could not be finished: {0}")]
    Credentials(#[from] CredentialsError),
    /// The log could not be read.
    #[error("an erasure could not be finished: {0}")]
    Read(#[from] ReadError),
}

/// Destroys the keys of erased clients, and keeps clients findable.
pub struct Erasure {
    journal: Arc<Journal>,
    engine: EngineHandle,
    credentials: Arc<Credentials>,
}

impl Erasure {
    /// Of the clients in this state.
    pub fn new(journal: Arc<Journal>, engine: EngineHandle, credentials: Arc<Credentials>) -> Self {
        Self { journal, engine, credentials }
    }

    /// Finishes whatever the state says was erased, and makes every other client findable.
    pub async fn finish_all(&self) -> Result<(), ErasureError> {
        let keys = self.journal.sealer().keys();
        let pending: Vec<ClientId> = self.engine.read(|state| {
            let erased = state.all_erased().map(|(client, _)| client);
            erased.filter(|client| !keys.is_destroyed(client.as_str())).cloned().collect()
        });
        for client in &pending {
            self.finish(client).await?;
        }
        let missing = self.engine.read(|state| unfindable(state, self.journal.sealer()));
        self.find_again(missing).await
    }

    /// Destroys the client's keys if the state says that the client was erased; says whether it
    /// does. Done already is done.
    pub async fn finish(&self, client: &ClientId) -> Result<bool, ErasureError> {
        let provisionings: Option<Vec<ProvisioningId>> = self.engine.read(|state| {
            state.erased(client)?;
            Some(state.client(client).map(|one| one.provisionings.clone()).unwrap_or_default())
        });
        let Some(provisionings) = provisionings else { return Ok(false) };
        if self.journal.sealer().keys().is_destroyed(client.as_str()) {
            return Ok(true);
        }
        // The rows hold nothing that opens once the key is gone; they go all the same, and first,
        // so that a crash in between finds the work undone.
        for provisioning in provisionings {
            self.credentials.forget(provisioning.as_str()).await?;
        }
        self.journal.sealer().destroy(vec![client.to_string()]).await?;
        tracing::info!(%client, "client erased: the keys are destroyed");
        Ok(true)
    }

    /// Follows the log after `after` until told to stop.
    pub async fn run(self: Arc<Self>, after: u64, stop: CancellationToken) {
        let mut follower = self.journal.log().follow(after);
        loop {
            let records = tokio::select! {
                () = stop.cancelled() => return,
                records = follower.next_batch(PAGE_RECORDS) => match records {
                    Ok(records) => records,
                    Err(error) => {
                        tracing::error!(%error, "erasures are finished at the next start");
                        return;
                    }
                },
            };
            for record in &records {
                // The engine stops at a record that cannot be decoded, and says so.
                let Ok(stored) = Stored::decode(record.sequence, &record.body) else { continue };
                let client =
                    stored.subject.strip_prefix("client/").and_then(|id| ClientId::new(id).ok());
                let Some(client) = client else { continue };
                let concerns = matches!(&*stored.event_type, "client.erased" | "client.registered");
                if !concerns {
                    continue;
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.follow_up(&client, record.sequence) => {}
                }
            }
        }
    }

    /// Does what an event about the client asks for, until it is done.
    async fn follow_up(&self, client: &ClientId, sequence: u64) {
        self.engine.reached(sequence).await;
        while let Err(error) = self.concern(client).await {
            // What does not open now will not open later: nobody else is held up by it.
            if let ErasureError::Sealing(SealingError::NoKey { .. } | SealingError::Unseal { .. }) =
                &error
            {
                tracing::error!(%client, %error, "left as it is");
                return;
            }
            tracing::error!(%client, %error, "tried again in a moment");
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn concern(&self, client: &ClientId) -> Result<(), ErasureError> {
        if self.finish(client).await? {
            return Ok(());
        }
        let registered =
            self.engine.read(|state| state.client(client).map(|one| one.registered.clone()));
        let Some(registered) = registered else { return Ok(()) };
        let lookups = lookups_of(self.journal.sealer(), &registered)?;
        self.find_again(lookups.into_iter().map(|one| (client.to_string(), one)).collect()).await
    }

    async fn find_again(&self, all: Vec<(String, Lookups)>) -> Result<(), ErasureError> {
        if !all.is_empty() {
            self.journal.sealer().set_lookups(all).await?;
        }
        Ok(())
    }
}

/// How a client is found; nothing of one whose data cannot be opened any more.
fn lookups_of(
    sealer: &Sealer,
    registered: &ClientRegistered,
) -> Result<Option<Lookups>, SealingError> {
    let open = |text: &Option<String>| text.as_deref().map(|text| sealer.open(text)).transpose();
    let (email, phone) = (open(&registered.email)?, open(&registered.phone)?);
    if [&email, &phone].into_iter().flatten().any(|text| text == ERASED) {
        return Ok(None);
    }
    Ok(Some(sealer.keys().lookups(email.as_deref(), phone.as_deref())))
}

/// Clients whose slots say nothing of how they are found, though they have an address or number.
fn unfindable(state: &State, sealer: &Sealer) -> Vec<(String, Lookups)> {
    let with_contact = state.clients().filter(|(client, known)| {
        let registered = &known.registered;
        (registered.email.is_some() || registered.phone.is_some())
            && !sealer.keys().is_findable(client.as_str())
    });
    with_contact.filter_map(|(client, known)| found_by(client, &known.registered, sealer)).collect()
}

fn found_by(
    client: &ClientId,
    registered: &ClientRegistered,
    sealer: &Sealer,
) -> Option<(String, Lookups)> {
    match lookups_of(sealer, registered) {
        Ok(lookups) => lookups.map(|lookups| (client.to_string(), lookups)),
        Err(error) => {
            tracing::error!(%client, %error, "this client cannot be found by e-mail or telephone");
            None
        }
    }
}

/// Builds every look-up again from a replayed state, opening each registration whose key is still
/// there; says how many slots were changed. For `hub rebuild`: blocks.
pub fn rebuild_lookups(state: &State, sealer: &Sealer) -> Result<usize, KeyFileError> {
    let erased = |client: &ClientId| state.erased(client).is_some();
    let living = state.clients().filter(|(client, _)| !erased(client));
    let all: Vec<(String, Lookups)> =
        living.filter_map(|(client, known)| found_by(client, &known.registered, sealer)).collect();
    sealer.keys().set_lookups(&all)
}
