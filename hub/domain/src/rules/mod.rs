//! Is a rule set fit to be applied? Everything that is wrong with it, at once, before it holds.
mod clients;
mod programmes;
mod routes;

use hub_schemas::events::rules::{ConnectionFacts, RuleSet};
use hub_schemas::manifest::Kind;
use hub_schemas::{ConnectionId, EntityId};
use std::collections::BTreeMap;
use std::fmt;

/// Something wrong with a rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as in `hub.toml`: `route[0].use.connections[1]`.
    pub path: String,
    /// What, and what to do about it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Everything that is wrong with a rule set, in the order of the file; empty if it may be applied.
pub fn check(rules: &RuleSet) -> Vec<Problem> {
    let mut check = Check { rules, problems: Vec::new() };
    let ids = rules.connections.iter().map(|one| one.id.as_str());
    check.unique(ids, |i| format!("connection[{i}].id"), "a connection id");
    routes::check(&mut check);
    clients::kyc(&mut check);
    clients::provisioning(&mut check);
    programmes::check(&mut check);
    check.problems
}

/// The milliseconds of a duration such as `30s`, `2m` or `1h 30m`: at least one.
pub fn duration_ms(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is not a duration: write one such as 30s, 2m or 1h 30m");
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let ms = i64::try_from(duration.as_millis()).map_err(|_| wrong())?;
    if ms > 0 { Ok(ms) } else { Err(format!("{text:?} is not longer than nothing")) }
}

struct Check<'a> {
    rules: &'a RuleSet,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn problem(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), message: message.into() });
    }
    /// Names must be there, and differ.
    fn unique<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
        path: impl Fn(usize) -> String,
        what: &str,
    ) {
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, name) in names.enumerate() {
            if name.is_empty() {
                self.problem(path(place), format!("{what} is empty: give it one"));
            }
            match first.get(name) {
                Some(first) => {
                    let message = format!("{name:?} is {} too: give each its own", path(*first));
                    self.problem(path(place), message);
                }
                None => {
                    first.insert(name, place);
                }
            }
        }
    }
    /// A connection must be there, be of a kind, and serve the entity that the rule is for.
    fn connection(
        &mut self,
        path: &str,
        id: &ConnectionId,
        kind: Kind,
        entity: Option<&EntityId>,
    ) -> Option<&'a ConnectionFacts> {
        let Some(facts) = self.rules.connections.iter().find(|facts| facts.id == *id) else {
            let message = format!("no connection {id}: add a [[connection]] or correct the name");
            self.problem(path, message);
            return None;
        };
        if facts.kind != kind {
            let (is, wanted) = (kind_name(facts.kind), kind_name(kind));
            self.problem(path, format!("{id} is {is}: name {wanted} connection"));
        }
        if let (Some(serves), Some(entity)) = (&facts.entity, entity)
            && serves != entity
        {
            let message = format!(
                "{id} serves entity {serves}, the rule is for {entity}: it can never be used"
            );
            self.problem(path, message);
        }
        Some(facts)
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Psp => "a psp",
        Kind::Kyc => "a kyc",
        Kind::Platform => "a platform",
    }
}

/// A condition leaves room for all that another does: it is absent, or the same.
fn covers<T: PartialEq>(wide: &Option<T>, narrow: &Option<T>) -> bool {
    wide.is_none() || wide == narrow
}

/// A list leaves room for all that another does.
fn covers_list<T: PartialEq>(wide: &Option<Vec<T>>, narrow: &Option<Vec<T>>) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => narrow.iter().all(|one| wide.contains(one)),
        (Some(_), None) => false,
    }
}
