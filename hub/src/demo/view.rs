//! What the hub's log has told so far, as far as the day needs to know.
use hub_schemas::CloudEvent;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The source of the engine's decisions.
const ENGINE: &str = "/hub/engine";

/// A fold over the log.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The last event taken in.
    pub last: u64,
    /// The last one that the hub's engine did not decide itself: what it must have decided on.
    pub last_input: u64,
    /// Events by type.
    pub types: BTreeMap<String, u64>,
    clients: BTreeMap<String, ClientView>,
    deposits: BTreeMap<String, &'static str>,
    accounts: BTreeMap<String, AccountView>,
}

/// A client.
#[derive(Debug, Default)]
pub(super) struct ClientView {
    /// The vendor knows the client.
    pub applicant: bool,
    /// Requests for verification.
    pub kyc_requests: u32,
    /// Answers.
    pub approvals: u32,
    /// Answers.
    pub rejections: u32,
    /// Accounts, in the order in which they were opened.
    pub accounts: Vec<String>,
    /// Requests for accounts, and those that came to nothing.
    pub provisionings: u32,
    pub provisionings_failed: u32,
}

/// An account.
#[derive(Debug, Default)]
pub(super) struct AccountView {
    /// The request it answers.
    pub provisioning: String,
    /// The opening balance is there.
    pub funded: bool,
    /// The newest state told of.
    pub equity: Option<Decimal>,
    pub balance: Option<Decimal>,
    /// Rules that were broken.
    pub breaches: BTreeSet<String>,
    /// No trading any more.
    pub disabled: bool,
    /// Deals told of.
    pub deals: BTreeSet<String>,
}

fn text<'a>(data: &'a Value, field: &str) -> &'a str {
    data[field].as_str().unwrap_or_default()
}

impl View {
    /// Takes an event in.
    pub fn take(&mut self, event: &CloudEvent) {
        self.last = event.sequence;
        if event.source != ENGINE {
            self.last_input = event.sequence;
        }
        *self.types.entry(event.event_type.clone()).or_default() += 1;
        let data = &event.data;
        match event.event_type.as_str() {
            "kyc.requested" => self.of_client(data).kyc_requests += 1,
            "kyc.applicant.created" => self.of_client(data).applicant = true,
            "kyc.approved" => self.of_client(data).approvals += 1,
            "kyc.rejected" => self.of_client(data).rejections += 1,
            "provisioning.requested" => self.of_client(data).provisionings += 1,
            "provisioning.failed" => self.of_client(data).provisionings_failed += 1,
            "deposit.credited" => {
                self.deposits.insert(text(data, "payment").to_owned(), "credited");
            }
            "deposit.failed" => {
                self.deposits.entry(text(data, "payment").to_owned()).or_insert("failed");
            }
            "account.opened" => {
                let account = text(data, "account").to_owned();
                self.of_account(data).provisioning = text(data, "provisioning").to_owned();
                self.of_client(data).accounts.push(account);
            }
            "account.funded" => self.of_account(data).funded = true,
            "account.disabled" => self.of_account(data).disabled = true,
            "breach.detected" => {
                let rule = text(data, "rule").to_owned();
                self.of_account(data).breaches.insert(rule);
            }
            "account.equity" => {
                let account = self.of_account(data);
                account.equity = text(data, "equity").parse().ok();
                account.balance = text(data, "balance").parse().ok();
            }
            "account.deal" => {
                let deal = text(data, "deal").to_owned();
                self.of_account(data).deals.insert(deal);
            }
            _ => {}
        }
    }

    fn of_client(&mut self, data: &Value) -> &mut ClientView {
        self.clients.entry(text(data, "client").to_owned()).or_default()
    }
    fn of_account(&mut self, data: &Value) -> &mut AccountView {
        self.accounts.entry(text(data, "account").to_owned()).or_default()
    }

    /// A client, if anything was told of one.
    pub fn client(&self, id: &str) -> Option<&ClientView> {
        self.clients.get(id)
    }
    /// An account.
    pub fn account(&self, id: &str) -> Option<&AccountView> {
        self.accounts.get(id)
    }
    /// Every account, by id.
    pub fn accounts(&self) -> impl Iterator<Item = (&String, &AccountView)> {
        self.accounts.iter()
    }
    /// How a deposit ended, if it did: `credited` or `failed`.
    pub fn deposit(&self, payment: &str) -> Option<&'static str> {
        self.deposits.get(payment).copied()
    }
    /// Events of a type.
    pub fn count(&self, event_type: &str) -> u64 {
        self.types.get(event_type).copied().unwrap_or(0)
    }

    /// What is known of something, for a message.
    pub fn seen(&self, about: &str) -> String {
        let client = self.clients.get(about).map(|client| format!("{client:?}"));
        let account = || self.accounts.get(about).map(|account| format!("{account:?}"));
        let deposit = || self.deposits.get(about).map(|end| format!("the deposit was {end}"));
        let what = client.or_else(account).or_else(deposit);
        let what = what.unwrap_or_else(|| format!("nothing about {about}"));
        format!("{what}, in a log of {} events", self.last)
    }
}
