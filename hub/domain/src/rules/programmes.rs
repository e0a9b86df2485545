//! `[[programme]]`: can every floor be computed?
use super::Check;
use crate::breach::day;
use hub_schemas::events::rules::{Allowance, LossRule, Phase, Programme};
use rust_decimal::Decimal;

/// Rules of one phase: one fact may breach all of them, and each is up to three decisions.
pub const RULES_PER_PHASE_MAX: usize = 32;

pub(super) fn check(check: &mut Check<'_>) {
    let programmes = &check.rules.programmes;
    let ids = programmes.iter().map(|one| one.id.as_str());
    check.unique(ids, |i| format!("programme[{i}].id"), "a programme's id");
    for (place, programme) in programmes.iter().enumerate() {
        one(check, &format!("programme[{place}]"), programme);
    }
}

fn one(check: &mut Check<'_>, path: &str, programme: &Programme) {
    if programme.initial_balance <= Decimal::ZERO {
        let message = "is not positive: write the opening balance";
        check.problem(format!("{path}.initial_balance"), message);
    }
    let (reset, zone) = (&programme.day.reset, &programme.day.zone);
    if day::reset(reset).is_none() {
        let message = format!("{reset:?} is not a time: write HH:MM, such as 00:00 or 17:00");
        check.problem(format!("{path}.day.reset"), message);
    }
    if day::zone(zone).is_none() {
        let message =
            format!("{zone:?} is not a time zone: write an IANA name such as Europe/Prague");
        check.problem(format!("{path}.day.zone"), message);
    }
    if programme.phases.is_empty() {
        let message = "there is none: add a [[programme.phase]]";
        check.problem(format!("{path}.phase"), message);
    }
    let names = programme.phases.iter().map(|phase| phase.name.as_str());
    check.unique(names, |i| format!("{path}.phase[{i}].name"), "a phase's name");
    for (place, of) in programme.phases.iter().enumerate() {
        phase(check, &format!("{path}.phase[{place}].rules"), of);
    }
}

fn phase(check: &mut Check<'_>, path: &str, phase: &Phase) {
    if phase.rules.is_empty() {
        check.problem(path, "the list is empty: nothing would be watched; add a rule");
    }
    if phase.rules.len() > RULES_PER_PHASE_MAX {
        let message = format!("more than {RULES_PER_PHASE_MAX} rules: leave out what is covered");
        check.problem(path, message);
    }
    for (place, rule) in phase.rules.iter().enumerate() {
        let (LossRule::DailyLoss { allowance: of, .. } | LossRule::MaxLoss { allowance: of, .. }) =
            rule;
        allowance(check, &format!("{path}[{place}].allowance"), of);
    }
}

fn allowance(check: &mut Check<'_>, path: &str, allowance: &Allowance) {
    match (allowance.share, allowance.amount) {
        (None, None) => check.problem(path, "gives nothing: write share (with of) or amount"),
        (Some(_), Some(_)) => check.problem(path, "gives both share and amount: write one"),
        (Some(share), None) => {
            if share <= Decimal::ZERO || share > Decimal::ONE {
                let message = format!("{share} is not above 0 and at most 1: 0.05 is 5 %");
                check.problem(format!("{path}.share"), message);
            }
            if allowance.of.is_none() {
                let message = "is missing: say of what the share is, \"initial\" or \"anchor\"";
                check.problem(format!("{path}.of"), message);
            }
        }
        (None, Some(amount)) => {
            if amount <= Decimal::ZERO {
                let message = format!("{amount} is not positive: write what may be lost");
                check.problem(format!("{path}.amount"), message);
            }
            if allowance.of.is_some() {
                check
                    .problem(format!("{path}.of"), "belongs to share, not to amount: leave it out");
            }
        }
    }
}
