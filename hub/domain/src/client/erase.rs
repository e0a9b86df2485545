//! Erasure (O9): what stands in its way, and that nothing new is begun afterwards.
//!
//! The hub destroys the client's keys once the state says that the client is erased, so whether
//! that may happen is decided here, in the order of the log: a deposit that was asked for a moment
//! before stands in the way, and one that is asked for a moment later is refused.
use crate::actions::Purpose;
use crate::client::Client;
use crate::deposit::DepositStatus;
use crate::provisioning::ProvisioningStatus;
use crate::{Event, NewEvent, State};
use hub_schemas::events::client::{ClientErased, ClientTransitionRefused};
use hub_schemas::{AccountId, ClientId, Payload, PaymentId, ProvisioningId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// That a client was erased.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Erased {
    /// The event that says so.
    pub event: String,
    /// When, Unix milliseconds.
    pub time_ms: i64,
    /// Why.
    pub reason: String,
    /// [`State::folded`] then.
    pub(crate) at: u64,
}

pub(super) fn evolve(state: &mut State, event: &Event, d: &ClientErased) {
    if state.erased.contains_key(&d.client)
        || !state.erasure_blockers(&d.client, d.wallet_settled).is_empty()
    {
        return;
    }
    let erased = Erased {
        event: event.id(),
        time_ms: event.recorded_ms,
        reason: d.reason.clone(),
        at: state.folded,
    };
    state.erased.insert(d.client.clone(), erased);
}

pub(super) fn decide(state: &State, d: &ClientErased, event: &Event, out: &mut Vec<NewEvent>) {
    if state.erased.contains_key(&d.client) {
        return;
    }
    let fact = event.payload.event_type().to_owned();
    let reason = state.erasure_blockers(&d.client, d.wallet_settled).join("; ");
    let refused = ClientTransitionRefused { client: d.client.clone(), fact, reason };
    out.push(NewEvent::new(refused, &d.client).of(event.entity.as_ref()));
}

impl State {
    /// That the client was erased, if so.
    pub fn erased(&self, client: &ClientId) -> Option<&Erased> {
        self.erased.get(client)
    }

    /// Every client that was erased.
    pub fn all_erased(&self) -> impl Iterator<Item = (&ClientId, &Erased)> {
        self.erased.iter()
    }

    /// What must come to its end before the client can be erased, in words; nothing if nothing.
    /// `wallet_settled` says that what the wallet shows was settled outside the hub.
    pub fn erasure_blockers(&self, id: &ClientId, wallet_settled: bool) -> Vec<String> {
        let mut found = Vec::new();
        for (action, open) in self.actions.open() {
            if self.client_of_purpose(&open.purpose, open.request.as_ref()) == Some(id) {
                found.push(format!("action {action} ({}) is open", open.kind.name()));
            }
        }
        let of = self.clients.get(id);
        for payment in of.into_iter().flat_map(|client: &Client| &client.deposits) {
            let Some(deposit) = self.deposits.get(payment) else { continue };
            match deposit.status() {
                DepositStatus::Credited | DepositStatus::Failed => {}
                DepositStatus::Held => found.push(format!("deposit {payment} holds money")),
                _ => found.push(format!("deposit {payment} is open")),
            }
        }
        for provisioning in of.into_iter().flat_map(|client| &client.provisionings) {
            let known = self.provisionings.get(provisioning);
            if known.is_some_and(|one| one.status == ProvisioningStatus::Requested) {
                found.push(format!("account request {provisioning} is open"));
            }
        }
        for (currency, amount) in self.wallet.of_client(id) {
            if !wallet_settled && !amount.is_zero() {
                found.push(format!("the wallet holds {amount} {currency}"));
            }
        }
        found
    }

    /// The client that an event is about, directly or through a payment, an account, a request for
    /// one, or an action; nothing if none is known.
    pub fn client_of(&self, payload: &Payload) -> Option<ClientId> {
        self.client_of_data(&payload.to_value())
    }

    /// As [`State::client_of`], from an event's or a request's JSON.
    pub fn client_of_data(&self, data: &Value) -> Option<ClientId> {
        let text = |name: &str| data.get(name).and_then(Value::as_str);
        if let Some(client) = text("client").and_then(|id| ClientId::new(id).ok()) {
            return Some(client);
        }
        let payment = text("payment").and_then(|id| PaymentId::new(id).ok());
        if let Some(deposit) = payment.and_then(|id| self.deposits.get(&id)) {
            return Some(deposit.client.clone());
        }
        let account = text("account").and_then(|id| AccountId::new(id).ok());
        if let Some(account) = account.and_then(|id| self.accounts.get(&id)) {
            return Some(account.client.clone());
        }
        let provisioning = text("provisioning").and_then(|id| ProvisioningId::new(id).ok());
        if let Some(asked) = provisioning.and_then(|id| self.provisionings.get(&id)) {
            return Some(asked.request.client.clone());
        }
        let action = text("action").and_then(|id| hub_schemas::ActionId::new(id).ok());
        let action = action.and_then(|id| self.actions.get(&id))?;
        self.client_of_purpose(&action.purpose, action.request.as_ref()).cloned()
    }

    fn client_of_purpose<'a>(
        &'a self,
        purpose: &'a Purpose,
        request: Option<&Value>,
    ) -> Option<&'a ClientId> {
        let of_account = |id: &AccountId| self.accounts.get(id).map(|one| &one.client);
        match purpose {
            Purpose::Charge { payment } | Purpose::Refund { payment } => {
                self.deposits.get(payment).map(|one| &one.client)
            }
            Purpose::Applicant { client } | Purpose::KycResult { client, .. } => Some(client),
            Purpose::OpenAccount { provisioning } => {
                self.provisionings.get(provisioning).map(|one| &one.request.client)
            }
            Purpose::Balance { account, .. }
            | Purpose::DisableAccount { account, .. }
            | Purpose::ClosePositions { account } => of_account(account),
            Purpose::Other => {
                let named = request?.get("client").and_then(Value::as_str)?;
                let named = ClientId::new(named).ok()?;
                self.clients.get_key_value(&named).map(|(id, _)| id)
            }
        }
    }
}
