//! Stripe's objects, as JSON in the shape of its published fixtures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cards;

/// The API version that events carry.
pub const API_VERSION: &str = "2025-06-30.basil";

/// A PaymentIntent as the books hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentBook {
    /// `pi_…`
    pub id: String,
    /// `succeeded`, `requires_payment_method`, `requires_action`, `processing`, `canceled` …
    pub status: String,
    /// In Stripe's minor units.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// As given.
    pub metadata: BTreeMap<String, String>,
    /// As given.
    pub description: Option<String>,
    /// The last one tried.
    pub payment_method: Option<String>,
    /// Where a redirect ends.
    pub return_url: Option<String>,
    /// `card` and so on.
    pub payment_method_types: Vec<String>,
    /// The `Idempotency-Key` it was made with.
    pub idempotency_key: Option<String>,
    /// Seconds since the Unix epoch.
    pub created: i64,
    /// Whether the last thing that happened was that the cardholder failed to authenticate.
    pub authentication_failed: bool,
    /// Each attempt to charge, in order.
    pub charges: Vec<ChargeBook>,
}

/// One attempt to charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeBook {
    /// `ch_…`
    pub id: String,
    /// `succeeded`, `failed` or `pending`.
    pub status: String,
    /// Why it failed.
    pub decline_code: Option<String>,
    /// Refunded so far (pending refunds included), in minor units.
    pub amount_refunded: i64,
    /// Whether it is disputed.
    pub disputed: bool,
    /// Seconds since the Unix epoch.
    pub created: i64,
}

/// A refund as the books hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundBook {
    /// `re_…`
    pub id: String,
    /// `pending`, `succeeded` or `failed`.
    pub status: String,
    /// In minor units.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// Of this payment.
    pub payment_intent: String,
    /// Of this charge.
    pub charge: String,
    /// As given.
    pub metadata: BTreeMap<String, String>,
    /// As given.
    pub reason: Option<String>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// Seconds since the Unix epoch.
    pub created: i64,
}

/// A payout as the books hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutBook {
    /// `po_…`
    pub id: String,
    /// `pending`, `paid` or `failed`.
    pub status: String,
    /// In minor units.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// As given.
    pub metadata: BTreeMap<String, String>,
    /// As given.
    pub description: Option<String>,
    /// As given, or the account's own bank account.
    pub destination: String,
    /// `standard` or `instant`.
    pub method: String,
    /// Why it failed.
    pub failure_code: Option<String>,
    /// Seconds since the Unix epoch.
    pub created: i64,
}

/// A dispute as the books hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeBook {
    /// `dp_…`
    pub id: String,
    /// Of this payment.
    pub payment_intent: String,
    /// Of this charge.
    pub charge: String,
    /// In minor units.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// `fraudulent`, `product_not_received` …
    pub reason: String,
    /// Seconds since the Unix epoch.
    pub created: i64,
}

impl PaymentBook {
    /// How many times money was taken: more than 1 is a double charge.
    #[must_use]
    pub fn times_charged(&self) -> usize {
        self.charges.iter().filter(|charge| charge.status == "succeeded").count()
    }

    /// The secret that Stripe.js would use.
    #[must_use]
    pub fn client_secret(&self) -> String {
        format!("{}_secret_{}", self.id, &self.id[self.id.len().saturating_sub(10)..])
    }

    /// The object. `base_url` is where a redirect goes.
    pub(super) fn json(&self, base_url: &str) -> Value {
        let paid = if self.status == "succeeded" { self.amount } else { 0 };
        let next_action = (self.status == "requires_action").then(|| {
            let url = format!("{base_url}/_sim/authenticate/{}", self.id);
            json!({
                "type": "redirect_to_url",
                "redirect_to_url": { "return_url": self.return_url, "url": url },
            })
        });
        let error = self.last_error();
        json!({
            "id": self.id, "object": "payment_intent", "amount": self.amount, "amount_capturable": 0,
            "amount_details": { "tip": {} }, "amount_received": paid, "application": null,
            "application_fee_amount": null, "automatic_payment_methods": null, "canceled_at": null,
            "cancellation_reason": null, "capture_method": "automatic", "client_secret": self.client_secret(),
            "confirmation_method": "automatic", "created": self.created, "currency": self.currency,
            "customer": null, "description": self.description,
            "last_payment_error": error,
            "latest_charge": self.charges.last().map(|charge| &charge.id),
            "livemode": false, "metadata": self.metadata, "next_action": next_action, "on_behalf_of": null,
            // A failed payment method is detached, so that another must be given.
            "payment_method": if error.is_some() { None } else { self.payment_method.as_ref() },
            "payment_method_options": {}, "payment_method_types": self.payment_method_types, "processing": null,
            "receipt_email": null, "review": null, "setup_future_usage": null, "shipping": null, "source": null,
            "statement_descriptor": null, "statement_descriptor_suffix": null, "status": self.status,
            "transfer_data": null, "transfer_group": null,
        })
    }

