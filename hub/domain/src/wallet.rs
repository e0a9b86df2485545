//! The wallet: a double-entry ledger, fed by `wallet.posted` alone (P8).
use crate::{Event, NewEvent, State};
use hub_schemas::events::payment::{LedgerLine, WalletPosted};
use hub_schemas::{ClientId, ConnectionId, Currency, Money, Payload, PaymentId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Balances by ledger account (`client:{id}`, `psp:{connection}`) and currency.
pub type Balances = BTreeMap<String, BTreeMap<Currency, Decimal>>;

/// The ledger.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wallet {
    balances: Balances,
    /// References that were posted: each is posted once.
    posted: BTreeSet<String>,
}

impl Wallet {
    /// Every balance.
    pub fn balances(&self) -> &Balances {
        &self.balances
    }
    /// A client's balances by currency.
    pub fn of_client(&self, client: &ClientId) -> BTreeMap<Currency, Decimal> {
        self.balances.get(&client_account(client)).cloned().unwrap_or_default()
    }
    /// The sum over all accounts by currency: zero, always.
    pub fn total(&self) -> BTreeMap<Currency, Decimal> {
        let mut total = BTreeMap::new();
        for (currency, amount) in self.balances.values().flatten() {
            let sum = total.entry(*currency).or_insert(Decimal::ZERO);
            *sum = sum.saturating_add(*amount);
        }
        total
    }
    /// The balances with the lines in, or nothing if they do not sum to zero in each currency or
    /// a figure would not fit: then none of them is posted.
    fn with(&self, lines: &[LedgerLine]) -> Option<Balances> {
        let mut sums: BTreeMap<Currency, Decimal> = BTreeMap::new();
        let mut changed = Balances::new();
        for LedgerLine { account, amount: Money { amount, currency } } in lines {
            let sum = sums.entry(*currency).or_default();
            *sum = sum.checked_add(*amount)?;
            let now = || self.balances.get(account)?.get(currency).copied();
            let balance = changed
                .entry(account.clone())
                .or_default()
                .entry(*currency)
                .or_insert_with(|| now().unwrap_or_default());
            *balance = balance.checked_add(*amount)?;
        }
        sums.values().all(Decimal::is_zero).then_some(changed)
    }
}

fn client_account(client: &ClientId) -> String {
    format!("client:{client}")
}
fn psp_account(connection: &ConnectionId) -> String {
    format!("psp:{connection}")
}
fn deposit_reference(payment: &PaymentId) -> String {
    format!("deposit:{payment}")
}

pub(crate) fn evolve(state: &mut State, event: &Event) {
    let Payload::WalletPosted(posting) = &event.payload else { return };
    let wallet = &mut state.wallet;
    if wallet.posted.contains(&posting.reference) {
        return;
    }
    if let Some(changed) = wallet.with(&posting.lines) {
        wallet.posted.insert(posting.reference.clone());
        for (account, balances) in changed {
            wallet.balances.entry(account).or_default().extend(balances);
        }
    }
}

pub(crate) fn decide(state: &State, event: &Event, out: &mut Vec<NewEvent>) {
    let Payload::DepositCredited(credited) = &event.payload else { return };
    let reference = deposit_reference(&credited.payment);
    if state.wallet.posted.contains(&reference) {
        return;
    }
    let Money { amount, currency } = credited.amount;
    let line = |account, amount| LedgerLine { account, amount: Money::new(amount, currency) };
    let lines = vec![
        line(client_account(&credited.client), amount),
        line(psp_account(&credited.connection), -amount),
    ];
    out.push(
        NewEvent::new(WalletPosted { reference, lines }, &credited.payment)
            .over(&credited.connection)
            .of(event.entity.as_ref()),
    );
}
