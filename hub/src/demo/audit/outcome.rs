//! Whether everyone ended where the plan says.
use super::evidence::{Evidence, text};
use super::{Findings, Invariant};
use crate::demo::fates::{Fate, KycPath};
use std::collections::BTreeMap;

/// Clients, deposits and accounts ended as planned, whatever went wrong on the way.
pub(super) fn as_planned(evidence: &Evidence) -> Invariant {
    let mut findings = Findings::default();
    let mut stages: BTreeMap<&str, &str> = BTreeMap::new();
    for event in evidence.of_type("client.stage.changed") {
        stages.insert(text(event, "client"), text(event, "to"));
    }
    let mut attempts: BTreeMap<&str, u64> = BTreeMap::new();
    for event in evidence.of_type("payment.routed") {
        let attempt = event.data["attempt"].as_u64().unwrap_or(0);
        let most = attempts.entry(text(event, "payment")).or_default();
        *most = attempt.max(*most);
    }
    for client in &evidence.facts.clients {
        let plan = &client.plan;
        let stage = stages.get(plan.client.as_str()).copied().unwrap_or("registered");
        let planned = stage_of(client);
        findings.expect(stage == planned, || {
            format!("{} is {stage}, and {planned} was planned", plan.client)
        });
        for (planned, deposit) in plan.deposits.iter().zip(&client.deposits) {
            let name = &deposit.payment;
            findings.expect(deposit.credited == planned.fate.credits(), || {
                format!("{name} ({:?}): credited is {}", planned.fate, deposit.credited)
            });
            let asked = attempts.get(name.as_str()).copied().unwrap_or(0);
            let due = psps_asked(planned.fate);
            findings.expect(asked == due, || {
                format!("{name} ({:?}): {asked} PSPs were asked, and {due} were due", planned.fate)
            });
        }
    }
    let clients = evidence.facts.clients.len();
    findings.of("everyone ended where the day's plan says", format!("{clients} clients"))
}

fn psps_asked(fate: Fate) -> u64 {
    match fate {
        Fate::Approved | Fate::Hard(_) | Fate::Troubled(_) => 1,
        Fate::FallsBack(_) | Fate::DeclinedTwice | Fate::FallsBackTroubled(_) => 2,
    }
}

/// Where a client stands at the end of the day.
fn stage_of(client: &crate::demo::ClientFacts) -> &'static str {
    let plan = &client.plan;
    match plan.kyc {
        KycPath::GreenThenRed => return "restricted",
        KycPath::Final => return "kyc_rejected",
        KycPath::Green | KycPath::RetryThenGreen | KycPath::RestartThenGreen => {}
    }
    if !plan.challenges.is_empty() {
        return "traded";
    }
    match plan.deposits.iter().any(|deposit| deposit.fate.credits()) {
        true => "funded",
        false => "deposit_failed",
    }
}
