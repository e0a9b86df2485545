//! `hub rebuild`
use super::{Failure, args::RebuildArgs};
use crate::config;
use crate::engine::{Snapshot, digest, durable_position, replay, snapshot_path};
use crate::erasure::rebuild_lookups;
use crate::index::Events;
use crate::vault::{KeyFile, MasterKey, Sealer, key_file_path};
use hub_domain::State;
use hub_index::{Index, IndexOptions};
use hub_log::{EventLog, LogOptions, SledLog};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// Replays the log from its beginning, and compares with what the snapshot gives; builds the index
/// anew.
pub fn run(args: &RebuildArgs) -> Result<ExitCode, Failure> {
    super::init_tracing("warn");
    let loaded = config::load(&args.config)?;
    let data = loaded.config.data_dir(loaded.base());
    let path = snapshot_path(&data);
    let log: Arc<dyn EventLog> = Arc::new(SledLog::open(LogOptions::new(data.join("log")))?);
    let decided_to = durable_position(&*log)?;
    let started = Instant::now();
    let kept = match Snapshot::read(&path, &*log) {
        Some(snapshot) => {
            let replayed =
                replay(&*log, snapshot.state, snapshot.position, decided_to, &mut |_| {})?;
            Some(digest(&replayed.state)?)
        }
        None => None,
    };
    let replayed = replay(&*log, State::default(), 0, decided_to, &mut |_| {})?;
    let rebuilt = digest(&replayed.state)?;
    let same = kept.as_ref().is_none_or(|kept| *kept == rebuilt);
    let seconds = started.elapsed().as_secs_f64();
    let mut index_seconds = None;
    if !args.check {
        let started = Instant::now();
        index(&data.join("index"), &log)?;
        index_seconds = Some(started.elapsed().as_secs_f64());
        Snapshot::write(&path, &*log, &replayed.state, replayed.position)?;
        // By which clients are found; a data directory from before key files gets one at a start.
        let keys = key_file_path(&data);
        if keys.exists() {
            let master = MasterKey::read(&loaded.config.key_file(loaded.base()))?;
            let sealer = Sealer::new(Arc::new(KeyFile::open(&keys, &master)?));
            rebuild_lookups(&replayed.state, &sealer)?;
        }
    }
    if args.json {
        println!(
            "{}",
            json!({ "events": replayed.last, "digest": rebuilt, "snapshot": kept, "same": same,
                    "seconds": seconds, "index_seconds": index_seconds })
        );
    } else {
        println!("{} events replayed in {seconds:.1} s", replayed.last);
        if let Some(seconds) = index_seconds {
            println!("the index was built anew in {seconds:.1} s");
        }
        println!("rebuilt   {rebuilt}");
        match (&kept, same) {
            (None, _) => println!("there was no snapshot to compare with"),
            (Some(_), true) => println!("the same as before, byte for byte"),
            (Some(kept), false) => {
                println!("before    {kept}");
                eprintln!(
                    "error: the views were not what the log gives; they are now. Please report \
                     this with both digests"
                );
            }
        }
    }
    log.close();
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn index(dir: &Path, log: &Arc<dyn EventLog>) -> Result<(), Failure> {
    let options = IndexOptions::default();
    Index::rebuild(dir, log.clone(), Arc::new(Events), options, &mut |_| {})?;
    Ok(())
}
