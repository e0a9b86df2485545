//! Memory over many calls; alone in its process, since it watches the process.
#![cfg(target_os = "linux")]
#[path = "it/support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;

use support::{GOOD, hostile, receive};

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says so");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}

#[test]
fn ten_thousand_calls_take_no_memory() {
    const GROWTH_KIB_MAX: u64 = 2 * 1024;
    let connector = hostile();
    let calls = |n| {
        for _ in 0..n {
            receive(&connector, GOOD, &[]).expect("it works");
            receive(&connector, "panic", &[]).expect_err("it panics");
        }
    };
    calls(500);
    let before = resident_kib();
    calls(10_000);
    let after = resident_kib();
    assert!(after <= before + GROWTH_KIB_MAX, "{before} KiB grew to {after} KiB");
}
