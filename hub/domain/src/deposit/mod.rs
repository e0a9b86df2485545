//! Deposits: asked for, routed, attempted at PSPs, credited once (P1, P3, P4).
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the deposit and its fold |
//! | `outcome.rs` | what a PSP said of an attempt, by webhook or as an action's result |
//! | `attempt.rs` | the next PSP, or the end |
//! | `credit.rs` | money that was taken |
//!
//! Invariants: a deposit is credited at most once; no PSP is asked while the outcome of another
//! is unknown; what a PSP took is credited, refunded or held, and never forgotten.
mod attempt;
mod credit;
mod outcome;

use crate::{Event, NewEvent, State};
use hub_schemas::events::action::ActionError;
use hub_schemas::events::payment::{DepositRequested, PaymentRouted};
use hub_schemas::{ActionId, ClientId, ConnectionId, Country, Decline, EntityId, Money, Payload};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A deposit that got no final answer from its PSP ends after so long; money that is taken later
/// is credited all the same.
pub const DEPOSIT_EXPIRES_AFTER_MS: i64 = 24 * 60 * 60 * 1000;

/// A deposit over every attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deposit {
    /// Who pays.
    pub client: ClientId,
    /// The client's entity; nothing if the client is unknown.
    pub entity: Option<EntityId>,
    /// What is asked.
    pub amount: Money,
    /// How, such as `card`.
    pub method: String,
    /// The vendors' tokens of the method.
    pub method_tokens: BTreeMap<ConnectionId, String>,
    /// Where the payment comes from.
    pub country: Option<Country>,
    /// Where a vendor sends the client back.
    pub return_url: Option<String>,
    /// When it happened, Unix milliseconds.
    pub requested_ms: i64,
    /// When it was recorded, Unix milliseconds.
    pub recorded_ms: i64,
    /// PSPs asked, in order.
    pub attempts: Vec<Attempt>,
    /// The money that counts.
    pub credited: Option<Credit>,
    /// Why it ended without money; kept when money comes after all.
    pub failed: Option<Failure>,
    /// The amount that a PSP took instead of the one asked.
    pub mismatch: Option<Money>,
    /// Money that a further PSP took, by connection: refunded.
    pub duplicates: BTreeMap<ConnectionId, Charge>,
}

/// A PSP asked for a deposit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first.
    pub attempt: u32,
    /// Which PSP.
    pub connection: ConnectionId,
    /// The action that charges.
    pub action: ActionId,
    /// How it stands.
    pub status: AttemptStatus,
    /// The vendor's id of the payment.
    pub vendor_payment: Option<String>,
    /// Where the client must go, if it must.
    pub redirect_url: Option<String>,
    /// Why it was declined.
    pub decline: Option<Decline>,
    /// Why the PSP could not be asked, or why the outcome is unknown.
    pub error: Option<ActionError>,
}

/// How an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// The PSP has not answered.
    Asked,
    /// The PSP will say later.
    Pending,
    /// The client must act at the vendor's page.
    RequiresAction,
    /// The money is taken.
    Succeeded,
    /// The PSP said no.
    Declined,
    /// The PSP could not be asked; nothing was charged.
    Errored,
    /// Nobody knows whether money moved.
    Unknown,
}

impl AttemptStatus {
    /// The PSP may still say yes or no.
    fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Pending | Self::RequiresAction | Self::Unknown)
    }
}

/// Money that was credited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credit {
    /// Who took it.
    pub connection: ConnectionId,
    /// That vendor's id of the payment.
    pub vendor_payment: String,
    /// How much.
    pub amount: Money,
    /// When, Unix milliseconds.
    pub time_ms: i64,
}

/// Money that was taken too much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Charge {
    /// The vendor's id of the payment.
    pub vendor_payment: String,
    /// How much.
    pub amount: Money,
}

/// Why a deposit ended without money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// In words.
    pub reason: String,
    /// The last decline, if it came to one.
    pub decline: Option<Decline>,
    /// When, Unix milliseconds.
    pub time_ms: i64,
}

/// How a deposit stands, derived from its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DepositStatus {
    /// A PSP is being asked.
    Processing,
    /// A PSP will say later.
    Pending,
    /// The client must act at the vendor's page.
    RequiresAction,
    /// Nobody knows whether money moved: a webhook or a person will tell.
    Unknown,
    /// Money was taken that cannot be credited as it is: finance must look.
    Held,
    /// In the client's wallet.
    Credited,
    /// Nobody took it, and nobody will be asked any more.
    Failed,
}

