//! The harness itself can fail: on disks and recordings that lie, it must.

use hub_powerloss::check::{Acked, Work};
use hub_powerloss::disk::Beliefs;
use hub_powerloss::explore::{Search, explore};
use hub_powerloss::rig::is_complete;
use hub_powerloss::trace::Event;

use crate::help::{args, rig, search};

/// What a power cut does to a log that takes sled's own flush for durable: with an fdatasync
/// that does nothing, this is what is left of the calls.
#[test]
fn without_fdatasync_acknowledged_batches_are_lost_and_that_is_seen() {
    let Some(rig) = rig() else { return };
    let run = rig.record(None, &args(&["writers", "--batches=160", "--opens=1"])).unwrap();
    let beliefs = Beliefs { fdatasync: false, ..Beliefs::SOUND };
    let search = Search { beliefs, recovery_every: 0, ..search(10) };
    let found = explore(&rig, &run, Work::Writers, &Acked::default(), search).unwrap();
    println!("{found}");
    let lost = found.failures.iter().filter(|failure| failure.error.contains("LOST")).count();
    let closed = found.failures.iter().filter(|f| f.error.contains("does not open")).count();
    assert!(lost + closed >= 3, "{:#?}", found.failures);
}

#[test]
fn without_syncs_of_directories_the_log_is_gone_and_that_is_seen() {
    let Some(rig) = rig() else { return };
    let run = rig.record(None, &args(&["writers", "--batches=80", "--opens=1"])).unwrap();
    let beliefs = Beliefs { directories: false, ..Beliefs::SOUND };
    let search = Search { beliefs, recovery_every: 0, ..search(10) };
    let found = explore(&rig, &run, Work::Writers, &Acked::default(), search).unwrap();
    println!("{found}");
    assert!(!found.failures.is_empty());
}

#[test]
fn a_write_that_escapes_the_recorder_is_noticed() {
    let Some(rig) = rig() else { return };
    let run = rig.record(None, &args(&["writers", "--batches=40", "--opens=1"])).unwrap();
    is_complete(&run.base(), &run.events, &run.disk()).unwrap();
    let mut noticed = 0;
    for (n, event) in run.events.iter().enumerate() {
        if !matches!(event, Event::Wrote(..) | Event::Created(..)) {
            continue;
        }
        let mut events = run.events.clone();
        events.remove(n);
        noticed += u32::from(is_complete(&run.base(), &events, &run.disk()).is_err());
        if noticed > 5 {
            return;
        }
    }
    panic!("only {noticed} missing events were noticed");
}
