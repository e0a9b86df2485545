//! The invariants: the simulators' books on one side, the hub's log and API on the other.
//!
//! Each check is a function of the [`Evidence`] alone, and says what it found wrong, by name.
mod accounts;
mod deliveries;
mod evidence;
mod money;
mod outcome;
#[cfg(test)]
mod tests;

pub use evidence::Evidence;

use super::{DayFacts, DemoError, World};

/// Wrong things that a detail names; the rest is counted.
const NAMED_MAX: usize = 5;

/// Something that must hold whatever the day brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invariant {
    /// What must hold.
    pub name: &'static str,
    /// Whether it did.
    pub held: bool,
    /// What was checked, or what is wrong.
    pub detail: String,
}

/// What a check found.
#[derive(Debug, Default)]
struct Findings {
    wrong: Vec<String>,
}

impl Findings {
    /// Notes what is wrong, unless all is well.
    fn expect(&mut self, well: bool, wrong: impl FnOnce() -> String) {
        if !well {
            self.wrong.push(wrong());
        }
    }

    /// As an invariant; `checked` says what was looked at.
    fn of(self, name: &'static str, checked: String) -> Invariant {
        let held = self.wrong.is_empty();
        let more = self.wrong.len().saturating_sub(NAMED_MAX);
        let named: Vec<_> = self.wrong.into_iter().take(NAMED_MAX).collect();
        let detail = match (held, more) {
            (true, _) => checked,
            (false, 0) => named.join("; "),
            (false, more) => format!("{}; and {more} more", named.join("; ")),
        };
        Invariant { name, held, detail }
    }
}

/// Gathers the evidence and checks every invariant.
///
/// # Errors
/// When the hub does not answer.
pub async fn audit(
    world: &World,
    hub_url: &str,
    facts: &DayFacts,
) -> Result<Vec<Invariant>, DemoError> {
    Ok(judge(&Evidence::gather(world, hub_url, facts).await?))
}

/// Checks every invariant.
pub fn judge(evidence: &Evidence) -> Vec<Invariant> {
    vec![
        money::credited_once(evidence),
        money::ledger(evidence),
        accounts::breaches(evidence),
        deliveries::accounted_for(evidence),
        accounts::one_each(evidence),
        deliveries::chain(evidence),
        deliveries::damaged(evidence),
        deliveries::rogue(evidence),
        outcome::as_planned(evidence),
    ]
}
