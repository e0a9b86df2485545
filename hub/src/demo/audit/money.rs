//! Money: what the PSPs hold against what the hub credited.
use super::evidence::{Evidence, text};
use super::{Findings, Invariant};
use crate::demo::connection;
use hub_schemas::{CloudEvent, Currency, Money};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// Money that a PSP took for a payment and has not given back.
#[derive(Debug, Clone, PartialEq)]
struct Held {
    connection: &'static str,
    payment: String,
    money: Money,
}

/// What every PSP holds, payment by payment. Amounts by the simulators' own minor units.
fn held(evidence: &Evidence) -> Vec<Held> {
    let mut all = Vec::new();
    for payment in &evidence.stripe.payments {
        let taken: i64 = payment
            .charges
            .iter()
            .filter(|charge| charge.status == "succeeded")
            .map(|charge| payment.amount - charge.amount_refunded)
            .sum();
        let Ok(currency) = Currency::new(&payment.currency.to_uppercase()) else { continue };
        // Whichever metadata the connector uses, a deposit of the day is named in it.
        let deposits: Vec<&str> =
            evidence.facts.deposits().map(|(_, one)| one.payment.as_str()).collect();
        let named = payment.metadata.values().find(|value| deposits.contains(&value.as_str()));
        let reference = named.cloned().unwrap_or_else(|| payment.id.clone());
        let money = Money::from_minor(taken, currency);
        all.push(Held { connection: connection::STRIPE, payment: reference, money });
    }
    for payment in &evidence.adyen.payments {
        let (Some(amount), Ok(currency)) = (payment.amount(), Currency::new(&payment.currency))
        else {
            continue;
        };
        let left = Decimal::from(payment.captured - payment.refunded);
        let share = left.checked_div(Decimal::from(payment.value)).unwrap_or_default();
        let money = Money::new(amount * share, currency);
        all.push(Held { connection: connection::ADYEN, payment: payment.reference.clone(), money });
    }
    all.retain(|one| !one.money.amount.is_zero());
    all
}

fn credited(event: &CloudEvent) -> Option<Money> {
    serde_json::from_value(event.data["amount"].clone()).ok()
}

/// A deposit is credited once if a PSP holds money for it, with that amount, and never otherwise.
pub(super) fn credited_once(evidence: &Evidence) -> Invariant {
    let mut findings = Findings::default();
    let held = held(evidence);
    let mut credits: BTreeMap<&str, Vec<&CloudEvent>> = BTreeMap::new();
    for event in evidence.of_type("deposit.credited") {
        credits.entry(text(event, "payment")).or_default().push(event);
    }
    for (client, deposit) in evidence.facts.deposits() {
        let name = format!("{} of {}", deposit.payment, client.plan.client);
        let credited_for = credits.remove(deposit.payment.as_str()).unwrap_or_default();
        let held: Vec<_> = held.iter().filter(|one| one.payment == deposit.payment).collect();
        let (times, taken) = (credited_for.len(), held.len());
        findings.expect(times == taken && times <= 1, || {
            format!("{name}: credited {times} times, and {taken} PSPs hold money for it")
        });
        if let ([event], [one]) = (&credited_for[..], &held[..]) {
            let amounts = [credited(event), Some(one.money)];
            let asked = amounts[0].is_some_and(|money| money.amount == deposit.amount);
            findings.expect(amounts[0] == amounts[1] && asked, || {
                let (asked, held) = (deposit.amount, one.money);
                format!("{name}: asked {asked}, credited {:?}, the PSP holds {held}", amounts[0])
            });
        }
    }
    for payment in credits.keys() {
        findings.wrong.push(format!("{payment} was credited, and nobody asked for it"));
    }
    for one in &held {
        let known = evidence.facts.deposits().any(|(_, deposit)| deposit.payment == one.payment);
        findings.expect(known, || {
            format!(
                "{} holds {} for {}, which nobody asked for",
                one.connection, one.money, one.payment
            )
        });
    }
    let (asked, taken) = (evidence.facts.deposits().count(), held.len());
    findings.of(
        "each deposit is credited exactly once",
        format!("{asked} deposits, {taken} with money at a PSP and in a wallet"),
    )
}

/// The ledger sums to zero, and its PSP accounts to what the PSPs hold.
pub(super) fn ledger(evidence: &Evidence) -> Invariant {
    let mut findings = Findings::default();
    let total = balances(&evidence.ledger["total"]);
    for (currency, sum) in &total {
        findings.expect(sum.is_zero(), || format!("the ledger sums to {sum} {currency}"));
    }
    let mut expected: BTreeMap<(&str, String), Decimal> = BTreeMap::new();
    for one in held(evidence) {
        let at = (one.connection, one.money.currency.to_string());
        *expected.entry(at).or_default() += one.money.amount;
    }
    for connection in [connection::STRIPE, connection::ADYEN] {
        let booked = balances(&evidence.ledger["balances"][format!("psp:{connection}")]);
        let of_this = expected.keys().filter(|(of, _)| *of == connection).map(|(_, c)| c);
        let currencies: std::collections::BTreeSet<_> = of_this.chain(booked.keys()).collect();
        for currency in currencies {
            let held = expected.get(&(connection, currency.clone())).copied().unwrap_or_default();
            let owed = -booked.get(currency).copied().unwrap_or_default();
            findings.expect(held == owed, || {
                format!("{connection} holds {held} {currency}, and the ledger says {owed}")
            });
        }
    }
    let sums: Vec<_> = expected
        .iter()
        .map(|((connection, currency), sum)| format!("{connection} {} {currency}", sum.normalize()))
        .collect();
    findings.of("the ledger sums to zero and to the PSPs' books", sums.join(", "))
}

/// `{"EUR": "1.00"}` as decimals.
fn balances(value: &serde_json::Value) -> BTreeMap<String, Decimal> {
    let pairs = value.as_object().into_iter().flatten();
    let parsed = |(currency, amount): (&String, &serde_json::Value)| {
        Some((currency.clone(), amount.as_str()?.parse().ok()?))
    };
    pairs.filter_map(parsed).collect()
}
