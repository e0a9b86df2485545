//! What goes by itself with time: raw deliveries after their retention, and remembered vendor ids.
//! Events are kept for ever.
use crate::clock;
use crate::ingest::{DeliveryStore, Quarantine, QuarantineError};
use crate::vault::KeyFileError;
use hub_log::{EventLog, ReadError};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two rounds. Each does little, and a hub that is restarted daily still gets its turn.
const EVERY: Duration = Duration::from_secs(3_600);
const DAY_US: i64 = 86_400_000_000;

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Raw deliveries, in days.
    pub delivery_days: u32,
    /// Vendor event ids, in days.
    pub dedup_days: u32,
}

/// Why a round was not finished; the next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum HousekeepingError {
    /// The log refused.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The keys of days could not be destroyed.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// What is in quarantine could not be told.
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
}

/// One round, at this time. Blocks.
pub fn round(
    log: &dyn EventLog,
    quarantine: &Quarantine,
    deliveries: &DeliveryStore,
    retention: Retention,
    now_ms: i64,
) -> Result<(), HousekeepingError> {
    // A clock that is ahead must not cost what cannot be had again: the newest event says how far
    // time has come.
    let newest = log.get(log.last())?.map_or(i64::MAX, |record| record.recorded_us);
    let now_us = now_ms.saturating_mul(1_000).min(newest.saturating_add(DAY_US));
    let before = |days: u32| now_us.saturating_sub(i64::from(days).saturating_mul(DAY_US));
    let (keep, needed_days) = quarantine.kept()?;
    let trimmed = log.trim_blobs(before(retention.delivery_days), &keep)?;
    if trimmed.blobs > 0 {
        tracing::info!(
            deliveries = trimmed.blobs,
            bytes = trimmed.bytes,
            "raw deliveries beyond their retention removed; their events stay"
        );
    }
    let oldest = jiff::Timestamp::from_microsecond(before(retention.delivery_days));
    let day = oldest.unwrap_or_default().strftime("%Y-%m-%d").to_string();
    let over = deliveries.destroy_day_keys_before(&day, &|day| needed_days.contains(day))?;
    if !over.is_empty() {
        tracing::info!(days = over.len(), "keys of deliveries that belong to no client destroyed");
    }
    let forgotten = log.forget_dedup_before(before(retention.dedup_days))?;
    if forgotten > 0 {
        tracing::info!(forgotten, days = retention.dedup_days, "old vendor event ids forgotten");
    }
    Ok(())
}

/// A round now and then, until told to stop.
pub async fn run(
    log: Arc<dyn EventLog>,
    quarantine: Arc<Quarantine>,
    deliveries: Arc<DeliveryStore>,
    retention: Retention,
    stop: CancellationToken,
) {
    loop {
        let (log, quarantine, deliveries) = (log.clone(), quarantine.clone(), deliveries.clone());
        let work = move || round(&*log, &quarantine, &deliveries, retention, clock::now_ms());
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "housekeeping was not finished"),
            Err(error) => tracing::error!(%error, "housekeeping was interrupted"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
