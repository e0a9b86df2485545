//! Trading accounts: what is known of each.
use crate::breach::Watch;
use crate::{Event, State};
use hub_schemas::events::account::{AccountEquity, AccountOpened};
use hub_schemas::events::action::ActionError;
use hub_schemas::{ClientId, ConnectionId, Currency, Money, Payload, ProvisioningId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A trading account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Whose.
    pub client: ClientId,
    /// On which platform.
    pub connection: ConnectionId,
    /// The request it answers.
    pub provisioning: ProvisioningId,
    /// In which group.
    pub group: String,
    /// In which currency.
    pub currency: Currency,
    /// The programme, if it is a prop account.
    pub programme: Option<String>,
    /// When it was opened, Unix milliseconds.
    pub opened_ms: i64,
    /// The opening balance, once it is there.
    pub funded: Option<Funded>,
    /// The newest state by the platform's time.
    pub latest: Option<Latest>,
    /// No trading any more.
    pub disabled: Option<Disabled>,
    /// The platform would not disable it: a person must.
    pub disable_failed: Option<DisableFailed>,
    /// The programme's rules, watched over.
    pub watch: Option<Watch>,
    /// [`State::folded`] at the opening.
    pub(crate) opened_at: u64,
}

/// The opening balance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Funded {
    /// How much.
    pub amount: Money,
    /// The platform's ticket.
    pub ticket: String,
    /// When, Unix milliseconds.
    pub time_ms: i64,
}

/// A platform's state of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    /// The platform's time, Unix milliseconds.
    pub time_ms: i64,
    /// Closed balance.
    pub balance: Decimal,
    /// With floating profit.
    pub equity: Decimal,
    /// Bonus credit.
    pub credit: Decimal,
    /// Margin in use, where known.
    pub margin: Option<Decimal>,
}

/// Why and since when an account may not trade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disabled {
    /// Why.
    pub reason: String,
    /// The breach, if that is why.
    pub breach: Option<String>,
    /// When, Unix milliseconds.
    pub time_ms: i64,
}

/// What stood in the way of disabling an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DisableFailed {
    /// The breach, if that is why it was to be disabled.
    pub breach: Option<String>,
    /// What the platform said.
    pub error: ActionError,
    /// When, Unix milliseconds.
    pub time_ms: i64,
}

impl Account {
    fn new(d: &AccountOpened, event: &Event, folded: u64) -> Self {
        Self {
            client: d.client.clone(),
            connection: d.connection.clone(),
            provisioning: d.provisioning.clone(),
            group: d.group.clone(),
            currency: d.currency,
            programme: d.programme.clone(),
            opened_ms: event.time_ms,
            funded: None,
            latest: None,
            disabled: None,
            disable_failed: None,
            watch: None,
            opened_at: folded,
        }
    }
    fn see(&mut self, d: &AccountEquity, time_ms: i64) {
        if self.latest.as_ref().is_none_or(|latest| latest.time_ms <= time_ms) {
            let AccountEquity { balance, equity, credit, margin, .. } = *d;
            self.latest = Some(Latest { time_ms, balance, equity, credit, margin });
        }
    }
}

pub(crate) fn evolve(state: &mut State, event: &Event) {
    let time_ms = event.time_ms;
    let accounts = &mut state.accounts;
    match &event.payload {
        Payload::AccountOpened(d) if !accounts.contains_key(&d.account) => {
            accounts.insert(d.account.clone(), Account::new(d, event, state.folded));
            if let Some(client) = state.clients.get_mut(&d.client) {
                client.accounts.push(d.account.clone());
            }
        }
        Payload::AccountEquity(d) => {
            if let Some(account) = accounts.get_mut(&d.account) {
                account.see(d, time_ms);
            }
        }
        Payload::AccountFunded(d) => {
            let Some(account) = accounts.get_mut(&d.account) else { return };
            account.funded.get_or_insert_with(|| Funded {
                amount: d.amount,
                ticket: d.ticket.clone(),
                time_ms,
            });
        }
        Payload::AccountDisabled(d) => {
            let Some(account) = accounts.get_mut(&d.account) else { return };
            let (reason, breach) = (d.reason.clone(), d.breach.clone());
            account.disabled.get_or_insert(Disabled { reason, breach, time_ms });
        }
        Payload::AccountDisableFailed(d) => {
            if let Some(account) = accounts.get_mut(&d.account) {
                let (breach, error) = (d.breach.clone(), d.error.clone());
                account.disable_failed = Some(DisableFailed { breach, error, time_ms });
            }
        }
        _ => {}
    }
}
