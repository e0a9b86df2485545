//! After a power cut, everything acknowledged is there, and nothing in part.

use hub_powerloss::check::{Acked, Work};

use crate::help::{acked, all_kept, args, rig};

#[test]
fn from_an_empty_directory_on() {
    let Some(rig) = rig() else { return };
    let run = rig.record(None, &args(&["writers", "--batches=160", "--opens=2"])).unwrap();
    let found = all_kept(&rig, run, Work::Writers, &Acked::default(), 30);
    assert!(found.acked > 0 && found.second_cuts > 0 && found.losses.dropped > 0, "{found}");
}

#[test]
fn in_an_existing_log() {
    let Some(rig) = rig() else { return };
    let first = rig.record(None, &args(&["writers", "--batches=300", "--opens=1"])).unwrap();
    let args = args(&["writers", "--batches=300", "--opens=2"]);
    let run = rig.record(Some(&first.disk()), &args).unwrap();
    let found = all_kept(&rig, run, Work::Writers, &acked(&first), 20);
    assert!(found.acked > 0 && found.losses.unsynced > 0, "{found}");
}

/// The log is what the model was after some of the operations, all acknowledged ones included.
#[test]
fn of_random_operations_a_prefix_is_left() {
    let Some(rig) = rig() else { return };
    for seed in 0..3 {
        let seed_arg = format!("--seed={seed}");
        let run = rig.record(None, &args(&["model", &seed_arg, "--operations=150"])).unwrap();
        let found = all_kept(&rig, run, Work::Model(seed), &Acked::default(), 10);
        assert!(found.acked > 0, "{found}");
    }
}

/// Every moment of the creation, one after the other.
#[test]
fn a_log_cut_off_while_it_is_created_opens() {
    let Some(rig) = rig() else { return };
    let run = rig.record(None, &args(&["open"])).unwrap();
    let cuts = run.events.len() * 2;
    all_kept(&rig, run, Work::Writers, &Acked::default(), cuts);
}
