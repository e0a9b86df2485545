//! Verification: who is verified where, and what the vendor's answers do (K1, K4, K8).
//!
//! Vendors send facts out of order, so each is placed by its own time: one that is older than the
//! newest applied changes nothing. Of two at the same moment an answer outranks a review, and a
//! rejection an approval, so that the order of arrival does not matter.
mod decide;

use crate::actions::Purpose;
use crate::client::{Client, Restriction};
use crate::{Event, State};
pub(crate) use decide::decide;
use hub_schemas::events::action::ActionError;
use hub_schemas::events::kyc::{KycRejected, KycRequested};
use hub_schemas::events::rules::ClientCondition;
use hub_schemas::manifest::Kind;
use hub_schemas::{ClientId, ConnectionId, Payload};
use serde::{Deserialize, Serialize};

/// A vendor that has not answered for so long is asked: webhooks can be lost for good.
pub const KYC_CHECK_AFTER_MS: i64 = 6 * 60 * 60 * 1000;
/// Questions asked over one verification: 30 days. Who has not finished by then starts again.
pub const KYC_CHECKS_MAX: u32 = 120;

/// How far verification has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KycStatus {
    /// Not asked for.
    #[default]
    None,
    /// Asked for; the vendor does not know the client yet.
    Requested,
    /// The client has not finished.
    Started,
    /// The vendor is looking.
    InReview,
    /// Passed.
    Approved,
    /// Not passed; may resubmit.
    Rejected,
    /// Not passed, for good.
    RejectedFinal,
}

/// A client's verification.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kyc {
    /// How far it has come.
    pub status: KycStatus,
    /// At which vendor.
    pub connection: Option<ConnectionId>,
    /// The vendor's level.
    pub level: Option<String>,
    /// The rule that asked or filled in.
    pub rule: Option<String>,
    /// The vendor's id of the client.
    pub applicant: Option<String>,
    /// The vendor's labels of the last rejection.
    pub reasons: Vec<String>,
    /// Why the vendor could not be asked, the last time.
    pub error: Option<ActionError>,
    /// When it was passed first, Unix milliseconds.
    pub approved_ms: Option<i64>,
    /// [`State::folded`] then.
    pub(crate) approved_at: u64,
    /// Requests so far.
    pub requests: u32,
    /// Questions for the result so far, and how many there were when this request began.
    pub checks: u32,
    pub(crate) checks_before: u32,
    /// Time and rank of the newest fact applied.
    newest: Option<(i64, u8)>,
    /// [`State::folded`] at the last request that was accepted.
    accepted_at: u64,
}

impl Kyc {
    /// The vendor has not answered yet, and can be asked.
    fn unanswered(&self) -> bool {
        matches!(self.status, KycStatus::Requested | KycStatus::Started | KycStatus::InReview)
    }
    /// Places a vendor's fact: false if it is older than what is known.
    fn is_news(&self, time_ms: i64, rank: u8) -> bool {
        self.newest.is_none_or(|newest| (time_ms, rank) >= newest)
    }
    /// Why verification cannot be asked for now.
    fn not_now(&self) -> Option<&'static str> {
        match self.status {
            KycStatus::None | KycStatus::Rejected => None,
            // The vendor could not be asked: try again.
            KycStatus::Requested if self.error.is_some() => None,
            KycStatus::Requested | KycStatus::Started | KycStatus::InReview => {
                Some("verification is under way already")
            }
            KycStatus::Approved => Some("verification was passed already"),
            KycStatus::RejectedFinal => Some("verification was rejected for good"),
        }
    }
}

/// A vendor's fact, with its rank among facts of the same moment.
fn told(payload: &Payload) -> Option<(&ClientId, &str, u8)> {
    match payload {
        Payload::KycReviewStarted(d) => Some((&d.client, &d.applicant, 0)),
        Payload::KycApproved(d) => Some((&d.client, &d.applicant, 1)),
        Payload::KycRejected(d) => Some((&d.client, &d.applicant, 2)),
        _ => None,
    }
}

pub(crate) fn evolve(state: &mut State, event: &Event) {
    let about = match &event.payload {
        Payload::KycRequested(d) => Some(&d.client),
        Payload::KycApplicantCreated(d) => Some(&d.client),
        payload => told(payload).map(|(client, ..)| client),
    };
    // What comes after a client was erased comes too late.
    if about.is_some_and(|client| state.erased.contains_key(client)) {
        return;
    }
    match &event.payload {
        Payload::KycRequested(d) => requested(state, d),
        Payload::KycApplicantCreated(d) => {
            let Some(client) = state.clients.get_mut(&d.client) else { return };
            client.kyc.applicant = Some(d.applicant.clone());
            if matches!(client.kyc.status, KycStatus::None | KycStatus::Requested) {
                client.kyc.status = KycStatus::Started;
                client.kyc.error = None;
            }
            if let (None, Some(connection)) = (&client.kyc.connection, &event.connection) {
                client.kyc.connection = Some(connection.clone());
            }
        }
        Payload::ActionRequested(_) | Payload::ActionFailed(_) => of_action(state, event),
        payload => {
            let Some((id, applicant, rank)) = told(payload) else { return };
            let folded = state.folded;
            let Some(client) = state.clients.get_mut(id) else { return };
            if client.kyc.is_news(event.time_ms, rank) && !closed(&client.kyc, payload) {
                client.kyc.newest = Some((event.time_ms, rank));
                client.kyc.applicant.get_or_insert_with(|| applicant.to_owned());
                apply(client, event, folded);
            }
        }
    }
}

