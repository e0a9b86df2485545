//! What follows from facts about verification.
use super::{KYC_CHECK_AFTER_MS, KYC_CHECKS_MAX, KycStatus, matches};
use crate::actions::{Purpose, request};
use crate::client::Client;
use crate::{Event, NewEvent, State, ids};
use hub_schemas::actions::kyc::{Applicant, CreateApplicant, GetResult, KycResult};
use hub_schemas::events::action::ActionKind;
use hub_schemas::events::kyc::{
    KycApplicantCreated, KycApproved, KycRejected, KycRequested, KycReviewStarted,
};
use hub_schemas::events::ops::TimerSet;
use hub_schemas::{ClientId, Payload};
use serde::Deserialize;

pub(crate) fn decide(state: &State, event: &Event, out: &mut Vec<NewEvent>) {
    match &event.payload {
        Payload::ClientRegistered(d) => at_registration(state, &d.client, out),
        Payload::KycRequested(d) => create_applicant(state, &d.client, out),
        Payload::KycApplicantCreated(d) => wake(state, &d.client, event, out),
        Payload::KycReviewStarted(d) => wake(state, &d.client, event, out),
        Payload::TimerElapsed(d) if state.timers.due_ms(&d.timer).is_none() => {
            overdue(state, &d.timer, event, out);
        }
        Payload::ActionCompleted(d) => match state.actions.purpose(&d.action) {
            Some(Purpose::Applicant { client }) => {
                created(state, client, Applicant::deserialize(&d.result).ok(), out);
            }
            Some(Purpose::KycResult { client, applicant }) => {
                answered(state, client, applicant, KycResult::deserialize(&d.result).ok(), out);
            }
            _ => {}
        },
        _ => {}
    }
}

fn at_registration(state: &State, id: &ClientId, out: &mut Vec<NewEvent>) {
    let Some(client) = state.clients.get(id).filter(|c| c.registered_at == state.folded) else {
        return;
    };
    let mut rules = state.config.rules.kyc.iter();
    let Some(rule) = rules.find(|rule| matches(&rule.when, client)) else { return };
    if rule.at_registration {
        let requested = KycRequested {
            client: id.clone(),
            connection: Some(rule.connection.clone()),
            level: Some(rule.level.clone()),
            rule: Some(rule.name.clone()),
        };
        let entity = Some(&client.registered.entity);
        out.push(NewEvent::new(requested, id).over(&rule.connection).of(entity));
    }
}

fn create_applicant(state: &State, id: &ClientId, out: &mut Vec<NewEvent>) {
    let Some(client) = state.clients.get(id).filter(|c| c.kyc.accepted_at == state.folded) else {
        return;
    };
    let (Some(connection), Some(level)) = (&client.kyc.connection, &client.kyc.level) else {
        return;
    };
    let of = &client.registered;
    let wanted = CreateApplicant {
        client: id.clone(),
        level: level.clone(),
        country: Some(of.country),
        email: of.email.clone(),
        phone: of.phone.clone(),
        first_name: of.first_name.clone(),
        last_name: of.last_name.clone(),
    };
    let action = ids::applicant(id, client.kyc.requests);
    let asked = request(action, ActionKind::KycCreateApplicant, connection, &wanted);
    out.push(NewEvent::new(asked, id).over(connection).of(Some(&of.entity)));
}

fn created(state: &State, id: &ClientId, answer: Option<Applicant>, out: &mut Vec<NewEvent>) {
    let (Some(client), Some(answer)) = (state.clients.get(id), answer) else { return };
    let known = client.kyc.applicant.as_ref() == Some(&answer.applicant);
    if known && client.kyc.status != KycStatus::Requested {
        return;
    }
    let created = KycApplicantCreated { client: id.clone(), applicant: answer.applicant };
    out.push(told_by_action(created, id, client));
}

fn told_by_action(payload: impl Into<Payload>, id: &ClientId, client: &Client) -> NewEvent {
    let new = NewEvent::new(payload, id).of(Some(&client.registered.entity));
    match &client.kyc.connection {
        Some(connection) => new.over(connection),
        None => new,
    }
}

fn timer(client: &ClientId) -> String {
    format!("kyc/{client}")
}

/// Sets the timer, while an answer is awaited and none is set.
fn wake(state: &State, id: &ClientId, event: &Event, out: &mut Vec<NewEvent>) {
    let Some(client) = state.clients.get(id) else { return };
    let timer = timer(id);
    if !state.erased.contains_key(id)
        && client.kyc.unanswered()
        && state.timers.due_ms(&timer).is_none()
    {
        let at_ms = event.recorded_ms.saturating_add(KYC_CHECK_AFTER_MS);
        let set = TimerSet { timer, at_ms };
        out.push(NewEvent::new(set, id).of(Some(&client.registered.entity)));
    }
}

fn overdue(state: &State, timer: &str, event: &Event, out: &mut Vec<NewEvent>) {
    let Some(id) = timer.strip_prefix("kyc/").and_then(|id| ClientId::new(id).ok()) else {
        return;
    };
    if state.erased.contains_key(&id) {
        return;
    }
    let Some(client) = state.clients.get(&id).filter(|client| client.kyc.unanswered()) else {
        return;
    };
    let kyc = &client.kyc;
    let (Some(connection), Some(applicant)) = (&kyc.connection, &kyc.applicant) else { return };
    if kyc.checks.saturating_sub(kyc.checks_before) >= KYC_CHECKS_MAX {
        return;
    }
    if !state.actions.is_open(&ids::kyc_result(&id, kyc.checks)) {
        let action = ids::kyc_result(&id, kyc.checks + 1);
        let wanted = GetResult { client: id.clone(), applicant: applicant.clone() };
        let asked = request(action, ActionKind::KycGetResult, connection, &wanted);
        let entity = Some(&client.registered.entity);
        out.push(NewEvent::new(asked, &id).over(connection).of(entity));
    }
    wake(state, &id, event, out);
}

/// The answer to the hub's own question counts only while no webhook has brought one.
fn answered(
    state: &State,
    id: &ClientId,
    applicant: &str,
    answer: Option<KycResult>,
    out: &mut Vec<NewEvent>,
) {
    let Some(client) = state.clients.get(id).filter(|c| c.kyc.unanswered()) else { return };
    let (client_id, applicant) = (id.clone(), applicant.to_owned());
    let payload: Payload = match answer {
        Some(KycResult::InReview) if client.kyc.status != KycStatus::InReview => {
            KycReviewStarted { client: client_id, applicant }.into()
        }
        Some(KycResult::Approved) => {
            KycApproved { client: client_id, applicant, level: client.kyc.level.clone() }.into()
        }
        Some(KycResult::Rejected { r#final, reasons }) => {
            KycRejected { client: client_id, applicant, r#final, reasons }.into()
        }
        Some(KycResult::Started | KycResult::InReview) | None => return,
    };
    out.push(told_by_action(payload, id, client));
}