    /// `last_payment_error` for a failed charge; none if it did not fail.
    fn decline_json(&self, charge: &ChargeBook) -> Option<Value> {
        let decline = charge.decline_code.as_deref()?;
        Some(json!({
            "type": "card_error", "charge": charge.id, "message": cards::message(decline),
            "code": cards::error_code(decline), "decline_code": decline,
            "payment_method": { "id": self.payment_method, "object": "payment_method", "type": "card" },
        }))
    }

    /// What the last attempt failed with, if it did.
    pub(super) fn last_error(&self) -> Option<Value> {
        if self.status != "requires_payment_method" {
            return None;
        }
        if self.authentication_failed {
            return Some(json!({
                "type": "invalid_request_error", "code": "payment_intent_authentication_failure",
                "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data \
                    or a new PaymentMethod to attempt to fulfill this PaymentIntent again.",
                "payment_method": { "id": self.payment_method, "object": "payment_method", "type": "card" },
            }));
        }
        self.charges.last().and_then(|charge| self.decline_json(charge))
    }

    pub(super) fn charge_json(&self, charge: &ChargeBook) -> Value {
        let paid = charge.status == "succeeded";
        let decline = charge.decline_code.as_deref();
        json!({
            "id": charge.id, "object": "charge", "amount": self.amount,
            "amount_captured": if paid { self.amount } else { 0 }, "amount_refunded": charge.amount_refunded,
            "application": null, "application_fee": null, "application_fee_amount": null,
            "balance_transaction": paid.then(|| charge.id.replacen("ch_", "txn_", 1)),
            "billing_details": { "address": null, "email": null, "name": null, "phone": null },
            "captured": paid, "created": charge.created, "currency": self.currency, "customer": null,
            "description": self.description, "disputed": charge.disputed,
            "failure_code": decline.map(cards::error_code), "failure_message": decline.map(cards::message),
            "fraud_details": {}, "livemode": false, "metadata": self.metadata,
            "outcome": {
                "network_status": if decline.is_none() { "approved_by_network" } else { "declined_by_network" },
                "reason": decline, "risk_level": "normal", "seller_message": null,
                "type": if decline.is_none() { "authorized" } else { "issuer_declined" },
            },
            "paid": paid, "payment_intent": self.id, "payment_method": self.payment_method,
            "payment_method_details": {
                "type": "card",
                "card": { "brand": "visa", "country": "US", "funding": "credit", "last4": "4242", "network": "visa" },
            },
            "receipt_email": null, "receipt_number": null, "receipt_url": null,
            "refunded": paid && charge.amount_refunded == self.amount, "review": null, "shipping": null,
            "source": null, "statement_descriptor": null, "status": charge.status, "transfer_group": null,
        })
    }
}

impl RefundBook {
    pub(super) fn json(&self) -> Value {
        let mut refund = json!({
            "id": self.id, "object": "refund", "amount": self.amount, "balance_transaction": null,
            "charge": self.charge, "created": self.created, "currency": self.currency,
            "destination_details": { "card": { "type": "refund" }, "type": "card" }, "metadata": self.metadata,
            "payment_intent": self.payment_intent, "reason": self.reason, "receipt_number": null,
            "source_transfer_reversal": null, "status": self.status, "transfer_reversal": null,
        });
        // The field is absent unless the refund failed.
        if let Some(reason) = &self.failure_reason {
            refund["failure_reason"] = reason.as_str().into();
        }
        refund
    }
}

impl PayoutBook {
    pub(super) fn json(&self) -> Value {
        let failed =
            self.failure_code.as_deref().map(|_| "The bank could not process this payout.");
        json!({
            "id": self.id, "object": "payout", "amount": self.amount, "application_fee": null,
            "application_fee_amount": null, "arrival_date": self.created + 86_400, "automatic": false,
            "balance_transaction": self.id.replacen("po_", "txn_", 1), "created": self.created,
            "currency": self.currency, "description": self.description, "destination": self.destination,
            "failure_balance_transaction": null, "failure_code": self.failure_code, "failure_message": failed,
            "livemode": false, "metadata": self.metadata, "method": self.method, "original_payout": null,
            "reconciliation_status": "not_applicable", "reversed_by": null, "source_type": "card",
            "statement_descriptor": null, "status": self.status, "type": "bank_account",
        })
    }
}

impl DisputeBook {
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id, "object": "dispute", "amount": self.amount, "balance_transactions": [],
            "charge": self.charge, "created": self.created, "currency": self.currency, "evidence": {},
            "evidence_details": {
                "due_by": self.created + 7 * 86_400, "has_evidence": false, "past_due": false,
                "submission_count": 0,
            },
            "is_charge_refundable": false, "livemode": false, "metadata": {},
            "payment_intent": self.payment_intent, "reason": self.reason, "status": "needs_response",
        })
    }
}

/// A page of a list, or of a search with `kind` `search_result`.
pub fn list(kind: &str, url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({ "object": kind, "url": url, "has_more": has_more, "data": data })
}
