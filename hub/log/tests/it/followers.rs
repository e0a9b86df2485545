//! Many followers, from any position; those that are slow hold up nobody, and miss nothing.

use std::sync::Arc;

use hub_log::{Batch, EventLog, SledLog};

use crate::help::open;

const RECORDS: u64 = 3_000;
const FOLLOWERS: u64 = 300;

async fn append(log: &SledLog, count: u64) {
    for _ in 0..count {
        let last = log.last();
        log.append(Batch::record((last + 1).to_string())).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_followers_hold_up_nobody_and_miss_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(open(dir.path()));
    append(&log, 100).await;
    // Followers that have begun, and then do not come back until the end.
    let mut slow = Vec::new();
    for n in 0..FOLLOWERS {
        let mut follower = log.follow(n % 100);
        let seen = follower.next_batch(1).await.unwrap();
        assert_eq!(seen[0].sequence, n % 100 + 1);
        slow.push(follower);
    }
    // One that keeps up sees each record before the next is written: nobody is waited for.
    let mut quick = log.follow(100);
    for sequence in 101..=RECORDS {
        append(&log, 1).await;
        let seen = quick.next_batch(8).await.unwrap();
        assert_eq!(seen.iter().map(|r| r.sequence).collect::<Vec<_>>(), [sequence]);
    }
    for mut follower in slow {
        let mut next = follower.position() + 1;
        while next <= RECORDS {
            for record in follower.next_batch(1_000).await.unwrap() {
                assert_eq!(record.sequence, next);
                assert_eq!(record.body, next.to_string());
                next += 1;
            }
        }
    }
}
