//! `[[kyc]]` and `[[provisioning]]`: rules about clients.
use super::{Check, covers, covers_list};
use hub_schemas::Country;
use hub_schemas::events::rules::{ProvisioningRule, Trigger};
use hub_schemas::manifest::Kind;

/// Provisioning rules of one trigger: one fact may lead to so many accounts at once, and each is
/// two of the decisions that an input may have.
pub const RULES_PER_TRIGGER_MAX: usize = 64;

pub(super) fn kyc(check: &mut Check<'_>) {
    let rules = &check.rules.kyc;
    let names = rules.iter().map(|one| one.name.as_str());
    check.unique(names, |i| format!("kyc[{i}].name"), "a kyc rule's name");
    for (place, rule) in rules.iter().enumerate() {
        let path = format!("kyc[{place}]");
        let entity = rule.when.entity.as_ref();
        check.connection(&format!("{path}.connection"), &rule.connection, Kind::Kyc, entity);
        countries(check, &path, &rule.when.country);
        if rule.level.is_empty() {
            check.problem(format!("{path}.level"), "is empty: write the vendor's level");
        }
        let earlier = rules[..place].iter().position(|one| {
            covers(&one.when.entity, &rule.when.entity)
                && covers_list(&one.when.country, &rule.when.country)
        });
        // A later rule for another vendor is still asked by a request that names the vendor.
        if let Some(earlier) = earlier.filter(|at| rules[*at].connection == rule.connection) {
            let message = format!(
                "never reached: kyc[{earlier}] ({}) stands before it and takes every client that \
                 it would; move it up or narrow that one",
                rules[earlier].name
            );
            check.problem(path, message);
        }
    }
}

fn countries(check: &mut Check<'_>, path: &str, countries: &Option<Vec<Country>>) {
    if countries.as_ref().is_some_and(Vec::is_empty) {
        let message = "the list is empty and matches nobody: name countries or leave it out";
        check.problem(format!("{path}.when.country"), message);
    }
}

pub(super) fn provisioning(check: &mut Check<'_>) {
    let rules = &check.rules.provisioning;
    let names = rules.iter().map(|one| one.name.as_str());
    check.unique(names, |i| format!("provisioning[{i}].name"), "a provisioning rule's name");
    for (place, rule) in rules.iter().enumerate() {
        let path = format!("provisioning[{place}]");
        let entity = rule.when.entity.as_ref();
        let connection = format!("{path}.account.connection");
        check.connection(&connection, &rule.account.connection, Kind::Platform, entity);
        countries(check, &path, &rule.when.country);
        account(check, &path, rule);
        programme(check, &path, rule);
        let same = rules[..place].iter().filter(|one| one.on == rule.on).count();
        if same == RULES_PER_TRIGGER_MAX {
            let message = format!("more than {RULES_PER_TRIGGER_MAX} rules have this trigger");
            check.problem(format!("{path}.on"), format!("{message}: put some together"));
        }
    }
}

fn account(check: &mut Check<'_>, path: &str, rule: &ProvisioningRule) {
    if rule.account.leverage == 0 {
        let message = "is 0: write 1 or more, 30 meaning 1:30";
        check.problem(format!("{path}.account.leverage"), message);
    }
    if rule.account.group.is_empty() {
        check.problem(format!("{path}.account.group"), "is empty: write the platform's group");
    }
}

fn programme(check: &mut Check<'_>, path: &str, rule: &ProvisioningRule) {
    let path = format!("{path}.when.programme");
    let on_purchase = rule.on == Trigger::ChallengePurchased;
    match (&rule.when.programme, on_purchase) {
        (None, true) => {
            let message = "is missing: say which programme's purchases the rule is for";
            check.problem(path, message);
        }
        (Some(_), false) => {
            let message = "only purchases have a programme: leave it out, or set \
                           on = \"challenge.purchased\"";
            check.problem(path, message);
        }
        (Some(wanted), true) => {
            let programmes = &check.rules.programmes;
            let Some(programme) = programmes.iter().find(|one| one.id == *wanted) else {
                let message =
                    format!("no programme {wanted:?}: add a [[programme]] or correct the name");
                return check.problem(path, message);
            };
            let (is, wanted) = (rule.account.currency, programme.currency);
            if is != wanted {
                let message =
                    format!("the account is in {is}, the programme in {wanted}: make them one");
                check.problem(path, message);
            }
        }
        (None, false) => {}
    }
}
