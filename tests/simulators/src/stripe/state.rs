//! What Stripe holds, and the transitions. Every change and the events it causes happen under one lock.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cards::Outcome;
use super::objects::{API_VERSION, ChargeBook, DisputeBook, PaymentBook, PayoutBook, RefundBook};
use crate::idempotency::Keys;
use crate::{Clock, Ids, SimError};

/// How long Stripe keeps an `Idempotency-Key` (docs.stripe.com/api/idempotent_requests: at least 24 hours).
const KEY_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Everything Stripe holds, for assertions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StripeBooks {
    /// In order of creation.
    pub payments: Vec<PaymentBook>,
    /// In order of creation.
    pub refunds: Vec<RefundBook>,
    /// In order of creation.
    pub payouts: Vec<PayoutBook>,
    /// In order of creation.
    pub disputes: Vec<DisputeBook>,
    /// Available money by currency, in minor units. No fees are taken.
    pub balance: BTreeMap<String, i64>,
    /// Authenticated calls by operation, replays included.
    pub calls: BTreeMap<String, u64>,
    /// Answers replayed for an `Idempotency-Key`.
    pub replays: u64,
}

impl StripeBooks {
    /// The payments whose metadata holds this.
    pub fn payments_with<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
    ) -> impl Iterator<Item = &'a PaymentBook> {
        self.payments
            .iter()
            .filter(move |payment| payment.metadata.get(key).is_some_and(|v| v == value))
    }
}

/// One event, as `GET /v1/events` and the webhook give it.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub created: i64,
    pub json: Value,
}

/// Something that Stripe does by itself later.
#[derive(Debug, Clone)]
pub enum Afterwards {
    /// A bank debit clears, or fails with this code.
    Settle { payment: String, failure: Option<String> },
    /// A pending refund succeeds, or a refund fails with this reason.
    Refund { refund: String, failure: Option<String> },
    /// A payout is paid, or fails with this code.
    Payout { payout: String, failure: Option<String> },
    /// The cardholder disputes.
    Dispute { payment: String },
}

#[derive(Debug)]
pub struct State {
    pub books: StripeBooks,
    pub events: Vec<Event>,
    pub keys: Keys,
    pub ids: Ids,
    clock: Clock,
    pub base_url: String,
    /// Who caused the events being made.
    pub request: Option<(String, Option<String>)>,
    /// Events not yet handed to the sender.
    pub outbox: Vec<Event>,
    /// Not yet scheduled.
    pub afterwards: Vec<Afterwards>,
}

impl State {
    pub fn new(seed: u64, clock: Clock, balance: BTreeMap<String, i64>) -> Self {
        Self {
            books: StripeBooks { balance, ..StripeBooks::default() },
            events: vec![],
            keys: Keys::new(KEY_AGE_MAX),
            ids: Ids::new(seed),
            clock,
            base_url: String::new(),
            request: None,
            outbox: vec![],
            afterwards: vec![],
        }
    }

    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    pub fn id(&mut self, prefix: &str) -> String {
        self.ids.alphanumeric(prefix, 24)
    }

    pub fn payment(&self, id: &str) -> Option<usize> {
        self.books.payments.iter().position(|payment| payment.id == id)
    }

    pub fn emit(&mut self, kind: &str, object: Value) {
        let (id, created) = (self.id("evt_"), self.now().as_second());
        let (request, key) = self.request.clone().map_or((None, None), |(id, key)| (Some(id), key));
        let json = json!({
            "id": id, "object": "event", "api_version": API_VERSION, "created": created,
            "data": { "object": object }, "livemode": false, "pending_webhooks": 1,
            "request": { "id": request, "idempotency_key": key }, "type": kind,
        });
        let event = Event { id, kind: kind.to_owned(), created, json };
        self.events.push(event.clone());
        self.outbox.push(event);
    }

    pub fn emit_payment(&mut self, kind: &str, at: usize) {
        let object = self.books.payments[at].json(&self.base_url);
        self.emit(kind, object);
    }

    fn emit_charge(&mut self, kind: &str, at: usize) {
        let payment = &self.books.payments[at];
        if let Some(charge) = payment.charges.last() {
            let object = payment.charge_json(charge);
            self.emit(kind, object);
        }
    }

