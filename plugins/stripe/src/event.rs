//! One Stripe event to one canonical event: the same for a webhook and for a poll, with the same
//! id, so that what arrives both ways counts once.
use crate::object::{Dispute, PaymentIntent, Payout, Refund, payment_of};
use crate::{map, money};
use hub_plugin_sdk::actions::psp::PaymentStatus;
use hub_plugin_sdk::events::payment::{
    PaymentDisputed, PaymentFailed, PaymentForeign, PaymentPending, PaymentRefundFailed,
    PaymentRefunded, PaymentSucceeded, PayoutFailed, PayoutPaid,
};
use hub_plugin_sdk::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;

/// docs.stripe.com/api/events/object
#[derive(Debug, Deserialize)]
pub(crate) struct StripeEvent<'a> {
    pub(crate) id: String,
    #[serde(rename = "type")]
    kind: String,
    /// Unix seconds.
    created: i64,
    pub(crate) livemode: bool,
    /// The connected account that the event happened in (Connect only).
    #[serde(default)]
    account: Option<String>,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Debug, Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    object: &'a RawValue,
}

/// The types that become canonical events: what a webhook endpoint must be subscribed to, and
/// what a poll asks for (Stripe takes at most 20).
pub(crate) const TYPES: [&str; 13] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refund.updated",
    "charge.dispute.created",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
];

/// Types of the families that move money, which say nothing that the types above do not say.
/// `charge.succeeded` and `charge.refunded` among them: the payment intent's and the refund's own
/// events are the one source of truth.
const IRRELEVANT: [&str; 19] = [
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
    "payment_intent.amount_capturable_updated",
    "payment_intent.created",
    "payment_intent.partially_funded",
    "payout.created",
    "payout.reconciliation_completed",
    "payout.updated",
    "balance.available",
    "ping",
];

/// Families that have nothing to do with deposits and withdrawals (docs.stripe.com/api/events/types).
const IRRELEVANT_FAMILIES: [&str; 49] = [
    "account.",
    "application_fee.",
    "balance_settings.",
    "billing.",
    "billing_portal.",
    "capability.",
    "cash_balance.",
    "checkout.",
    "climate.",
    "coupon.",
    "credit_note.",
    "customer.",
    "customer_cash_balance_transaction.",
    "entitlements.",
    "file.",
    "financial_connections.",
    "identity.",
    "invoice.",
    "invoice_payment.",
    "invoiceitem.",
    "issuing_authorization.",
    "issuing_card.",
    "issuing_cardholder.",
    "issuing_dispute.",
    "issuing_personalization_design.",
    "issuing_token.",
    "issuing_transaction.",
    "mandate.",
    "payment_link.",
    "payment_method.",
    "person.",
    "plan.",
    "price.",
    "product.",
    "promotion_code.",
    "quote.",
    "radar.",
    "reporting.",
    "review.",
    "setup_intent.",
    "sigma.",
    "source.",
    "subscription_schedule.",
    "tax.",
    "tax_rate.",
    "terminal.",
    "test_helpers.",
    "topup.",
    "transfer.",
];

