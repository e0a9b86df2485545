//! Clients: facets folded from facts, and the stage that is derived from them (C1).
//!
//! `evolve` keeps the facets; `settle` runs after every module has folded the event in, and
//! derives the stage again; `decide` tells of a stage that changed and of facts that could not
//! change anything.
mod erase;
mod stage;

use crate::kyc::Kyc;
use crate::{Event, NewEvent, State, kyc};
pub use erase::Erased;
use hub_schemas::events::account::DealKind;
use hub_schemas::events::client::{
    ClientRegistered, ClientStageChanged, ClientTransitionRefused, Stage,
};
use hub_schemas::{AccountId, ClientId, Payload, PaymentId, ProvisioningId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A client: the facets, and what belongs to the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// As registered. Personal fields are sealed text, exactly as they came.
    pub registered: ClientRegistered,
    /// When, Unix milliseconds.
    pub registered_ms: i64,
    /// Where the client stands, derived from the facets below.
    pub stage: Stage,
    /// Verification.
    pub kyc: Kyc,
    /// Money in.
    pub funding: Funding,
    /// Trading.
    pub trading: Trading,
    /// Held back, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restriction: Option<Restriction>,
    /// Deposits, in the order in which they were asked for.
    pub deposits: Vec<PaymentId>,
    /// Requests for accounts, in order.
    pub provisionings: Vec<ProvisioningId>,
    /// Accounts, in the order in which they were opened.
    pub accounts: Vec<AccountId>,
    /// Purchases of evaluations, by the shop's id.
    pub purchases: BTreeMap<String, Purchase>,
    /// The last change of stage.
    pub(crate) moved: Option<Moved>,
    /// [`State::folded`] at the registration.
    pub(crate) registered_at: u64,
}

/// Money in.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Funding {
    /// Deposits credited so far.
    pub credited: u32,
    /// When the first was, Unix milliseconds.
    pub first_ms: Option<i64>,
    /// The last deposit that came to an end failed.
    pub last_failed: bool,
}

/// Trading.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trading {
    /// When the first position was opened, Unix milliseconds.
    pub first_ms: Option<i64>,
}

/// Why a client is held back. Only a person lifts it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restriction {
    /// In words.
    pub reason: String,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
}

/// An evaluation that was bought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Purchase {
    /// Which programme.
    pub programme: String,
    /// The rules in force at the purchase.
    pub rules_version: String,
    /// The one request for an account that it may lead to, once the client is verified.
    pub provisioning: ProvisioningId,
    /// When, Unix milliseconds.
    pub time_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moved {
    /// [`State::folded`] at the change.
    at: u64,
    from: Stage,
}

impl Client {
    fn new(registered: ClientRegistered, registered_ms: i64, folded: u64) -> Self {
        Self {
            registered,
            registered_ms,
            stage: Stage::Registered,
            kyc: Kyc::default(),
            funding: Funding::default(),
            trading: Trading::default(),
            restriction: None,
            deposits: Vec::new(),
            provisionings: Vec::new(),
            accounts: Vec::new(),
            purchases: BTreeMap::new(),
            moved: None,
            registered_at: folded,
        }
    }
}

pub(crate) fn evolve(state: &mut State, event: &Event) {
    match &event.payload {
        Payload::ClientErased(d) => erase::evolve(state, event, d),
        Payload::ClientRegistered(d)
            if !state.clients.contains_key(&d.client) && !state.erased.contains_key(&d.client) =>
        {
            let client = Client::new(d.clone(), event.time_ms, state.folded);
            state.clients.insert(d.client.clone(), client);
        }
        Payload::DepositRequested(d) if !state.deposits.contains_key(&d.payment) => {
            if let Some(client) = state.clients.get_mut(&d.client) {
                client.deposits.push(d.payment.clone());
            }
        }
        Payload::DepositCredited(d) if state.first_credit(&d.payment) => {
            if let Some(client) = state.clients.get_mut(&d.client) {
                client.funding.credited += 1;
                client.funding.first_ms.get_or_insert(event.time_ms);
                client.funding.last_failed = false;
            }
        }
        Payload::DepositFailed(d) => {
            if let Some(client) = state.clients.get_mut(&d.client) {
                client.funding.last_failed = true;
            }
        }
        Payload::AccountDeal(d) if d.kind == DealKind::Open => {
            let owner = state.accounts.get(&d.account).map(|account| &account.client);
            if let Some(client) = owner.and_then(|owner| state.clients.get_mut(owner)) {
                client.trading.first_ms.get_or_insert(event.time_ms);
            }
        }
        _ => {}
    }
}

