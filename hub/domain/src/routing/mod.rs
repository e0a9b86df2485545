//! Routing: which PSP is asked for a payment, and why none of the others (P1, P2).
//!
//! A pure function over the rules, the state of the connections and the payment, so that the same
//! code answers a deposit, an "explain this" and a simulation.
mod explain;
mod rule;

use crate::connections::Connections;
use explain::{no_match, ruled_out};
use hub_schemas::events::payment::Candidate;
use hub_schemas::events::rules::{Fallback, PaymentKind, RouteRule, RuleSet, Strategy};
use hub_schemas::{ConnectionId, Country, EntityId, Money};

/// A payment, as far as rules look at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Query<'a> {
    /// Which way the money goes.
    pub kind: PaymentKind,
    /// The client's entity.
    pub entity: &'a EntityId,
    /// Where it comes from, or goes to.
    pub country: Country,
    /// How, such as `card`.
    pub method: &'a str,
    /// How much.
    pub amount: Money,
    /// Connections that were asked for this payment already.
    pub asked: &'a [ConnectionId],
}

/// Which PSP, and everything that led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The rule that won; nothing if none matched.
    pub rule: Option<String>,
    /// Its strategy.
    pub strategy: Option<&'static str>,
    /// What may follow a soft decline.
    pub fallback: Option<Fallback>,
    /// Who is asked; nothing if nobody can be.
    pub chosen: Option<ConnectionId>,
    /// Every PSP of the rule, and what became of it.
    pub candidates: Vec<Candidate>,
    /// The decision in a sentence.
    pub explanation: String,
}

/// Routes a payment by the first rule that matches it.
pub fn route(rules: &RuleSet, connections: &Connections, query: &Query<'_>) -> Route {
    let matching = rules.routes.iter().find(|rule| rule::unmet(&rule.when, query).is_empty());
    match matching {
        Some(rule) => by(rule, rules, connections, query),
        None => Route {
            rule: None,
            strategy: None,
            fallback: None,
            chosen: None,
            candidates: Vec::new(),
            explanation: no_match(&rules.routes, query),
        },
    }
}

fn by(rule: &RouteRule, rules: &RuleSet, connections: &Connections, query: &Query<'_>) -> Route {
    let Strategy::Ordered = rule.r#use.strategy;
    let mut chosen: Option<&ConnectionId> = None;
    let mut candidates = Vec::with_capacity(rule.r#use.connections.len());
    for id in &rule.r#use.connections {
        let against = ruled_out(id, rules, &connections.status(id), query);
        let eligible = against.is_empty();
        let reason = match (eligible, chosen) {
            (false, _) => against.join("; "),
            (true, Some(first)) => format!("passed over: {first} stands before it"),
            (true, None) => "chosen: the first of the list that can take it".to_owned(),
        };
        if eligible {
            chosen = chosen.or(Some(id));
        }
        candidates.push(Candidate { connection: id.clone(), eligible, reason });
    }
    Route {
        rule: Some(rule.name.clone()),
        strategy: Some("ordered"),
        fallback: rule.fallback.clone(),
        chosen: chosen.cloned(),
        explanation: explain::sentence(&rule.name, chosen, &candidates),
        candidates,
    }
}
