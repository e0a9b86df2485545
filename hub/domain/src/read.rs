//! What the faces of the hub ask of the state. Nothing here decides anything.
use crate::State;
use crate::accounts::Account;
use crate::actions::Action;
use crate::breach::{self, Breach, RuleStanding};
use crate::client::{Client, Erased, Purchase, Restriction};
use crate::connections::ConnectionStatus;
use crate::deposit::{Deposit, DepositStatus};
use crate::kyc::Kyc;
use crate::provisioning::Provisioning;
use crate::state::Config;
use crate::wallet::Balances;
use hub_schemas::events::client::{ClientRegistered, Stage};
use hub_schemas::{
    AccountId, ActionId, ClientId, ConnectionId, Currency, PaymentId, ProvisioningId,
};
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;

/// One client, as the card shows it (C2).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientCard<'a> {
    /// Who.
    pub client: &'a ClientId,
    /// Where the client stands.
    pub stage: Stage,
    /// As registered: entity, country, source, and personal fields as sealed text.
    pub registered: &'a ClientRegistered,
    /// When, Unix milliseconds.
    pub registered_ms: i64,
    /// Verification: vendor, applicant, answer and reasons.
    pub kyc: &'a Kyc,
    /// Held back, if so.
    pub restriction: Option<&'a Restriction>,
    /// Erased, if so: personal fields cannot be read any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<&'a Erased>,
    /// When the first deposit was credited, Unix milliseconds.
    pub first_deposit_ms: Option<i64>,
    /// When the first position was opened, Unix milliseconds.
    pub first_trade_ms: Option<i64>,
    /// The wallet, by currency.
    pub wallet: BTreeMap<Currency, Decimal>,
    /// Deposits with their attempts, in the order in which they were asked for.
    pub deposits: Vec<PaymentView<'a>>,
    /// Evaluations bought, by the shop's id.
    pub purchases: &'a BTreeMap<String, Purchase>,
    /// Requests for accounts, in order.
    pub provisionings: Vec<(&'a ProvisioningId, &'a Provisioning)>,
    /// Accounts, in the order in which they were opened.
    pub accounts: Vec<AccountView<'a>>,
}

/// A deposit with how it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PaymentView<'a> {
    /// Which.
    pub payment: &'a PaymentId,
    /// How it stands.
    pub status: DepositStatus,
    /// Everything else.
    #[serde(flatten)]
    pub deposit: &'a Deposit,
}

/// An account with how its rules stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccountView<'a> {
    /// Which.
    pub account: &'a AccountId,
    /// What is known of it.
    #[serde(flatten)]
    pub known: &'a Account,
    /// Each rule's floor and headroom, for a prop account that is funded and seen.
    pub rules: Vec<RuleStanding>,
}

impl State {
    /// The rules in force.
    pub fn config(&self) -> &Config {
        &self.config
    }
    /// One client.
    pub fn client(&self, id: &ClientId) -> Option<&Client> {
        self.clients.get(id)
    }
    /// Every client, by id.
    pub fn clients(&self) -> impl Iterator<Item = (&ClientId, &Client)> {
        self.clients.iter()
    }
    /// One client's card.
    pub fn client_card(&self, id: &ClientId) -> Option<ClientCard<'_>> {
        let (id, client) = self.clients.get_key_value(id)?;
        let provisionings = client.provisionings.iter();
        Some(ClientCard {
            client: id,
            stage: client.stage,
            registered: &client.registered,
            registered_ms: client.registered_ms,
            kyc: &client.kyc,
            restriction: client.restriction.as_ref(),
            erased: self.erased.get(id),
            first_deposit_ms: client.funding.first_ms,
            first_trade_ms: client.trading.first_ms,
            wallet: self.wallet.of_client(id),
            deposits: client.deposits.iter().filter_map(|one| self.payment(one)).collect(),
            purchases: &client.purchases,
            provisionings: provisionings
                .filter_map(|one| self.provisionings.get_key_value(one))
                .collect(),
            accounts: client.accounts.iter().filter_map(|one| self.account(one)).collect(),
        })
    }
    /// One deposit.
    pub fn payment(&self, id: &PaymentId) -> Option<PaymentView<'_>> {
        let (payment, deposit) = self.deposits.get_key_value(id)?;
        Some(PaymentView { payment, status: deposit.status(), deposit })
    }
    /// Every deposit, by id.
    pub fn payments(&self) -> impl Iterator<Item = PaymentView<'_>> {
        self.deposits.iter().map(|(payment, deposit)| PaymentView {
            payment,
            status: deposit.status(),
            deposit,
        })
    }
    /// One account.
    pub fn account(&self, id: &AccountId) -> Option<AccountView<'_>> {
        let (account, known) = self.accounts.get_key_value(id)?;
        Some(AccountView { account, known, rules: breach::standings(self, known) })
    }
    /// Every account, by id.
    pub fn accounts(&self) -> impl Iterator<Item = AccountView<'_>> {
        self.accounts.iter().map(|(account, known)| AccountView {
            account,
            known,
            rules: breach::standings(self, known),
        })
    }
    /// One breach.
    pub fn breach(&self, id: &str) -> Option<&Breach> {
        self.breaches.get(id)
    }
    /// Every breach, by id.
    pub fn breaches(&self) -> impl Iterator<Item = &Breach> {
        self.breaches.values()
    }
    /// Every balance of the ledger.
    pub fn ledger(&self) -> &Balances {
        self.wallet.balances()
    }
    /// A client's balances by currency.
    pub fn balances_of(&self, client: &ClientId) -> BTreeMap<Currency, Decimal> {
        self.wallet.of_client(client)
    }
    /// The sum over the whole ledger by currency: zero, always.
    pub fn ledger_total(&self) -> BTreeMap<Currency, Decimal> {
        self.wallet.total()
    }
    /// One action.
    pub fn action(&self, id: &ActionId) -> Option<&Action> {
        self.actions.get(id)
    }
    /// Actions that have not ended, by id.
    pub fn open_actions(&self) -> impl Iterator<Item = (&ActionId, &Action)> {
        self.actions.open()
    }
    /// Timers that are set, with the time at which each is due in Unix milliseconds, by name.
    pub fn timers(&self) -> impl Iterator<Item = (&str, i64)> {
        self.timers.iter()
    }
    /// One request for an account.
    pub fn provisioning(&self, id: &ProvisioningId) -> Option<&Provisioning> {
        self.provisionings.get(id)
    }
    /// Every request for an account, by id.
    pub fn provisionings(&self) -> impl Iterator<Item = (&ProvisioningId, &Provisioning)> {
        self.provisionings.iter()
    }
    /// What stands in the way of a connection: nothing, by default.
    pub fn connection(&self, id: &ConnectionId) -> ConnectionStatus {
        self.connections.status(id)
    }
    /// How a payment would be routed now, and why: asks nobody.
    pub fn explain_route(&self, query: &crate::routing::Query<'_>) -> crate::routing::Route {
        crate::routing::route(&self.config.rules, &self.connections, query)
    }
}
