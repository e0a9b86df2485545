//! `hub demo`, as a visitor runs it.
use crate::harness::Setup;
use crate::harness::setup::said;

#[test]
fn a_day_at_a_broker_ends_with_every_invariant_held() {
    let setup = Setup::new();
    let output = setup.run(&["demo", "--once", "--clients", "40", "--seed", "3"]);
    assert!(output.status.success(), "{}", said(&output));
    let summary = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!summary.is_empty(), "it prints no summary");
    eprintln!("{summary}");
}
