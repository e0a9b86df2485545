//! Many calls at once.
use crate::support::{GOOD, hostile, hostile_bytes, receive};
use hub_sandbox::{CallError, Limits, Sandbox, SandboxConfig};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

#[test]
fn more_callers_than_instances_all_get_their_turn() {
    let limits = Limits { instances_max: 8, ..Limits::default() };
    let sandbox = Sandbox::new(SandboxConfig { cache_dir: None, limits }).expect("a sandbox");
    let connector = sandbox.load(hostile_bytes()).expect("it loads");
    let expected = receive(&connector, GOOD, &[]).expect("it works");
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(receive(&connector, GOOD, &[]), Ok(expected.clone()));
                }
            });
        }
    });
}

#[test]
fn sixty_four_at_once_all_succeed() {
    let connector = hostile();
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| receive(&connector, GOOD, &[]).expect("it works"));
        }
    });
}

#[test]
fn a_call_does_not_wait_for_ever() {
    let limits =
        Limits { instances_max: 1, turn_ms_max: 20, call_ms_max: 1_000, ..Limits::default() };
    let sandbox = Sandbox::new(SandboxConfig { cache_dir: None, limits }).expect("a sandbox");
    let connector = sandbox.load(hostile_bytes()).expect("it loads");
    let looped = AtomicBool::new(false);
    let busy = std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(receive(&connector, "loop", &[]), Err(CallError::TimedOut { ms: 1_000 }));
            looped.store(true, Relaxed);
        });
        // Until the loop has begun, there is a turn to be had.
        while !looped.load(Relaxed) {
            match receive(&connector, GOOD, &[]) {
                Ok(_) => std::thread::yield_now(),
                Err(error) => return Some(error),
            }
        }
        None
    });
    assert_eq!(busy, Some(CallError::Busy { ms: 20 }));
    receive(&connector, GOOD, &[]).expect("the turn was given back");
}

/// Traps give their turn and their slot back.
#[test]
fn traps_use_nothing_up() {
    let limits = Limits { instances_max: 2, ..Limits::default() };
    let sandbox = Sandbox::new(SandboxConfig { cache_dir: None, limits }).expect("a sandbox");
    let connector = sandbox.load(hostile_bytes()).expect("it loads");
    for _ in 0..200 {
        assert!(matches!(receive(&connector, "panic", &[]), Err(CallError::Trap { .. })));
    }
    receive(&connector, GOOD, &[]).expect("it works");
}
