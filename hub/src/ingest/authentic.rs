//! Is a delivery from whom it says? The connector says how that is shown; the hub does the rest.
use crate::connections::{CheckSecrets, Connection};
use crate::recipe::{RecipeError, evaluate_check};
use hub_sandbox::types::Check;
use std::collections::BTreeSet;
use subtle::ConstantTimeEq as _;

/// Checks in one delivery: Adyen batches are far below this.
const CHECKS_MAX: usize = 1_000;
/// Values of one secret that are tried while it is rotated.
const GENERATIONS_MAX: usize = 4;

/// Why a delivery is refused. Told to the log, never to the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing to check.
    #[error("it carries no signature that the connector knows")]
    NoCheck,
    /// Too many.
    #[error("it asks for {0} checks, at most {CHECKS_MAX} are made")]
    TooMany(usize),
    /// A signature is wrong.
    #[error("no signature of item {0} matches")]
    NoMatch(u32),
    /// The signature is right, its time is not.
    #[error("the signed time is {age_s} s from now, and {tolerance_s} s are allowed")]
    Time {
        /// Positive is in the past.
        age_s: i64,
        /// Allowed, both ways.
        tolerance_s: u32,
    },
    /// The check cannot be made at all.
    #[error("the check cannot be made: {0}")]
    Recipe(#[from] RecipeError),
}

/// Compares every item's signatures; each item needs one that matches and is fresh.
pub fn verify(
    connection: &Connection,
    checks: &[Check],
    body: &[u8],
    now_ms: i64,
) -> Result<(), Refusal> {
    if checks.is_empty() {
        return Err(Refusal::NoCheck);
    }
    if checks.len() > CHECKS_MAX {
        return Err(Refusal::TooMany(checks.len()));
    }
    let items: BTreeSet<u32> = checks.iter().map(|c| c.item).collect();
    for item in items {
        let mut worst = Refusal::NoMatch(item);
        let mut passed = false;
        for check in checks.iter().filter(|c| c.item == item) {
            match one(connection, check, body, now_ms) {
                Ok(()) => passed = true,
                Err(refusal) => worst = refusal,
            }
        }
        if !passed {
            return Err(worst);
        }
    }
    Ok(())
}

fn one(connection: &Connection, check: &Check, body: &[u8], now_ms: i64) -> Result<(), Refusal> {
    let values = connection.egress.secret_values();
    let generations = values.values().map(Vec::len).max().unwrap_or(1).clamp(1, GENERATIONS_MAX);
    let mut matches = subtle::Choice::from(0);
    for generation in 0..generations {
        let secrets = CheckSecrets { values, generation };
        let made = evaluate_check(&check.recipe, body, &secrets)?;
        // An empty result or expectation matches nothing: a failed `verify` gives one.
        if !made.is_empty() {
            matches |= made.ct_eq(&check.expect);
        }
    }
    if !bool::from(matches) {
        return Err(Refusal::NoMatch(check.item));
    }
    let tolerance_s = connection.signature_tolerance_s;
    if let Some(signed_at_s) = check.signed_at_s {
        let age_s = (now_ms / 1000).saturating_sub(signed_at_s);
        if age_s.unsigned_abs() > u64::from(tolerance_s) {
            return Err(Refusal::Time { age_s, tolerance_s });
        }
    }
    Ok(())
}
