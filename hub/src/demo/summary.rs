//! What the day came to, as a table for people.
use super::audit::{Evidence, Invariant};
use super::connection;
use hub_schemas::CloudEvent;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Columns of a row's name.
const NAME_COLUMNS: usize = 14;

/// The day in a table, and the invariants with ✓ or ✗.
pub fn table(evidence: &Evidence, invariants: &[Invariant]) -> String {
    let mut text = String::from("\n");
    let types = types(evidence);
    let count = |event_type: &str| types.get(event_type).copied().unwrap_or(0);
    row(
        &mut text,
        "clients",
        format!(
            "{} registered: {} acme-eu, {} acme-prop",
            count("client.registered"),
            evidence.facts.clients.iter().filter(|client| !client.plan.is_prop()).count(),
            evidence.facts.clients.iter().filter(|client| client.plan.is_prop()).count(),
        ),
    );
    row(
        &mut text,
        "verification",
        format!(
            "{} approvals, {} rejections, {} handed in again, {} restricted after an approval",
            count("kyc.approved"),
            count("kyc.rejected"),
            evidence.facts.clients.iter().filter(|client| client.submissions > 1).count(),
            moved_to(evidence, "restricted"),
        ),
    );
    row(&mut text, "deposits", deposits(evidence, count("deposit.credited")));
    row(
        &mut text,
        "accounts",
        format!(
            "{} opened, {} funded, {} deals, {} states of equity",
            count("account.opened"),
            count("account.funded"),
            count("account.deal"),
            count("account.equity"),
        ),
    );
    row(
        &mut text,
        "breaches",
        format!("{}; {} accounts disabled", breaches(evidence), count("account.disabled")),
    );
    row(
        &mut text,
        "actions",
        format!(
            "{} asked of vendors, {} attempts, {} retried, {} found done by a look-up; {} calls \
             were made to fail",
            count("action.requested"),
            count("action.started"),
            count("action.retrying"),
            found(evidence),
            evidence.faults_applied,
        ),
    );
    webhooks(&mut text, evidence);
    row(
        &mut text,
        "log",
        format!(
            "{} events in {:.1} s",
            evidence.events.last().map_or(0, |event| event.sequence),
            evidence.facts.took.as_secs_f64()
        ),
    );
    text.push('\n');
    for Invariant { name, held, detail } in invariants {
        let mark = if *held { '✓' } else { '✗' };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {mark} {name}: {detail}");
    }
    text
}

fn row(text: &mut String, name: &str, value: String) {
    let _ = writeln!(text, "  {name:<NAME_COLUMNS$}{value}");
}

fn types(evidence: &Evidence) -> BTreeMap<&str, u64> {
    let mut types: BTreeMap<&str, u64> = BTreeMap::new();
    for event in &evidence.events {
        *types.entry(event.event_type.as_str()).or_default() += 1;
    }
    types
}

fn moved_to(evidence: &Evidence, stage: &str) -> usize {
    evidence.of_type("client.stage.changed").filter(|event| event.data["to"] == stage).count()
}

fn is_charge(event: &CloudEvent) -> bool {
    event.data["kind"] == "psp.create-payment"
}

fn found(evidence: &Evidence) -> usize {
    evidence.of_type("action.completed").filter(|event| event.data["found"] == true).count()
}

fn deposits(evidence: &Evidence, credited: u64) -> String {
    let unknown: BTreeSet<&str> = evidence
        .of_type("action.retrying")
        .filter(|event| event.data["error"]["class"] == "unknown_outcome")
        .filter_map(|event| event.data["action"].as_str())
        .collect();
    let resolved = evidence
        .of_type("action.completed")
        .filter(|event| is_charge(event))
        .filter(|event| event.data["action"].as_str().is_some_and(|id| unknown.contains(id)))
        .count();
    let routed = evidence.of_type("payment.routed");
    let fallbacks = routed.filter(|event| event.data["attempt"].as_u64() > Some(1)).count();
    let failed = evidence.of_type("deposit.failed").count();
    format!(
        "{} asked for: {credited} credited, {failed} failed; {fallbacks} fell back to another PSP, \
         {resolved} with an unknown outcome resolved",
        evidence.of_type("deposit.requested").count(),
    )
}

fn breaches(evidence: &Evidence) -> String {
    let mut by_rule: BTreeMap<&str, u64> = BTreeMap::new();
    for event in evidence.of_type("breach.detected") {
        *by_rule.entry(event.data["rule"].as_str().unwrap_or_default()).or_default() += 1;
    }
    let shown: Vec<_> = by_rule.iter().map(|(rule, times)| format!("{times} {rule}")).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

/// One row a connection: what the vendor sent, and what became of it here.
fn webhooks(text: &mut String, evidence: &Evidence) {
    for id in [connection::STRIPE, connection::ADYEN, connection::SUMSUB, connection::ROGUE] {
        let Some(known) = evidence.connections.get(id) else { continue };
        let number = |field: &str| known[field].as_u64().unwrap_or(0);
        let received: u64 = ["accepted", "duplicates", "ignored", "refused", "quarantined"]
            .iter()
            .map(|field| number(field))
            .sum();
        row(
            text,
            id,
            format!(
                "{received} webhooks: {} accepted, {} duplicate, {} ignored, {} refused, {} quarantined",
                number("accepted"),
                number("duplicates"),
                number("ignored"),
                number("refused"),
                number("quarantined"),
            ),
        );
    }
}
