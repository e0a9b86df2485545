//! Calls that fail with a real errno, and disks that are really full.

use hub_powerloss::check::{Work, after_cut};
use hub_powerloss::rig::Rig;
use hub_powerloss::trace::Event;

use crate::help::{acked, all_kept, args, rig};

/// What the child asserts is in `hub_powerloss::faults`; then the process starts again, and
/// then the power is cut, during the fault and after it.
fn after_a_fault(rig: &Rig, orders: &[&str], shows: bool) {
    let mut words = vec!["faults".to_owned()];
    words.extend(orders.iter().map(|order| format!("--order={order}")));
    words.extend(shows.then(|| "--shows".to_owned()));
    let run = rig.record(None, &words).unwrap_or_else(|e| panic!("{orders:?}: {e:#}"));
    let hits = run.events.iter().filter(|event| matches!(event, Event::Fault(_))).count();
    assert!(hits > 0, "{orders:?}: the fault did not hit");
    let acked = acked(&run);
    all_kept(rig, run, Work::Writers, &Default::default(), 4);
    println!("{orders:?}: {} batches acknowledged, {hits} calls failed", acked.batches());
}

#[test]
fn a_failed_sync_is_never_followed_by_an_acknowledgement() {
    let Some(rig) = rig() else { return };
    for nth in [1, 2, 7] {
        after_a_fault(&rig, &[&format!("fault fdatasync {nth} 1 eio")], true);
    }
    after_a_fault(&rig, &["fault fdatasync 3 9999 eio"], true);
}

#[test]
fn a_failed_write_is_never_followed_by_an_acknowledgement() {
    let Some(rig) = rig() else { return };
    for nth in [1, 2, 13] {
        after_a_fault(&rig, &[&format!("fault write {nth} 1 eio")], true);
    }
    after_a_fault(&rig, &["fault range 4 1 eio"], true);
    // A disk that fills up takes a part first.
    after_a_fault(&rig, &["fault write 5 1 short", "fault write 1 9999 enospc"], true);
}

/// A short write is no error: the rest follows.
#[test]
fn a_short_write_is_completed() {
    let Some(rig) = rig() else { return };
    after_a_fault(&rig, &["fault write 2 3 short"], false);
}

#[test]
fn after_a_fault_a_restart_finds_everything_acknowledged() {
    let Some(rig) = rig() else { return };
    for order in ["fault fdatasync 4 9999 eio", "fault write 9 9999 eio"] {
        let run = rig.record(None, &args(&["faults", "--shows", "--order", order])).unwrap();
        after_cut(&run.disk(), Work::Writers, &acked(&run)).unwrap();
    }
}

#[test]
fn a_disk_filled_by_another_is_refused_and_got_over() {
    let Some(rig) = rig() else { return };
    if rig.on_small_disk(160, &["full"]).unwrap().is_none() {
        eprintln!("skipped: mounting a small disk is not allowed here (needs root)");
    }
}

#[test]
fn a_disk_filled_by_the_log_itself_stops_it_and_loses_nothing() {
    let Some(rig) = rig() else { return };
    if rig.on_small_disk(40, &["overfull"]).unwrap().is_none() {
        eprintln!("skipped: mounting a small disk is not allowed here (needs root)");
    }
}

/// After a sync that failed, Linux shows what was not written and never writes it: a log that
/// goes on from there must not build on it.
#[test]
fn what_a_failed_sync_lost_is_not_built_on_after_a_restart() {
    let Some(rig) = rig() else { return };
    let words = ["faults", "--shows", "--restarts", "--order=fault fdatasync 3 1 eio"];
    let run = rig.record(None, &args(&words)).unwrap();
    all_kept(&rig, run, Work::Writers, &Default::default(), 20);
}

/// The same when the log was closed cleanly before, and it is the opening that a sync fails.
#[test]
fn what_an_opening_wrote_in_vain_after_a_clean_close_is_not_built_on() {
    let Some(rig) = rig() else { return };
    let orders = (1..9).map(|nth| format!("fault fsync {nth} 1 eio"));
    for order in orders.chain(["fault fdatasync 1 1 eio".into()]) {
        let run = rig.record(None, &args(&["opening", "--order", &order])).unwrap();
        println!("{order}");
        let found = all_kept(&rig, run, Work::Writers, &Default::default(), 12);
        assert!(found.acked > 0, "{found}");
    }
}
