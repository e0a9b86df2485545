//! Money put on or taken off an account by anybody but its own trading (B11): never profit or
//! loss, so it moves what floors are taken from.
//!
//! A flow is kept with its time, since a late fact from before it is judged without it.
use hub_schemas::events::rules::Compare;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Flows kept one by one; older ones are put into one sum, and facts from before them are no
/// longer judged. An evaluation account sees a handful in its life.
const FLOWS_KEPT_MAX: usize = 64;

/// Money put on (positive) or taken off (negative).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flow {
    time_ms: i64,
    deal: String,
    balance: Decimal,
    credit: Decimal,
}

/// Every flow of an account, by time.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flows {
    kept: Vec<Flow>,
    /// Sum of older ones, and the time of the last of them.
    older: Option<Flow>,
}

impl Flows {
    /// Adds a flow, once per deal.
    pub(super) fn add(&mut self, time_ms: i64, deal: &str, balance: Decimal, credit: Decimal) {
        if self.kept.iter().any(|flow| flow.deal == deal) || !self.reaches(time_ms) {
            return;
        }
        let place = self.kept.partition_point(|flow| flow.time_ms <= time_ms);
        self.kept.insert(place, Flow { time_ms, deal: deal.to_owned(), balance, credit });
        if self.kept.len() > FLOWS_KEPT_MAX {
            let mut oldest = self.kept.remove(0);
            if let Some(older) = self.older.take() {
                oldest.balance = oldest.balance.saturating_add(older.balance);
                oldest.credit = oldest.credit.saturating_add(older.credit);
            }
            self.older = Some(oldest);
        }
    }
    /// Takes out a deal that turned out to be the hub's own funding.
    pub(super) fn forget(&mut self, deal: &str) {
        self.kept.retain(|flow| flow.deal != deal);
    }
    /// The time is after everything that was summed up.
    pub(super) fn reaches(&self, time_ms: i64) -> bool {
        self.older.as_ref().is_none_or(|older| older.time_ms < time_ms)
    }
    /// What flowed after `after_ms` (from the beginning, if absent) and until `until_ms`, as far
    /// as it shows in what is compared: credit is in the equity, not in the balance.
    pub(super) fn sum(&self, after_ms: Option<i64>, until_ms: i64, compare: Compare) -> Decimal {
        let older = self.older.iter().filter(|_| after_ms.is_none());
        let kept = self.kept.iter().filter(|flow| {
            flow.time_ms <= until_ms && after_ms.is_none_or(|after_ms| flow.time_ms > after_ms)
        });
        older.chain(kept).fold(Decimal::ZERO, |sum, flow| {
            let credit = match compare {
                Compare::Equity => flow.credit,
                Compare::Balance => Decimal::ZERO,
            };
            sum.saturating_add(flow.balance).saturating_add(credit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(amount: i64) -> Decimal {
        Decimal::from(amount)
    }

    #[test]
    fn a_flow_counts_from_its_own_time_and_once() {
        let mut flows = Flows::default();
        flows.add(20, "d2", dec(-300), dec(0));
        flows.add(10, "d1", dec(1000), dec(0));
        flows.add(10, "d1", dec(1000), dec(0));
        flows.add(30, "d3", dec(0), dec(50));
        for (after, until, equity, balance) in [
            (None, 9, 0, 0),
            (None, 10, 1000, 1000),
            (None, 25, 700, 700),
            (None, 30, 750, 700),
            (Some(10), 30, -250, -300),
            (Some(20), 29, 0, 0),
        ] {
            assert_eq!(flows.sum(after, until, Compare::Equity), dec(equity), "{after:?} {until}");
            assert_eq!(flows.sum(after, until, Compare::Balance), dec(balance));
        }
        flows.forget("d1");
        assert_eq!(flows.sum(None, 30, Compare::Balance), dec(-300));
    }

    #[test]
    fn however_many_there_are_the_sum_stays() {
        let mut flows = Flows::default();
        let many = FLOWS_KEPT_MAX as i64 * 3;
        for time in 1..=many {
            flows.add(time, &format!("d{time}"), dec(2), dec(0));
        }
        assert_eq!(flows.kept.len(), FLOWS_KEPT_MAX);
        assert_eq!(flows.sum(None, many, Compare::Equity), dec(many * 2));
        assert!(!flows.reaches(1) && flows.reaches(many));
    }
}
