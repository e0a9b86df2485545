//! Does a rule match a payment, and if not, which of its conditions does not hold?
use super::Query;
use hub_schemas::Country;
use hub_schemas::events::rules::{AmountBand, PaymentCondition, PaymentKind};

/// The conditions that do not hold, in words; empty if the rule matches.
pub(super) fn unmet(when: &PaymentCondition, query: &Query<'_>) -> Vec<String> {
    let mut unmet = Vec::new();
    if let Some(kind) = when.kind.filter(|kind| *kind != query.kind) {
        unmet.push(format!("{} is not a {}", name(query.kind), name(kind)));
    }
    if let Some(entity) = when.entity.as_ref().filter(|entity| *entity != query.entity) {
        unmet.push(format!("entity {} is not {entity}", query.entity));
    }
    if let Some(method) = when.method.as_ref().filter(|method| *method != query.method) {
        unmet.push(format!("method {} is not {method}", query.method));
    }
    if let Some(countries) = when.country.as_ref().filter(|all| !all.contains(&query.country)) {
        unmet.push(format!("country {} is not one of {}", query.country, list(countries)));
    }
    if let Some(band) = &when.amount {
        unmet.extend(outside(band, query));
    }
    unmet
}

fn outside(band: &AmountBand, query: &Query<'_>) -> Option<String> {
    let amount = &query.amount;
    if amount.currency != band.currency {
        return Some(format!("{amount} is not in {}", band.currency));
    }
    let (min, max) = (band.min, band.max);
    if let Some(min) = min.filter(|min| amount.amount < *min) {
        return Some(format!("{amount} is below {min}"));
    }
    max.filter(|max| amount.amount > *max).map(|max| format!("{amount} is above {max}"))
}

fn name(kind: PaymentKind) -> &'static str {
    match kind {
        PaymentKind::Deposit => "deposit",
        PaymentKind::Withdrawal => "withdrawal",
    }
}

fn list(countries: &[Country]) -> String {
    countries.iter().map(Country::as_str).collect::<Vec<_>>().join(", ")
}
