//! Memory stays flat while the log grows. (The long version: `--example soak`, ten million.)

use std::process::Command;

use hub_log::bench::{SoakOptions, soak};

const DIR: &str = "HUB_LOG_SOAK_TEST_DIR";

/// A process of its own, so that other tests' memory does not count. On its own, this test
/// does nothing.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let options = SoakOptions { dir: dir.into(), events: 300_000, report_every: 100_000 };
    let steps = soak(&options, &mut |step| println!("{step}")).unwrap();
    let last = steps.last().unwrap();
    assert_eq!(last.events, 300_000);
    assert!(last.followed > 0 && last.reads > 0, "nobody read: {last}");
    let Some(resident) = steps.iter().map(|step| step.resident_bytes).collect::<Option<Vec<_>>>()
    else {
        println!("this machine does not tell the memory of a process");
        return;
    };
    // What may grow: the store's page cache up to its 64 MiB, what it keeps of each page on
    // disk, and the dedup index. Keeping the payload would be 220 MB more.
    let grown = resident[2].saturating_sub(resident[0]);
    assert!(grown < 120 << 20, "200,000 events more took {} MiB more memory", grown >> 20);
    let share = last.disk_bytes as f64 / last.payload_bytes as f64;
    assert!(share < 1.5, "the files take {share:.2} times the payload");
}

#[test]
fn memory_and_space_stay_bounded_over_300_000_events() {
    let dir = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["soak::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(DIR, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    println!("{said}");
    assert!(child.status.success(), "{said}\n{}", String::from_utf8_lossy(&child.stderr));
}
