//! The words of a routing decision (P2): what ruled a PSP out, and why no rule matched.
use super::{Query, rule};
use crate::connections::ConnectionStatus;
use hub_schemas::ConnectionId;
use hub_schemas::events::payment::Candidate;
use hub_schemas::events::rules::{ConnectionFacts, RouteRule, RuleSet};
use hub_schemas::manifest::Kind;

/// The capability that a PSP's component must export to be charged through.
const PSP: &str = "psp";

/// Everything that speaks against asking a connection; empty if it can be asked.
pub(super) fn ruled_out(
    id: &ConnectionId,
    rules: &RuleSet,
    status: &ConnectionStatus,
    query: &Query<'_>,
) -> Vec<String> {
    let Some(facts) = rules.connections.iter().find(|facts| facts.id == *id) else {
        return vec!["no connection of this id".to_owned()];
    };
    let mut against = not_served(facts, query);
    if query.asked.contains(id) {
        against.push("already asked for this payment".to_owned());
    }
    if let Some(reason) = &status.paused {
        against.push(format!("paused: {reason}"));
    }
    if let Some(reason) = &status.circuit_open {
        against.push(format!("circuit open: {reason}"));
    }
    against
}

fn not_served(facts: &ConnectionFacts, query: &Query<'_>) -> Vec<String> {
    let mut against = Vec::new();
    if facts.kind != Kind::Psp {
        against.push("not a PSP".to_owned());
    }
    if !facts.capabilities.iter().any(|capability| capability == PSP) {
        against.push("its connector has no psp capability".to_owned());
    }
    if let Some(entity) = facts.entity.as_ref().filter(|entity| *entity != query.entity) {
        against.push(format!("serves entity {entity}, not {}", query.entity));
    }
    let currency = query.amount.currency;
    if !facts.currencies.is_empty() && !facts.currencies.contains(&currency) {
        against.push(format!("does not take {currency}"));
    }
    if !facts.methods.is_empty() && !facts.methods.iter().any(|m| m == query.method) {
        against.push(format!("does not take {}", query.method));
    }
    if !facts.countries.is_empty() && !facts.countries.contains(&query.country) {
        against.push(format!("does not serve {}", query.country));
    }
    against
}

/// The decision of a rule in a sentence.
pub(super) fn sentence(
    rule: &str,
    chosen: Option<&ConnectionId>,
    candidates: &[Candidate],
) -> String {
    let out: Vec<_> = candidates
        .iter()
        .filter(|candidate| !candidate.eligible)
        .map(|candidate| format!("{} ({})", candidate.connection, candidate.reason))
        .collect();
    let ruled_out = if out.is_empty() {
        "none was ruled out".to_owned()
    } else {
        format!("ruled out: {}", out.join(", "))
    };
    match chosen {
        Some(id) => format!("rule {rule}: {id} is the first of its list that can; {ruled_out}"),
        None => format!("rule {rule}: nobody of its list can; {ruled_out}"),
    }
}

/// Why no rule matched, rule by rule.
pub(super) fn no_match(routes: &[RouteRule], query: &Query<'_>) -> String {
    if routes.is_empty() {
        return "there is no [[route]] rule: add one".to_owned();
    }
    let each: Vec<_> = routes
        .iter()
        .map(|route| format!("{}: {}", route.name, rule::unmet(&route.when, query).join(", ")))
        .collect();
    format!("no rule matches: {}", each.join("; "))
}
