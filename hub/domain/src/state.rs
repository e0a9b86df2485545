//! Everything that follows from the log so far, and the two functions that everything rests on.
use crate::accounts::Account;
use crate::actions::{self, Actions};
use crate::breach::{self, Breach};
use crate::client::{self, Client, Erased};
use crate::connections::{self, Connections};
use crate::deposit::{self, Deposit};
use crate::provisioning::{self, Provisioning};
use crate::timers::{self, Timers};
use crate::wallet::{self, Wallet};
use crate::{Event, NewEvent, accounts, kyc};
use hub_schemas::events::rules::{Programme, RuleSet};
use hub_schemas::{AccountId, ClientId, ConnectionId, Payload, PaymentId, ProvisioningId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The fold over the log. Its JSON is the same after a replay, byte for byte: every map is ordered.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Events folded in so far, decisions included. Facts of one step share a sequence; this tells
    /// a decider whether the event at hand is the one that changed something.
    pub(crate) folded: u64,
    pub(crate) config: Config,
    pub(crate) clients: BTreeMap<ClientId, Client>,
    /// Clients whose keys are destroyed, or about to be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) erased: BTreeMap<ClientId, Erased>,
    pub(crate) deposits: BTreeMap<PaymentId, Deposit>,
    pub(crate) wallet: Wallet,
    pub(crate) provisionings: BTreeMap<ProvisioningId, Provisioning>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    /// Programmes as they were when somebody bought them, by `{rules version}/{programme}`.
    pub(crate) frozen: BTreeMap<String, Programme>,
    pub(crate) breaches: BTreeMap<String, Breach>,
    pub(crate) actions: Actions,
    pub(crate) timers: Timers,
    pub(crate) connections: Connections,
}

/// The rules in force.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Their digest, from `config.applied`; empty before the first.
    pub version: String,
    /// The rules.
    pub rules: RuleSet,
}

impl Config {
    /// The connection's connector exports a capability.
    pub(crate) fn can(&self, connection: &ConnectionId, capability: &str) -> bool {
        let facts = self.rules.connections.iter().find(|facts| facts.id == *connection);
        facts.is_some_and(|facts| facts.capabilities.iter().any(|one| one == capability))
    }
}

impl State {
    /// Folds an event in: the only way in which state changes. A fact that changes nothing (a
    /// repetition, one that is too late or not allowed) leaves everything but the count as it was.
    pub fn evolve(&mut self, event: &Event) {
        self.folded += 1;
        if let Payload::ConfigApplied(applied) = &event.payload {
            self.config = Config { version: applied.version.clone(), rules: applied.rules.clone() };
        }
        connections::evolve(self, event);
        timers::evolve(self, event);
        actions::evolve(self, event);
        // Before the deposits: whether a credit is the first of its deposit is asked here.
        client::evolve(self, event);
        kyc::evolve(self, event);
        deposit::evolve(self, event);
        wallet::evolve(self, event);
        provisioning::evolve(self, event);
        accounts::evolve(self, event);
        breach::evolve(self, event);
        client::settle(self, event);
    }

    /// What follows from an event that has just been folded in. Changes nothing.
    pub fn decide(&self, event: &Event) -> Vec<NewEvent> {
        let mut out = Vec::new();
        client::decide(self, event, &mut out);
        kyc::decide(self, event, &mut out);
        deposit::decide(self, event, &mut out);
        wallet::decide(self, event, &mut out);
        provisioning::decide(self, event, &mut out);
        breach::decide(self, event, &mut out);
        out
    }
}
