//! Deliveries: what the vendors told against what the hub kept.
use super::evidence::{Evidence, text};
use super::{Findings, Invariant};
use crate::demo::connection;
use hub_schemas::CloudEvent;
use hub_simulators::adyen::Modification;
use std::collections::{BTreeMap, BTreeSet};

/// Stripe's event types that say nothing beyond what a PaymentIntent's or a refund's events say:
/// the connector ignores them (docs.stripe.com/api/events/types).
const STRIPE_SAYS_NOTHING_NEW: &[&str] = &[
    "payment_intent.created",
    "charge.succeeded",
    "charge.failed",
    "charge.pending",
    "charge.updated",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "payout.created",
    "balance.available",
];

/// Whatever a vendor told and had acknowledged is an event or in quarantine, and every event is
/// something that a vendor told.
pub(super) fn accounted_for(evidence: &Evidence) -> Invariant {
    let mut findings = Findings::default();
    let mut acknowledged = 0;
    for (connection, sent) in &evidence.deliveries {
        acknowledged += sent.acknowledged;
        let lost = sent.pending + sent.given_up + sent.dropped;
        findings.expect(lost == 0, || format!("{connection}: {lost} webhooks never arrived"));
    }
    stripe(evidence, &mut findings);
    adyen(evidence, &mut findings);
    sumsub(evidence, &mut findings);
    platform(evidence, &mut findings);
    let told: usize = [connection::STRIPE, connection::ADYEN, connection::SUMSUB, connection::MT5]
        .iter()
        .map(|connection| evidence.told_by(connection).count())
        .sum();
    findings.of(
        "nothing is unaccounted for",
        format!("{acknowledged} webhooks acknowledged, {told} events told by vendors"),
    )
}

/// By Stripe's own event ids.
fn stripe(evidence: &Evidence, findings: &mut Findings) {
    let told: BTreeSet<&str> = evidence
        .told_by(connection::STRIPE)
        .filter_map(|event| event.vendorevent.as_deref())
        .collect();
    let made: BTreeMap<&str, &str> =
        evidence.stripe_events.iter().map(|(id, kind)| (id.as_str(), kind.as_str())).collect();
    for (id, kind) in &made {
        let kept = told.contains(id)
            || STRIPE_SAYS_NOTHING_NEW.contains(kind)
            || evidence.is_set_aside(connection::STRIPE, id);
        findings.expect(kept, || format!("Stripe's {kind} {id} is nowhere"));
    }
    for id in told.iter().filter(|id| !made.contains_key(*id)) {
        findings.wrong.push(format!("the log has {id}, which Stripe never made"));
    }
    for refund in evidence.stripe.refunds.iter().filter(|one| one.status == "succeeded") {
        let told = evidence
            .told_by(connection::STRIPE)
            .any(|event| text(event, "vendor_refund") == refund.id);
        findings.expect(told, || format!("Stripe's refund {} is nowhere", refund.id));
    }
}

/// By what Adyen signs: reference, code and success.
fn adyen(evidence: &Evidence, findings: &mut Findings) {
    type Fact<'a> = (&'a str, &'a str);
    let mut made: BTreeSet<Fact<'_>> = BTreeSet::new();
    for payment in &evidence.adyen.payments {
        match payment.result_code.as_str() {
            "Authorised" => made.insert(("payment.succeeded", &payment.psp_reference)),
            "Refused" | "Error" | "Cancelled" => {
                made.insert(("payment.failed", &payment.psp_reference))
            }
            _ => false,
        };
    }
    for one in evidence.adyen.modifications.iter().filter(|m| m.kind == Modification::Refund) {
        match one.success {
            Some(true) => made.insert(("payment.refunded", &one.psp_reference)),
            Some(false) => made.insert(("payment.refund_failed", &one.psp_reference)),
            None => false,
        };
    }
    fn fact(event: &CloudEvent) -> Fact<'_> {
        let refund = text(event, "vendor_refund");
        let about = if refund.is_empty() { text(event, "vendor_payment") } else { refund };
        (event.event_type.as_str(), about)
    }
    let mut told: BTreeSet<Fact<'_>> = BTreeSet::new();
    for event in evidence.told_by(connection::ADYEN) {
        findings.expect(told.insert(fact(event)), || {
            format!("{}: Adyen's {} is in the log twice", event.id, fact(event).1)
        });
    }
    for (kind, reference) in made.difference(&told) {
        let kept = evidence.is_set_aside(connection::ADYEN, reference);
        findings.expect(kept, || format!("Adyen's {reference} ({kind}) is nowhere"));
    }
    for (kind, reference) in told.difference(&made) {
        findings.wrong.push(format!("the log has {kind} of {reference}, which Adyen never told"));
    }
}

