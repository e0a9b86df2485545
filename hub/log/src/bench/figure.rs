//! A measured figure, beside its baseline and what is to be reached.

use std::fmt;

/// The same thing done as plainly as possible, in the same run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// What was done.
    pub what: &'static str,
    /// In the figure's unit.
    pub value: f64,
}

/// What is to be reached, and what is hoped for: of the ratio to the baseline, or of the value
/// itself where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// More is better.
    AtLeast {
        /// Must be reached.
        reach: f64,
        /// Should be.
        aim: f64,
    },
    /// Less is better.
    AtMost {
        /// Must be reached.
        reach: f64,
        /// Should be.
        aim: f64,
    },
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What was measured, and at how many events.
    pub name: String,
    /// How much.
    pub value: f64,
    /// "events/s", "us" (microseconds), "s", "bytes" (per event) or "MB" (10^6 bytes).
    pub unit: &'static str,
    /// What to compare it with.
    pub baseline: Option<Baseline>,
    /// What to reach.
    pub goal: Option<Goal>,
}

impl Figure {
    /// The value as a multiple of its baseline's.
    pub fn ratio(&self) -> Option<f64> {
        self.baseline.map(|baseline| self.value / baseline.value)
    }

    /// Whether the goal is reached; none if there is none.
    pub fn is_reached(&self) -> Option<bool> {
        let value = self.ratio().unwrap_or(self.value);
        self.goal.map(|goal| match goal {
            Goal::AtLeast { reach, .. } => value >= reach,
            Goal::AtMost { reach, .. } => value <= reach,
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.value < 1_000.0 { 2 } else { 0 };
        write!(f, "{:<44} {:>12.digits$} {}", self.name, self.value, self.unit)?;
        if let (Some(baseline), Some(ratio)) = (self.baseline, self.ratio()) {
            let digits = if baseline.value < 1_000.0 { 2 } else { 0 };
            write!(f, ", x{ratio:.2} of {} ({:.digits$})", baseline.what, baseline.value)?;
        }
        match self.goal {
            Some(Goal::AtLeast { reach, aim }) => write!(f, "  [reach {reach}, aim {aim}]"),
            Some(Goal::AtMost { reach, aim }) => write!(f, "  [at most {reach}, aim {aim}]"),
            None => Ok(()),
        }
    }
}

/// The middle one.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_of_the_ratio_if_there_is_one() {
        let mut figure = Figure {
            name: "space".into(),
            value: 300.0,
            unit: "bytes",
            baseline: Some(Baseline { what: "payload", value: 600.0 }),
            goal: Some(Goal::AtMost { reach: 0.8, aim: 0.4 }),
        };
        assert_eq!((figure.ratio(), figure.is_reached()), (Some(0.5), Some(true)));
        figure.baseline = None;
        assert_eq!((figure.ratio(), figure.is_reached()), (None, Some(false)));
        figure.goal = Some(Goal::AtLeast { reach: 300.0, aim: 400.0 });
        assert_eq!(figure.is_reached(), Some(true));
    }
}