/// After a final rejection nothing but the same is accepted.
fn closed(kyc: &Kyc, fact: &Payload) -> bool {
    kyc.status == KycStatus::RejectedFinal
        && !matches!(fact, Payload::KycRejected(KycRejected { r#final: true, .. }))
}

fn apply(client: &mut Client, event: &Event, folded: u64) {
    let kyc = &mut client.kyc;
    kyc.error = None;
    match &event.payload {
        Payload::KycReviewStarted(_) => kyc.status = KycStatus::InReview,
        Payload::KycApproved(_) => {
            kyc.status = KycStatus::Approved;
            if kyc.approved_ms.is_none() {
                kyc.approved_ms = Some(event.time_ms);
                kyc.approved_at = folded;
            }
        }
        Payload::KycRejected(d) => {
            kyc.status = if d.r#final { KycStatus::RejectedFinal } else { KycStatus::Rejected };
            kyc.reasons.clone_from(&d.reasons);
            // K8: what was granted on the approval stops at once.
            if kyc.approved_ms.is_some() && client.restriction.is_none() {
                let reason = format!("KYC was rejected after an approval ({})", event.id());
                client.restriction = Some(Restriction { reason, since_ms: event.time_ms });
            }
        }
        _ => {}
    }
}

fn requested(state: &mut State, d: &KycRequested) {
    let Some(client) = state.clients.get(&d.client) else { return };
    if client.kyc.not_now().is_some() {
        return;
    }
    let Ok((connection, level, rule)) = resolve(state, client, d) else { return };
    let folded = state.folded;
    let Some(client) = state.clients.get_mut(&d.client) else { return };
    let kyc = &mut client.kyc;
    kyc.status = KycStatus::Requested;
    kyc.connection = Some(connection);
    kyc.level = Some(level);
    kyc.rule = rule;
    kyc.error = None;
    kyc.requests += 1;
    kyc.checks_before = kyc.checks;
    kyc.accepted_at = folded;
}

/// Vendor, level and rule of a request: what it says, filled in from the rules.
fn resolve(
    state: &State,
    client: &Client,
    d: &KycRequested,
) -> Result<(ConnectionId, String, Option<String>), String> {
    let rules = &state.config.rules;
    let rule = rules.kyc.iter().find(|rule| {
        matches(&rule.when, client) && d.connection.as_ref().is_none_or(|c| *c == rule.connection)
    });
    let connection = d.connection.as_ref().or(rule.map(|rule| &rule.connection));
    let connection = connection.ok_or("no [[kyc]] rule matches the client; name a connection")?;
    if !rules.connections.iter().any(|c| c.id == *connection && c.kind == Kind::Kyc) {
        return Err(format!("{connection} is not a KYC connection of this hub"));
    }
    let level = d.level.as_ref().or(rule.map(|rule| &rule.level));
    let level = level.ok_or_else(|| format!("no [[kyc]] rule gives a level at {connection}"))?;
    let rule = d.rule.clone().or(rule.map(|rule| rule.name.clone()));
    Ok((connection.clone(), level.clone(), rule))
}

/// A condition's test.
pub(crate) fn matches(when: &ClientCondition, client: &Client) -> bool {
    let of = &client.registered;
    when.entity.as_ref().is_none_or(|entity| *entity == of.entity)
        && when.country.as_ref().is_none_or(|countries| countries.contains(&of.country))
}

fn of_action(state: &mut State, event: &Event) {
    let (id, error) = match &event.payload {
        Payload::ActionRequested(d) => (&d.action, None),
        Payload::ActionFailed(d) => (&d.action, Some(&d.error)),
        _ => return,
    };
    let (client, asks) = match state.actions.purpose(id) {
        Some(Purpose::Applicant { client }) => (client, false),
        Some(Purpose::KycResult { client, .. }) => (client, true),
        _ => return,
    };
    let Some(client) = state.clients.get_mut(client) else { return };
    match error {
        Some(error) => client.kyc.error = Some(error.clone()),
        None if asks => client.kyc.checks += 1,
        None => {}
    }
}

/// Why a fact about the client's verification is refused, if it is. Asked after it was folded.
pub(crate) fn refusal(state: &State, client: &Client, event: &Event) -> Option<String> {
    let kyc = &client.kyc;
    match &event.payload {
        Payload::KycRequested(_) if kyc.accepted_at == state.folded => None,
        Payload::KycRequested(d) => match kyc.not_now() {
            Some(reason) => Some(reason.to_owned()),
            None => resolve(state, client, d).err(),
        },
        fact => {
            let (_, _, rank) = told(fact)?;
            let refused = kyc.is_news(event.time_ms, rank) && closed(kyc, fact);
            refused.then(|| "verification was rejected for good".to_owned())
        }
    }
}
