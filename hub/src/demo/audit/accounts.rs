//! Accounts: what the platform holds against what the hub opened, watched and disabled.
use super::evidence::{Evidence, text};
use super::{Findings, Invariant};
use crate::demo::connection;
use std::collections::{BTreeMap, BTreeSet};

/// The hub's id of a login.
fn account(login: u64) -> String {
    format!("{}:{login}", connection::MT5)
}

/// The breaches that the plan leads to were detected, and no others; and who breached may trade no
/// more, and nobody else.
pub(super) fn breaches(evidence: &Evidence) -> Invariant {
    let mut findings = Findings::default();
    let mut expected: BTreeSet<(String, String)> = BTreeSet::new();
    for client in &evidence.facts.clients {
        for (challenge, account) in client.plan.challenges.iter().zip(&client.accounts) {
            let rules = challenge.trade.breaches.rules().iter();
            expected.extend(rules.map(|rule| (account.clone(), (*rule).to_owned())));
        }
    }
    let mut detected: BTreeSet<(String, String)> = BTreeSet::new();
    for event in evidence.of_type("breach.detected") {
        let breach = (text(event, "account").to_owned(), text(event, "rule").to_owned());
        let (account, rule) = breach.clone();
        findings
            .expect(detected.insert(breach), || format!("{account}: {rule} was detected twice"));
    }
    for (account, rule) in expected.difference(&detected) {
        findings.wrong.push(format!("{account}: {rule} was not detected"));
    }
    for (account, rule) in detected.difference(&expected) {
        findings.wrong.push(format!("{account}: {rule} was detected, and it did not break it"));
    }
    let disabled: BTreeSet<&str> =
        evidence.of_type("account.disabled").map(|event| text(event, "account")).collect();
    for book in &evidence.mt5.accounts {
        let account = account(book.login);
        let breached = detected.iter().any(|(of, _)| *of == account);
        findings.expect(book.may_trade() != breached, || match breached {
            true => format!("{account} breached, and may still trade (rights {:#x})", book.rights),
            false => format!("{account} did not breach, and may not trade ({:#x})", book.rights),
        });
        findings.expect(!breached || book.positions.is_empty(), || {
            format!("{account} breached, and has {} open positions", book.positions.len())
        });
        findings.expect(disabled.contains(account.as_str()) == breached, || {
            format!("{account}: breached is {breached}, and the log says otherwise of disabled")
        });
    }
    let accounts: BTreeSet<_> = detected.iter().map(|(account, _)| account).collect();
    findings.of(
        "each breach is disabled on the platform, and nothing else",
        format!(
            "{} accounts, {} of them breached {} rules",
            evidence.mt5.accounts.len(),
            accounts.len(),
            detected.len()
        ),
    )
}

/// Every request for an account has one account on the platform, and every account one request.
pub(super) fn one_each(evidence: &Evidence) -> Invariant {
    let mut findings = Findings::default();
    let mut opened: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in evidence.of_type("account.opened") {
        opened.entry(text(event, "provisioning")).or_default().push(text(event, "account"));
    }
    let requested: BTreeSet<&str> = evidence
        .of_type("provisioning.requested")
        .map(|event| text(event, "provisioning"))
        .collect();
    for request in &requested {
        let accounts = opened.get(request).map_or(&[][..], Vec::as_slice);
        findings.expect(accounts.len() == 1, || {
            format!("{request} has {} accounts: {}", accounts.len(), accounts.join(", "))
        });
    }
    let mut claimed: BTreeMap<&str, u32> = BTreeMap::new();
    for account in opened.values().flatten() {
        *claimed.entry(account).or_default() += 1;
    }
    for book in &evidence.mt5.accounts {
        let times = claimed.remove(account(book.login).as_str()).unwrap_or(0);
        findings.expect(times == 1, || {
            format!("account {} of {} answers {times} requests", book.login, book.name)
        });
    }
    for account in claimed.keys() {
        findings.wrong.push(format!("{account} is not on the platform"));
    }
    for client in &evidence.facts.clients {
        let plan = &client.plan;
        let of_this = |request: &&&str| request.contains(&plan.client);
        let (asked, planned) = (requested.iter().filter(of_this).count(), plan.accounts());
        findings.expect(asked == planned, || {
            format!("{}: {asked} accounts were asked for, and {planned} are due", plan.client)
        });
    }
    findings.of(
        "one account on the platform for each request, none twice",
        format!("{} requests, {} accounts", requested.len(), evidence.mt5.accounts.len()),
    )
}
