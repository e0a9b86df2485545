//! What is printed: figures, their baseline, and what is to be reached (`design/log.md`).
use std::fmt;

/// What a ratio should come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    /// The more the better: a share of the baseline.
    AtLeast { reach: f64, aim: f64 },
    /// The less the better: a multiple of the baseline, or an absolute figure.
    AtMost { reach: f64, aim: f64, unit: &'static str },
}

impl Goal {
    fn verdict(self, found: f64) -> &'static str {
        let (reached, aimed) = match self {
            Self::AtLeast { reach, aim } => (found >= reach, found >= aim),
            Self::AtMost { reach, aim, .. } => (found <= reach, found <= aim),
        };
        match (reached, aimed) {
            (true, true) => "met, and the aim",
            (true, false) => "met",
            _ => "MISSED",
        }
    }

    fn shown(self) -> String {
        match self {
            Self::AtLeast { reach, aim } => format!("{reach} or more, aim {aim}"),
            Self::AtMost { reach, aim, unit } => {
                format!("{reach}{unit} or less, aim {aim}{unit}")
            }
        }
    }
}

/// A line of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// The contender.
    pub(super) what: String,
    /// Its absolute figures, one for each column of the table.
    pub(super) cells: Vec<String>,
    /// The figure that is judged; nothing for a baseline.
    pub(super) ratio: Option<Ratio>,
}

/// A figure with its baseline in the same run.
#[derive(Debug, Clone)]
pub(super) struct Ratio {
    /// The figure.
    pub(super) value: f64,
    /// What it is of: "x of bare".
    pub(super) of: &'static str,
    /// What it should be.
    pub(super) goal: Option<Goal>,
}

/// A measurement, as it is printed.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) title: String,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
    /// What a reader must know to judge the figures.
    pub(super) notes: Vec<String>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut head = vec![""];
        head.extend(&self.columns);
        head.extend(["ratio", "to reach", ""]);
        let mut lines = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
        for row in &self.rows {
            let mut line = vec![row.what.clone()];
            line.extend(row.cells.iter().cloned());
            line.resize(self.columns.len() + 1, String::new());
            if let Some(Ratio { value, of, goal }) = &row.ratio {
                line.push(format!("{value:.2} {of}"));
                line.extend(goal.map(Goal::shown));
                line.extend(goal.map(|goal| goal.verdict(*value).to_owned()));
            }
            lines.push(line);
        }
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
        writeln!(f, "{}", self.title)?;
        for line in &lines {
            let mut text = String::from(" ");
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                match (1..=self.columns.len()).contains(&column) {
                    true => text += &format!(" {cell:>width$} "),
                    false => text += &format!(" {cell:<width$} "),
                }
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_judged_in_their_own_direction() {
        let share = Goal::AtLeast { reach: 0.65, aim: 0.9 };
        assert_eq!(share.verdict(0.64), "MISSED");
        assert_eq!(share.verdict(0.65), "met");
        assert_eq!(share.verdict(0.95), "met, and the aim");
        let times = Goal::AtMost { reach: 2.0, aim: 1.5, unit: "" };
        assert_eq!(times.verdict(2.1), "MISSED");
        assert_eq!(times.verdict(1.9), "met");
        assert_eq!(times.verdict(1.5), "met, and the aim");
        assert_eq!(times.verdict(f64::NAN), "MISSED");
    }

    #[test]
    fn a_row_shows_its_figure_beside_what_it_should_be() {
        let goal = Some(Goal::AtLeast { reach: 0.25, aim: 0.45 });
        let table = Table {
            title: "title".into(),
            columns: vec!["requests/s"],
            rows: vec![
                Row { what: "bare".into(), cells: vec!["100".into()], ratio: None },
                Row {
                    what: "hub".into(),
                    cells: vec!["20".into()],
                    ratio: Some(Ratio { value: 0.2, of: "of bare", goal }),
                },
            ],
            notes: vec!["note".into()],
        };
        let text = table.to_string();
        assert!(text.contains("0.20 of bare"), "{text}");
        assert!(text.contains("0.25 or more, aim 0.45"), "{text}");
        assert!(text.contains("MISSED"), "{text}");
    }
}
