//! What is kept of an account to judge it: its newest state, the anchors of two days, the flows.
use super::day::trading_day;
use super::floor::{self, Floor};
use super::flows::Flows;
use crate::State;
use hub_schemas::ActionId;
use hub_schemas::events::account::{AccountDeal, AccountEquity, DealKind};
use hub_schemas::events::rules::{
    Allowance, Compare, DailyAnchor, LossRule, OnBreach, Phase, Programme,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The watch over an account's programme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// The rules in force at the purchase.
    pub rules_version: String,
    /// The programme's id.
    pub programme: String,
    /// Breaches so far, by rule.
    pub breached: BTreeMap<String, String>,
    /// The key of the programme as it was then.
    pub(super) frozen: String,
    /// The hub's id of the funding, and the platform's once it is known: no flow.
    pub(super) operation: String,
    pub(super) ticket: Option<String>,
    /// The earliest time at which the account is known to have had its money. A state without any
    /// money from before it is that of an account not funded yet, and not a loss.
    pub(super) money_since_ms: Option<i64>,
    pub(super) newest: Option<Point>,
    pub(super) day: Option<DayWatch>,
    pub(super) previous: Option<DayWatch>,
    pub(super) flows: Flows,
    /// Actions that a breach asked for.
    pub(super) closing: Option<ActionId>,
    pub(super) disabling: Option<ActionId>,
}

/// A state of the account.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) time_ms: i64,
    pub(super) balance: Decimal,
    pub(super) equity: Decimal,
    /// The event that told of it.
    pub(super) sequence: u64,
}

/// A day, and the last known state before its reset. Without one it is the first day: the opening
/// balance counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DayWatch {
    label: String,
    start_ms: i64,
    end_ms: i64,
    before: Option<Point>,
}

impl DayWatch {
    fn has(&self, time_ms: i64) -> bool {
        (self.start_ms..self.end_ms).contains(&time_ms)
    }
    /// A state that turns out to be nearer to the reset is the anchor from now on.
    fn offer(&mut self, point: Point) {
        let nearer = self.before.is_none_or(|before| before.time_ms <= point.time_ms);
        if point.time_ms < self.start_ms && nearer {
            self.before = Some(point);
        }
    }
}

/// A rule's floor for a state of the account, and what it is compared with.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    pub(super) name: &'static str,
    /// Which of the phase's rules of that name, from 1.
    pub(super) nth: usize,
    pub(super) anchor: &'static str,
    pub(super) anchored_by: Option<u64>,
    pub(super) day: Option<&'a str>,
    pub(super) floor: Floor,
    pub(super) allowance: &'a Allowance,
    pub(super) compare: Compare,
    pub(super) value: Decimal,
}

impl Standing<'_> {
    /// The rule's name in this phase: unique, also where two rules are of one kind.
    pub(super) fn rule(&self) -> String {
        rule_id(self.name, self.nth)
    }
}

fn rule_id(name: &str, nth: usize) -> String {
    if nth == 1 { name.to_owned() } else { format!("{name}.{nth}") }
}