impl State {
    /// The deposit is there and has not been credited yet.
    fn first_credit(&self, payment: &PaymentId) -> bool {
        self.deposits.get(payment).is_some_and(|deposit| deposit.credited.is_none())
    }
    /// The client whose stage the event may move.
    fn moves<'a>(&'a self, payload: &'a Payload) -> Option<&'a ClientId> {
        match payload {
            Payload::KycRequested(d) => Some(&d.client),
            Payload::KycApplicantCreated(d) => Some(&d.client),
            Payload::KycReviewStarted(d) => Some(&d.client),
            Payload::KycApproved(d) => Some(&d.client),
            Payload::KycRejected(d) => Some(&d.client),
            Payload::DepositCredited(d) => Some(&d.client),
            Payload::DepositFailed(d) => Some(&d.client),
            Payload::AccountDeal(d) if d.kind == DealKind::Open => {
                self.accounts.get(&d.account).map(|account| &account.client)
            }
            _ => None,
        }
    }
}

/// Derives the stage again, after every facet has been folded.
pub(crate) fn settle(state: &mut State, event: &Event) {
    let Some(id) = state.moves(&event.payload).cloned() else { return };
    let Some(client) = state.clients.get_mut(&id) else { return };
    let stage = stage::derive(client);
    if stage != client.stage {
        client.moved = Some(Moved { at: state.folded, from: client.stage });
        client.stage = stage;
    }
}

pub(crate) fn decide(state: &State, event: &Event, out: &mut Vec<NewEvent>) {
    if let Payload::ClientErased(d) = &event.payload {
        return erase::decide(state, d, event, out);
    }
    if let Some((client, reason)) = refusal(state, event) {
        let fact = event.payload.event_type().to_owned();
        let refused = ClientTransitionRefused { client: client.clone(), fact, reason };
        out.push(NewEvent::new(refused, client).of(event.entity.as_ref()));
        return;
    }
    let Some(id) = state.moves(&event.payload) else { return };
    let Some(client) = state.clients.get(id) else { return };
    let Some(moved) = client.moved.as_ref().filter(|moved| moved.at == state.folded) else {
        return;
    };
    let changed = ClientStageChanged {
        client: id.clone(),
        from: moved.from,
        to: client.stage,
        because: stage::because(event),
    };
    out.push(NewEvent::new(changed, id).of(Some(&client.registered.entity)));
}

/// Why a fact about a client changes nothing, if it asks for something that is not allowed.
/// A repetition asks for nothing, and one that is older than what is known is merely late.
fn refusal<'a>(state: &State, event: &'a Event) -> Option<(&'a ClientId, String)> {
    let id = match &event.payload {
        Payload::ClientRegistered(d) if !state.erased.contains_key(&d.client) => {
            return reregistration(state, d).map(|r| (&d.client, r));
        }
        Payload::ClientRegistered(d) => &d.client,
        Payload::KycRequested(d) => &d.client,
        Payload::KycApplicantCreated(d) => &d.client,
        Payload::KycReviewStarted(d) => &d.client,
        Payload::KycApproved(d) => &d.client,
        Payload::KycRejected(d) => &d.client,
        Payload::ChallengePurchased(d) => &d.client,
        _ => return None,
    };
    if let Some(erased) = state.erased.get(id) {
        return Some((id, format!("the client was erased ({})", erased.event)));
    }
    let reason = match state.clients.get(id) {
        None => Some("no such client is registered; send client.registered first".to_owned()),
        Some(client) => kyc::refusal(state, client, event)
            .or_else(|| crate::provisioning::refusal(state, client, &event.payload)),
    };
    reason.map(|reason| (id, reason))
}

/// Registered once: what was said then is locked (C4). Personal fields are not compared, since the
/// same text is sealed differently each time.
fn reregistration(state: &State, again: &ClientRegistered) -> Option<String> {
    let first = &state.clients.get(&again.client)?.registered;
    let same = (&first.entity, first.country, &first.source)
        == (&again.entity, again.country, &again.source);
    let reason = "is registered already with another entity, country or source, which stays locked";
    (!same).then(|| reason.to_owned())
}