    pub fn set_status(&mut self, at: usize, status: &str) {
        self.books.payments[at].status = status.to_owned();
    }

    fn charge(&mut self, at: usize, status: &str, decline_code: Option<String>) {
        let (id, created) = (self.id("ch_"), self.now().as_second());
        let charge = ChargeBook {
            id,
            status: status.to_owned(),
            decline_code,
            amount_refunded: 0,
            disputed: false,
            created,
        };
        self.books.payments[at].charges.push(charge);
    }

    fn credit(&mut self, currency: &str, amount: i64) {
        *self.books.balance.entry(currency.to_owned()).or_default() += amount;
    }

    /// The cardholder authenticates, or fails to.
    pub fn authenticate(&mut self, id: &str, succeeds: bool) -> Result<usize, SimError> {
        let at = self
            .payment(id)
            .ok_or_else(|| SimError::Unknown { what: "payment", id: id.to_owned() })?;
        if self.books.payments[at].status != "requires_action" {
            return Err(SimError::Refused(format!("{id} does not wait for its cardholder")));
        }
        if succeeds {
            self.succeed(at);
        } else {
            self.books.payments[at].authentication_failed = true;
            self.set_status(at, "requires_payment_method");
            self.emit_payment("payment_intent.payment_failed", at);
        }
        Ok(at)
    }

    /// Charges a payment's method.
    pub fn confirm(&mut self, at: usize, outcome: Outcome) {
        self.books.payments[at].authentication_failed = false;
        match outcome {
            Outcome::NeedsAuthentication => {
                self.set_status(at, "requires_action");
                self.emit_payment("payment_intent.requires_action", at);
            }
            Outcome::Declines(code) => self.decline(at, code),
            Outcome::ProcessesThenSucceeds => self.process(at, None),
            Outcome::ProcessesThenFails(code) => self.process(at, Some(code)),
            Outcome::Succeeds | Outcome::RefundPending | Outcome::RefundFails => self.succeed(at),
            Outcome::SucceedsThenDisputed => {
                self.succeed(at);
                let payment = self.books.payments[at].id.clone();
                self.afterwards.push(Afterwards::Dispute { payment });
            }
        }
    }

    fn succeed(&mut self, at: usize) {
        self.charge(at, "succeeded", None);
        self.paid(at);
    }

    fn paid(&mut self, at: usize) {
        self.set_status(at, "succeeded");
        let payment = &self.books.payments[at];
        let (currency, amount) = (payment.currency.clone(), payment.amount);
        self.credit(&currency, amount);
        self.emit_charge("charge.succeeded", at);
        self.emit_payment("payment_intent.succeeded", at);
    }

    fn decline(&mut self, at: usize, code: String) {
        self.charge(at, "failed", Some(code));
        self.set_status(at, "requires_payment_method");
        self.emit_charge("charge.failed", at);
        self.emit_payment("payment_intent.payment_failed", at);
    }

    fn process(&mut self, at: usize, failure: Option<String>) {
        self.charge(at, "pending", None);
        self.set_status(at, "processing");
        self.emit_payment("payment_intent.processing", at);
        let payment = self.books.payments[at].id.clone();
        self.afterwards.push(Afterwards::Settle { payment, failure });
    }

    /// Does something that was put off. What became pointless meanwhile is left alone.
    pub fn afterwards(&mut self, what: Afterwards) {
        self.request = None;
        match what {
            Afterwards::Settle { payment, failure } => self.settle(&payment, failure),
            Afterwards::Refund { refund, failure } => self.settle_refund(&refund, failure),
            Afterwards::Payout { payout, failure } => self.settle_payout(&payout, failure),
            // It fails only for a payment that is not paid, which a refund may have caused.
            Afterwards::Dispute { payment } => drop(self.dispute(&payment, "fraudulent")),
        }
    }

    fn settle(&mut self, id: &str, failure: Option<String>) {
        let Some(at) =
            self.payment(id).filter(|at| self.books.payments[*at].status == "processing")
        else {
            return;
        };
        if let Some(charge) = self.books.payments[at].charges.last_mut() {
            charge.status = if failure.is_none() { "succeeded" } else { "failed" }.to_owned();
            charge.decline_code.clone_from(&failure);
        }
        if failure.is_none() {
            self.paid(at);
        } else {
            self.set_status(at, "requires_payment_method");
            self.emit_charge("charge.failed", at);
            self.emit_payment("payment_intent.payment_failed", at);
        }
    }

