//! `[[route]]`: can every rule be reached, and choose somebody?
use super::{Check, covers, covers_list, duration_ms};
use hub_schemas::events::rules::{PaymentCondition, RouteRule};
use hub_schemas::manifest::Kind;
use rust_decimal::Decimal;

pub(super) fn check(check: &mut Check<'_>) {
    let routes = &check.rules.routes;
    let names = routes.iter().map(|one| one.name.as_str());
    check.unique(names, |i| format!("route[{i}].name"), "a route's name");
    for (place, route) in routes.iter().enumerate() {
        let path = format!("route[{place}]");
        condition(check, &path, &route.when);
        uses(check, &path, route);
        fallback(check, &path, route);
        let earlier = routes[..place].iter().position(|one| takes_all(&one.when, &route.when));
        if let Some(earlier) = earlier {
            let name = &routes[earlier].name;
            let message = format!(
                "never reached: route[{earlier}] ({name}) stands before it and takes every \
                 payment that it would; move it up or narrow that one"
            );
            check.problem(path, message);
        }
    }
}

fn takes_all(wide: &PaymentCondition, narrow: &PaymentCondition) -> bool {
    covers(&wide.kind, &narrow.kind)
        && covers(&wide.entity, &narrow.entity)
        && covers(&wide.method, &narrow.method)
        && covers_list(&wide.country, &narrow.country)
        && covers(&wide.amount, &narrow.amount)
}

fn condition(check: &mut Check<'_>, path: &str, when: &PaymentCondition) {
    if when.country.as_ref().is_some_and(Vec::is_empty) {
        let message = "the list is empty and matches nobody: name countries or leave it out";
        check.problem(format!("{path}.when.country"), message);
    }
    let Some(band) = &when.amount else { return };
    if let (Some(min), Some(max)) = (band.min, band.max)
        && min > max
    {
        let message = format!("min {min} is above max {max}: no amount fits; swap them");
        check.problem(format!("{path}.when.amount"), message);
    }
    for (end, value) in [("min", band.min), ("max", band.max)] {
        if value.is_some_and(|value| value < Decimal::ZERO) {
            let message = "is negative: payments are not; write a positive amount";
            check.problem(format!("{path}.when.amount.{end}"), message);
        }
    }
}

fn uses(check: &mut Check<'_>, path: &str, route: &RouteRule) {
    let path = format!("{path}.use.connections");
    let connections = &route.r#use.connections;
    if connections.is_empty() {
        check.problem(&path, "the list is empty: name at least one PSP connection");
    }
    for (place, id) in connections.iter().enumerate() {
        let path = format!("{path}[{place}]");
        check.connection(&path, id, Kind::Psp, route.when.entity.as_ref());
        if connections[..place].contains(id) {
            let message = format!("{id} is in the list already, and is asked once: leave it out");
            check.problem(path, message);
        }
    }
}

fn fallback(check: &mut Check<'_>, path: &str, route: &RouteRule) {
    let Some(fallback) = &route.fallback else { return };
    if fallback.attempts_max == 0 {
        let message = "is 0, and the first PSP counts: write 2 or more, or leave fallback out";
        check.problem(format!("{path}.fallback.attempts_max"), message);
    }
    if let Err(message) = duration_ms(&fallback.within) {
        check.problem(format!("{path}.fallback.within"), message);
    }
}