impl Deposit {
    /// How it stands.
    pub fn status(&self) -> DepositStatus {
        if self.credited.is_some() {
            return DepositStatus::Credited;
        }
        if self.mismatch.is_some() {
            return DepositStatus::Held;
        }
        if self.failed.is_some() {
            return DepositStatus::Failed;
        }
        match self.attempts.last().map(|attempt| attempt.status) {
            Some(AttemptStatus::Pending) => DepositStatus::Pending,
            Some(AttemptStatus::RequiresAction) => DepositStatus::RequiresAction,
            Some(AttemptStatus::Unknown) => DepositStatus::Unknown,
            _ => DepositStatus::Processing,
        }
    }
    /// No money yet, and no end either.
    fn is_open(&self) -> bool {
        self.credited.is_none() && self.mismatch.is_none() && self.failed.is_none()
    }
    fn new(d: &DepositRequested, event: &Event, of: Option<(&EntityId, Country)>) -> Self {
        Self {
            client: d.client.clone(),
            entity: of.map(|(entity, _)| entity.clone()),
            amount: d.amount,
            method: d.method.clone(),
            method_tokens: d.method_tokens.clone(),
            country: d.country.or(of.map(|(_, country)| country)),
            return_url: d.return_url.clone(),
            requested_ms: event.time_ms,
            recorded_ms: event.recorded_ms,
            attempts: Vec::new(),
            credited: None,
            failed: None,
            mismatch: None,
            duplicates: BTreeMap::new(),
        }
    }
}

pub(crate) fn evolve(state: &mut State, event: &Event) {
    match &event.payload {
        Payload::DepositRequested(d) if !state.deposits.contains_key(&d.payment) => {
            let client = state.clients.get(&d.client).map(|client| &client.registered);
            let of = client.map(|client| (&client.entity, client.country));
            state.deposits.insert(d.payment.clone(), Deposit::new(d, event, of));
        }
        Payload::PaymentRouted(d) => routed(state, d),
        Payload::DepositCredited(d) => {
            let Some(deposit) = state.deposits.get_mut(&d.payment) else { return };
            deposit.credited.get_or_insert_with(|| Credit {
                connection: d.connection.clone(),
                vendor_payment: d.vendor_payment.clone(),
                amount: d.amount,
                time_ms: event.time_ms,
            });
        }
        Payload::DepositFailed(d) => {
            let Some(deposit) = state.deposits.get_mut(&d.payment) else { return };
            deposit.failed.get_or_insert_with(|| Failure {
                reason: d.reason.clone(),
                decline: d.decline.clone(),
                time_ms: event.time_ms,
            });
        }
        Payload::PaymentAmountMismatch(d) => {
            if let Some(deposit) = state.deposits.get_mut(&d.payment) {
                deposit.mismatch.get_or_insert(d.taken);
            }
        }
        Payload::PaymentDuplicateCharge(d) => {
            let Some(deposit) = state.deposits.get_mut(&d.payment) else { return };
            deposit.duplicates.entry(d.connection.clone()).or_insert_with(|| Charge {
                vendor_payment: d.vendor_payment.clone(),
                amount: d.amount,
            });
        }
        _ => outcome::evolve(state, event),
    }
}

fn routed(state: &mut State, d: &PaymentRouted) {
    let Some(deposit) = state.deposits.get_mut(&d.payment) else { return };
    let Some(connection) = &d.chosen else { return };
    if deposit.attempts.iter().any(|known| known.attempt == d.attempt) {
        return;
    }
    deposit.attempts.push(Attempt {
        attempt: d.attempt,
        connection: connection.clone(),
        action: crate::ids::charge(&d.payment, d.attempt),
        status: AttemptStatus::Asked,
        vendor_payment: None,
        redirect_url: None,
        decline: None,
        error: None,
    });
}

pub(crate) fn decide(state: &State, event: &Event, out: &mut Vec<NewEvent>) {
    match &event.payload {
        Payload::DepositRequested(d) => attempt::first(state, &d.payment, out),
        Payload::PaymentRouted(d) => attempt::charge(state, d, out),
        Payload::TimerElapsed(d) => attempt::expire(state, &d.timer, out),
        _ => outcome::decide(state, event, out),
    }
}