impl Watch {
    pub(super) fn new(version: &str, programme: &str, frozen: String, operation: String) -> Self {
        Self {
            rules_version: version.to_owned(),
            programme: programme.to_owned(),
            breached: BTreeMap::new(),
            frozen,
            operation,
            ticket: None,
            money_since_ms: None,
            newest: None,
            day: None,
            previous: None,
            flows: Flows::default(),
            closing: None,
            disabling: None,
        }
    }
    /// The programme as it was at the purchase.
    pub(crate) fn programme<'a>(&self, state: &'a State) -> Option<&'a Programme> {
        state.frozen.get(&self.frozen)
    }
    /// The state is one that rules apply to.
    pub(super) fn counts(&self, d: &AccountEquity, time_ms: i64) -> bool {
        let empty = d.balance.is_zero() && d.equity.is_zero();
        !empty || self.money_since_ms.is_some_and(|since_ms| since_ms <= time_ms)
    }

    /// Takes a state of the account in. A late one changes nothing but the anchor of a day that
    /// it turns out to be nearer to.
    pub(super) fn see(&mut self, programme: &Programme, point: Point) {
        if !(point.balance.is_zero() && point.equity.is_zero()) {
            self.money_at(point.time_ms);
        }
        let new_day = self.day.as_ref().is_none_or(|day| day.end_ms <= point.time_ms);
        if new_day && let Some(next) = trading_day(&programme.day, point.time_ms) {
            let next = DayWatch {
                label: next.label,
                start_ms: next.start_ms,
                end_ms: next.end_ms,
                before: self.newest,
            };
            self.previous = self.day.replace(next);
        }
        for day in self.day.iter_mut().chain(&mut self.previous) {
            day.offer(point);
        }
        if self.newest.is_none_or(|newest| newest.time_ms <= point.time_ms) {
            self.newest = Some(point);
        }
    }
    /// The account is known to have had money at that time.
    pub(super) fn money_at(&mut self, time_ms: i64) {
        self.money_since_ms = Some(self.money_since_ms.map_or(time_ms, |ms| ms.min(time_ms)));
    }
    /// Takes a deal in: money that was put on or taken off moves the anchors.
    pub(super) fn book(&mut self, d: &AccountDeal, time_ms: i64) {
        let own = d.comment.as_deref() == Some(&self.operation)
            || self.ticket.as_deref() == Some(&d.deal);
        match d.kind {
            DealKind::Balance | DealKind::Credit if own => self.money_at(time_ms),
            DealKind::Balance => self.flows.add(time_ms, &d.deal, d.profit, Decimal::ZERO),
            DealKind::Credit => self.flows.add(time_ms, &d.deal, Decimal::ZERO, d.profit),
            DealKind::Open | DealKind::Close => self.money_at(time_ms),
            DealKind::Other => {}
        }
    }
    /// The platform's ticket of the hub's own funding is known.
    pub(super) fn funded_by(&mut self, ticket: &str) {
        self.flows.forget(ticket);
        self.ticket = Some(ticket.to_owned());
    }

    /// How every rule stands with a state. A rule that cannot be judged (a day that is no longer
    /// known, figures that do not fit) is left out: not evaluated is not passed.
    pub(super) fn standings<'a>(
        &'a self,
        programme: &'a Programme,
        point: Point,
    ) -> impl Iterator<Item = Standing<'a>> {
        let rules = phase(programme).map_or(&[][..], |phase| &phase.rules);
        let reached = self.flows.reaches(point.time_ms);
        rules.iter().enumerate().filter(move |_| reached).filter_map(move |(place, rule)| {
            let nth = rules[..=place].iter().filter(|one| name(one) == name(rule)).count();
            self.standing(programme, rule, nth, point)
        })
    }

    fn standing<'a>(
        &'a self,
        programme: &'a Programme,
        rule: &'a LossRule,
        nth: usize,
        point: Point,
    ) -> Option<Standing<'a>> {
        let initial = programme.initial_balance;
        let (kind, allowance, compare) = match rule {
            LossRule::DailyLoss { anchor, allowance, compare, .. } => {
                (Some(*anchor), allowance, *compare)
            }
            LossRule::MaxLoss { allowance, compare, .. } => (None, allowance, *compare),
        };
        let day = match kind {
            Some(_) => Some(self.day.iter().chain(&self.previous).find(|d| d.has(point.time_ms))?),
            None => None,
        };
        let before = day.and_then(|day| day.before);
        let (anchor, value) = match (kind, before) {
            (Some(kind), Some(before)) => {
                (anchor_name(kind), floor::daily_anchor(kind, before.balance, before.equity))
            }
            _ => ("initial", initial),
        };
        let flowed = self.flows.sum(before.map(|one| one.time_ms), point.time_ms, compare);
        let floor = floor::floor(value.checked_add(flowed)?, initial, allowance).ok()?;
        Some(Standing {
            name: name(rule),
            nth,
            anchor,
            anchored_by: before.map(|one| one.sequence),
            day: day.map(|day| day.label.as_str()),
            floor,
            allowance,
            compare,
            value: match compare {
                Compare::Equity => point.equity,
                Compare::Balance => point.balance,
            },
        })
    }
}

/// The phase that an account is in: so far the first.
pub(super) fn phase(programme: &Programme) -> Option<&Phase> {
    programme.phases.first()
}

/// What a rule of the phase wants done at a breach.
pub(super) fn on_breach(programme: &Programme, rule: &str) -> Option<OnBreach> {
    let rules = &phase(programme)?.rules;
    let place = (0..rules.len()).find(|place| {
        let of_kind = |one: &&LossRule| name(one) == name(&rules[*place]);
        rule_id(name(&rules[*place]), rules[..=*place].iter().filter(of_kind).count()) == rule
    })?;
    match &rules[place] {
        LossRule::DailyLoss { on_breach, .. } | LossRule::MaxLoss { on_breach, .. } => {
            Some(*on_breach)
        }
    }
}

fn name(rule: &LossRule) -> &'static str {
    match rule {
        LossRule::DailyLoss { .. } => "daily-loss",
        LossRule::MaxLoss { .. } => "max-loss",
    }
}

fn anchor_name(anchor: DailyAnchor) -> &'static str {
    match anchor {
        DailyAnchor::Balance => "balance",
        DailyAnchor::Equity => "equity",
        DailyAnchor::MaxOfBoth => "max(balance, equity)",
    }
}