/// By what was done at Sumsub: its webhooks have no id.
fn sumsub(evidence: &Evidence, findings: &mut Findings) {
    let mut told: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for event in evidence.told_by(connection::SUMSUB) {
        *told.entry((text(event, "client"), event.event_type.as_str())).or_default() += 1;
    }
    for client in &evidence.facts.clients {
        let id = client.plan.client.as_str();
        let made = evidence.sumsub.applicant(id);
        for (kind, times) in [
            ("kyc.applicant.created", u32::from(made.is_some())),
            ("kyc.review.started", made.map_or(0, |one| one.attempts)),
            ("kyc.approved", client.approvals),
            ("kyc.rejected", client.rejections),
        ] {
            let kept = told.remove(&(id, kind)).unwrap_or(0);
            findings.expect(kept == times, || {
                format!("Sumsub told {kind} of {id} {times} times, and the log has it {kept} times")
            });
        }
    }
    for (client, kind) in told.keys() {
        findings.wrong.push(format!("the log has {kind} of {client}, which Sumsub never told"));
    }
}

/// By the platform's own deal numbers.
fn platform(evidence: &Evidence, findings: &mut Findings) {
    let mut told: BTreeMap<(String, String), u32> = BTreeMap::new();
    for event in evidence.of_type("account.deal") {
        let deal = (text(event, "account").to_owned(), text(event, "deal").to_owned());
        *told.entry(deal).or_default() += 1;
    }
    for book in &evidence.mt5.accounts {
        let account = format!("{}:{}", connection::MT5, book.login);
        for deal in &book.deals {
            let times = told.remove(&(account.clone(), deal.deal.to_string())).unwrap_or(0);
            findings.expect(times == 1, || {
                format!("deal {} of {account} is in the log {times} times", deal.deal)
            });
        }
    }
    for (account, deal) in told.keys() {
        findings.wrong.push(format!("the log has deal {deal} of {account}, which never was"));
    }
}

/// The log is what was appended, record after record.
pub(super) fn chain(evidence: &Evidence) -> Invariant {
    let mut findings = Findings::default();
    let verified = evidence.verify["verified"].as_u64().unwrap_or(0);
    findings.expect(evidence.verify["ok"] == true, || evidence.verify.to_string());
    let last = evidence.events.last().map_or(0, |event| event.sequence);
    findings.expect(verified >= last, || format!("{verified} of {last} records were verified"));
    findings.of("the log's hash chain is intact", format!("{verified} records verified"))
}

/// What was forged, cut short or stale was refused.
pub(super) fn damaged(evidence: &Evidence) -> Invariant {
    let mut findings = Findings::default();
    let mut sent = 0;
    for (connection, counters) in &evidence.deliveries {
        sent += counters.damaged_sent;
        let taken = counters.damaged_acknowledged;
        findings.expect(taken == 0, || format!("{connection}: {taken} damaged ones were taken"));
    }
    findings.of(
        "no damaged delivery was acknowledged",
        format!("{sent} with a wrong or stale signature or half a body, all refused"),
    )
}

/// The rogue connector's deliveries are in quarantine, and it said nothing else.
pub(super) fn rogue(evidence: &Evidence) -> Invariant {
    let mut findings = Findings::default();
    let sent = evidence.facts.rogue_bodies;
    let rogue = serde_json::Value::from(connection::ROGUE);
    let kept = evidence.quarantine.iter().filter(|entry| entry["connection"] == rogue).count();
    findings
        .expect(kept == sent, || format!("{sent} deliveries were sent, {kept} are quarantined"));
    let said = evidence.told_by(connection::ROGUE).count();
    findings.expect(said == 0, || format!("{said} of its events are in the log"));
    let others = evidence.quarantine.len() - kept;
    findings.expect(others == 0, || {
        format!("{others} deliveries of other connections are quarantined")
    });
    let classes: BTreeSet<&str> =
        evidence.quarantine.iter().filter_map(|entry| entry["class"].as_str()).collect();
    let classes: Vec<_> = classes.into_iter().collect();
    let detail = match sent {
        0 => "it is not configured".to_owned(),
        _ => {
            format!("{sent} deliveries quarantined ({}), nothing else touched", classes.join(", "))
        }
    };
    findings.of("the rogue connector was contained", detail)
}