impl StripeEvent<'_> {
    /// The canonical event, or nothing if the type is known and says nothing of interest.
    pub(crate) fn read(&self, live: bool) -> Result<Option<Event>, Error> {
        self.check_origin(live)?;
        let (id, payload) = match self.kind.as_str() {
            kind if kind.starts_with("payment_intent.") && TYPES.contains(&kind) => {
                (self.id.clone(), self.payment(&self.object()?)?)
            }
            "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
                match refund(&self.object()?)? {
                    Some(told) => told,
                    None => return Ok(None),
                }
            }
            "charge.dispute.created" => (self.id.clone(), dispute(self.object()?)?),
            kind @ ("payout.paid" | "payout.failed" | "payout.canceled") => {
                match payout(kind, self.object()?)? {
                    Some(payload) => (self.id.clone(), payload),
                    None => return Ok(None),
                }
            }
            kind if irrelevant(kind) => return Ok(None),
            kind => {
                return Err(Error::NotUnderstood(format!(
                    "event {}: this version does not know Stripe's event type {kind:?}",
                    self.id
                )));
            }
        };
        let created_ms = self.created.checked_mul(1_000).ok_or_else(|| {
            Error::NotUnderstood(format!("event {}: created is out of range", self.id))
        })?;
        Ok(Some(Event::new(payload).id(id).at_ms(created_ms)))
    }

    /// Says that there is an event which this version cannot read: for a poll, where no delivery
    /// can go to quarantine. Its id is not Stripe's, so that a later version may still tell what
    /// the event says.
    pub(crate) fn unread(&self) -> Event {
        let (vendor_payment, vendor_type) = (self.id.clone(), self.kind.clone());
        Event::new(PaymentForeign { vendor_payment, vendor_type, amount: None })
            .id(format!("{}:unread", self.id))
    }

    /// A signature only says that Stripe sent it: not that it is of this mode and this account.
    fn check_origin(&self, live: bool) -> Result<(), Error> {
        if self.livemode != live {
            return Err(Error::NotUnderstood(format!(
                "event {} is of {} mode, and the connection is of {} mode: check which endpoint \
                 calls it",
                self.id,
                mode(self.livemode),
                mode(live)
            )));
        }
        if let Some(account) = &self.account {
            return Err(Error::NotUnderstood(format!(
                "event {} happened in connected account {account}, whose owner decides what it \
                 says: give the connection an endpoint that listens to your own account",
                self.id
            )));
        }
        Ok(())
    }

    fn object<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_str(self.data.object.get()).map_err(|error| {
            Error::NotUnderstood(format!(
                "event {} ({}): its object does not have the documented shape: {error}",
                self.id, self.kind
            ))
        })
    }

    fn payment(&self, intent: &PaymentIntent) -> Result<Payload, Error> {
        let vendor_payment = intent.id.clone();
        let Some(payment) = payment_of(&intent.metadata) else {
            let minor = intent.amount_received.filter(|got| *got > 0).unwrap_or(intent.amount);
            let amount = Some(money::from_minor(minor, &intent.currency)?);
            let vendor_type = self.kind.clone();
            return Ok(PaymentForeign { vendor_payment, vendor_type, amount }.into());
        };
        Ok(match self.kind.as_str() {
            "payment_intent.succeeded" => {
                let amount = money::from_minor(map::taken(intent)?, &intent.currency)?;
                PaymentSucceeded { payment, vendor_payment, amount }.into()
            }
            "payment_intent.payment_failed" => {
                let decline = map::last_decline(intent);
                PaymentFailed { payment, vendor_payment, decline }.into()
            }
            "payment_intent.canceled" => {
                let decline = map::cancelled(intent);
                PaymentFailed { payment, vendor_payment, decline }.into()
            }
            kind => {
                let requires_action = kind == "payment_intent.requires_action";
                PaymentPending { payment, vendor_payment, requires_action }.into()
            }
        })
    }
}

fn mode(live: bool) -> &'static str {
    if live { "live" } else { "test" }
}

fn irrelevant(kind: &str) -> bool {
    IRRELEVANT.contains(&kind) || IRRELEVANT_FAMILIES.iter().any(|family| kind.starts_with(family))
}

/// Stripe tells of one refund many times: created, updated (even when just a bank reference was
/// added), failed, and once more under the older `charge.refund.updated`. So the id is the refund
/// and its end, and the hub drops what it knows.
fn refund(refund: &Refund) -> Result<Option<(String, Payload)>, Error> {
    let vendor_payment =
        refund.payment_intent.clone().or_else(|| refund.charge.clone()).ok_or_else(|| {
            Error::NotUnderstood(format!("refund {} names no payment", refund.id))
        })?;
    let payment = payment_of(&refund.metadata);
    let vendor_refund = refund.id.clone();
    let status = refund.status.as_deref();
    Ok(match map::refund_status(status)? {
        PaymentStatus::Succeeded => {
            let amount = money::from_minor(refund.amount, &refund.currency)?;
            let told = PaymentRefunded { payment, vendor_payment, vendor_refund, amount };
            Some((format!("{}:succeeded", refund.id), told.into()))
        }
        PaymentStatus::Failed => {
            let reason = refund.failure_reason.as_deref().or(status).unwrap_or("failed").to_owned();
            let told = PaymentRefundFailed { payment, vendor_payment, vendor_refund, reason };
            Some((format!("{}:failed", refund.id), told.into()))
        }
        PaymentStatus::Pending | PaymentStatus::RequiresAction => None,
    })
}

fn dispute(dispute: Dispute) -> Result<Payload, Error> {
    Ok(PaymentDisputed {
        payment: payment_of(&dispute.metadata),
        vendor_payment: dispute.payment_intent.unwrap_or(dispute.charge),
        vendor_dispute: dispute.id,
        amount: money::from_minor(dispute.amount, &dispute.currency)?,
        reason: dispute.reason,
    }
    .into())
}

/// Nothing for Stripe's scheduled payouts: they pay the broker, not a client.
fn payout(kind: &str, payout: Payout) -> Result<Option<Payload>, Error> {
    if payout.automatic {
        return Ok(None);
    }
    let payment = payment_of(&payout.metadata);
    let amount = money::from_minor(payout.amount, &payout.currency)?;
    let vendor_payout = payout.id;
    Ok(Some(match kind {
        "payout.paid" => PayoutPaid { payment, vendor_payout, amount }.into(),
        _ => {
            let reason = payout.failure_code.or(payout.failure_message).unwrap_or(payout.status);
            PayoutFailed { payment, vendor_payout, amount, reason }.into()
        }
    }))
}
