//! Raw deliveries go, records stay.

use hub_log::{Batch, EventLog, ReadError};

use crate::help::{batch, copy_dir, keyed, noise, open, raw};

/// Batches with a blob of 9 KB each, two to a chunk at most; gives the time of each.
async fn fill(log: &hub_log::SledLog, count: u64) -> Vec<i64> {
    let mut times = Vec::new();
    for n in 1..=count {
        let blob = (n % 3 != 0).then(|| noise(9_000));
        let done = log.append(Batch { blob, ..batch([format!("{n}")]) }).await.unwrap();
        times.push(done.recorded_us);
    }
    times
}

#[tokio::test]
async fn old_blobs_go_and_records_and_what_is_to_be_kept_stay() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let times = fill(&log, 90).await;
    let blobs = 60;
    assert_eq!(log.trim_blobs(times[0], &[]).unwrap().blobs, 0, "nothing is older");
    let cut = times[45];
    let done = log.trim_blobs(cut, &[4, 17]).unwrap();
    // Records before number 46 have the blobs up to 30.
    assert!(done.blobs >= 20 && done.bytes >= done.blobs * 9_000, "{done:?}");
    assert!((25..=31).contains(&done.first_kept), "{done:?}");
    for id in 1..=blobs {
        let there = log.blob(id).unwrap();
        if id >= done.first_kept || id == 4 || id == 17 {
            assert_eq!(there, Some(noise(9_000)), "blob {id}");
        }
    }
    let kept = (1..done.first_kept).filter(|id| log.blob(*id).unwrap().is_some()).count() as u64;
    assert_eq!(kept + done.blobs, done.first_kept - 1);
    assert_eq!(log.verify(0, &mut |_| ()).unwrap().records, 90);
    assert_eq!(log.stats().blob_first, done.first_kept);

    // Let go of later; and everything, with ids going on where they were.
    let all = log.trim_blobs(i64::MAX, &[]).unwrap();
    assert_eq!((all.blobs, all.first_kept), (blobs - done.blobs, blobs + 1));
    assert_eq!(log.trim_blobs(i64::MAX, &[]).unwrap().blobs, 0);
    drop(log);
    let log = open(dir.path());
    assert_eq!((log.blob(1).unwrap(), log.blob(60).unwrap()), (None, None));
    let done = log.append(Batch { blob: Some(noise(1)), ..batch(["x"]) }).await.unwrap();
    assert_eq!(done.blob, Some(blobs + 1));
}

#[tokio::test]
async fn blobs_beside_old_records_go_with_the_next_record() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let seen = Batch { records: vec![keyed("s", "k", "b")], ..Batch::default() };
    log.append(Batch { blob: Some(noise(9_000)), ..seen.clone() }).await.unwrap();
    // Blob 2 has no record of its own.
    let again = Batch { blob: Some(noise(9_000)), keep_if_duplicate: true, ..seen };
    log.append(again).await.unwrap();
    let third = Batch { blob: Some(noise(9_000)), ..batch(["x"]) };
    let third = log.append(third).await.unwrap();
    let done = log.trim_blobs(third.recorded_us, &[]).unwrap();
    assert_eq!((done.blobs, done.first_kept), (1, 2), "blob 2 is as old as record 2");
    assert_eq!(log.trim_blobs(third.recorded_us + 1, &[]).unwrap().blobs, 2);
}

/// A hole that no trim made is damage, above what was trimmed.
#[tokio::test]
async fn a_hole_that_was_not_trimmed_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let times = fill(&log, 30).await;
    let done = log.trim_blobs(times[15], &[]).unwrap();
    drop(log);
    let raw = raw(dir.path());
    raw.remove([b"b", 15_u64.to_be_bytes().as_slice()].concat()).unwrap().unwrap();
    drop(raw);
    assert!(done.first_kept <= 15);
    let log = open(dir.path());
    assert_eq!(log.blob(1).unwrap(), None);
    assert!(matches!(log.blob(15), Err(ReadError::Corrupt { stream: "blob", at: 15, .. })));
    assert_eq!(log.blob(16).unwrap(), Some(noise(9_000)));
    // After an unclean stop it is found at opening.
    let crashed = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), crashed.path());
    let error = hub_log::SledLog::open(hub_log::LogOptions::new(crashed.path())).unwrap_err();
    assert!(error.to_string().contains("blob 15"), "{error}");
}

/// The store uses again what was trimmed.
#[tokio::test]
async fn under_steady_appends_and_trims_the_file_stops_growing() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut sizes = Vec::new();
    for _ in 0..16 {
        for _ in 0..8 {
            let blob = Some(noise(1 << 20));
            log.append(Batch { blob, ..batch(["x"]) }).await.unwrap();
        }
        log.trim_blobs(i64::MAX, &[]).unwrap();
        sizes.push(log.stats().disk_bytes >> 20);
    }
    println!("{sizes:?} MiB");
    // 128 MiB went through.
    assert!(sizes[15] < 80 && sizes[15] <= sizes[7] + 16, "{sizes:?} MiB");
    assert_eq!(log.verify(0, &mut |_| ()).unwrap().records, 128);
}