    /// Books a refund that has passed all checks.
    pub fn refund(&mut self, at: usize, refund: RefundBook, later: Option<Afterwards>) {
        if let Some(charge) = self.books.payments[at].charges.last_mut() {
            charge.amount_refunded += refund.amount;
        }
        self.credit(&refund.currency, -refund.amount);
        let object = refund.json();
        self.books.refunds.push(refund);
        self.emit("refund.created", object.clone());
        self.emit_charge("charge.refunded", at);
        self.emit("refund.updated", object);
        self.afterwards.extend(later);
    }

    /// A pending refund succeeds; or one that is pending or had succeeded fails.
    pub fn settle_refund(&mut self, id: &str, failure: Option<String>) {
        let Some(refund) = self.books.refunds.iter_mut().find(|refund| refund.id == id) else {
            return;
        };
        if refund.status == "failed" || (refund.status == "succeeded" && failure.is_none()) {
            return;
        }
        refund.status = if failure.is_none() { "succeeded" } else { "failed" }.to_owned();
        refund.failure_reason.clone_from(&failure);
        let (object, payment, currency, amount) =
            (refund.json(), refund.payment_intent.clone(), refund.currency.clone(), refund.amount);
        self.emit("refund.updated", object.clone());
        if failure.is_some() {
            // The money comes back to the account, and the charge counts as not refunded again.
            self.credit(&currency, amount);
            if let Some(at) = self.payment(&payment) {
                self.books.payments[at]
                    .charges
                    .iter_mut()
                    .for_each(|c| c.amount_refunded -= amount);
            }
            self.emit("refund.failed", object);
        }
    }

    /// Books a payout that has passed all checks.
    pub fn payout(&mut self, payout: PayoutBook, failure: Option<String>) {
        self.credit(&payout.currency, -payout.amount);
        let later = Afterwards::Payout { payout: payout.id.clone(), failure };
        let object = payout.json();
        self.books.payouts.push(payout);
        self.emit("payout.created", object);
        self.afterwards.push(later);
    }

    /// A payout is paid, or fails and the money comes back.
    pub fn settle_payout(&mut self, id: &str, failure: Option<String>) {
        let Some(payout) = self.books.payouts.iter_mut().find(|payout| payout.id == id) else {
            return;
        };
        // A bank may return a payout that was paid; nothing else changes a settled one.
        if payout.status == "failed" || (payout.status == "paid" && failure.is_none()) {
            return;
        }
        payout.status = if failure.is_none() { "paid" } else { "failed" }.to_owned();
        payout.failure_code.clone_from(&failure);
        let (object, currency, amount) = (payout.json(), payout.currency.clone(), payout.amount);
        if failure.is_some() {
            self.credit(&currency, amount);
        }
        self.emit(if failure.is_none() { "payout.paid" } else { "payout.failed" }, object);
    }

    /// The cardholder disputes the whole payment; gives the dispute's id.
    pub fn dispute(&mut self, payment: &str, reason: &str) -> Result<String, SimError> {
        let at = self
            .payment(payment)
            .ok_or_else(|| SimError::Unknown { what: "payment", id: payment.to_owned() })?;
        let (id, created) = (self.id("dp_"), self.now().as_second());
        let book = &mut self.books.payments[at];
        let paid = book
            .charges
            .last_mut()
            .filter(|charge| charge.status == "succeeded" && !charge.disputed);
        let Some(charge) = paid else {
            return Err(SimError::Refused(format!(
                "{payment} has no charge that could be disputed"
            )));
        };
        charge.disputed = true;
        let dispute = DisputeBook {
            id: id.clone(),
            payment_intent: payment.to_owned(),
            charge: charge.id.clone(),
            amount: book.amount,
            currency: book.currency.clone(),
            reason: reason.to_owned(),
            created,
        };
        self.credit(&dispute.currency, -dispute.amount);
        let object = dispute.json();
        self.books.disputes.push(dispute);
        self.emit("charge.dispute.created", object);
        Ok(id)
    }
}
