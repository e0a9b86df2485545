//! One notification item to one canonical event. Source of the event codes:
//! `adyen/Webhooks-v1.json` and docs.adyen.com/development-resources/webhooks/webhook-types.
use crate::object::Item;
use crate::{map, money};
use hub_plugin_sdk::events::payment::{
    PaymentDisputed, PaymentFailed, PaymentForeign, PaymentRefundFailed, PaymentRefunded,
    PaymentSucceeded, PayoutFailed, PayoutPaid,
};
use hub_plugin_sdk::prelude::*;

/// An `eventDate`, which is not signed, may be ahead of the hub's clock by so much.
const CLOCK_SKEW_MS: i64 = 300_000;

/// Codes that change nothing here: what is won back of a dispute, what surrounds it, modifications
/// that are asked for but not made, reports, tokens.
const IRRELEVANT: [&str; 32] = [
    "ACH_NOTIFICATION_OF_CHANGE",
    "AUTHENTICATION",
    "AUTHORISATION_ADJUSTMENT",
    "AUTORESCUE",
    "CANCEL_AUTORESCUE",
    "CAPTURE",
    "CHARGEBACK_REVERSED",
    "DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION",
    "DISPUTE_DEFENSE_PERIOD_ENDED",
    "HANDLED_EXTERNALLY",
    "INFORMATION_SUPPLIED",
    "ISSUER_COMMENTS",
    "ISSUER_RESPONSE_TIMEFRAME_EXPIRED",
    "MANUAL_REVIEW_ACCEPT",
    "MANUAL_REVIEW_REJECT",
    "NOTIFICATION_OF_FRAUD",
    "OFFER_CLOSED",
    "ORDER_CLOSED",
    "ORDER_OPENED",
    "POSTPONED_REFUND",
    "PREARBITRATION_ACCEPTED",
    "PREARBITRATION_DECLINED",
    "PREARBITRATION_ISSUER_WITHDRAWN",
    "PREARBITRATION_LOST",
    "PREARBITRATION_OPEN",
    "PREARBITRATION_WON",
    "RECURRING_CONTRACT",
    "REPORT_AVAILABLE",
    "SCHEME_ARBITRATION",
    "SCHEME_ARBITRATION_LOST",
    "SCHEME_ARBITRATION_WON",
    "VOID_PENDING_REFUND",
];

impl Item {
    /// The canonical event, or nothing if the code is known and says nothing of interest.
    pub(crate) fn read(&self, merchant_account: &str, now_ms: i64) -> Result<Option<Event>, Error> {
        // Anyone with an account at Adyen has signed items; the hub's key is of one webhook, which
        // may be of a company account with many merchant accounts.
        if self.merchant_account_code != merchant_account {
            return Err(self.not_understood(&format!(
                "it is of merchant account {:?}, and the connection is of {merchant_account:?}",
                self.merchant_account_code
            )));
        }
        let success = match self.success.as_str() {
            "true" => true,
            "false" => false,
            other => {
                return Err(self.not_understood(&format!("success {other:?} is not true or false")));
            }
        };
        let Some(payload) = self.payload(success)? else { return Ok(None) };
        let id = format!("{}:{}:{}", self.psp_reference, self.event_code, self.success);
        let event = Event::new(payload).id(id);
        Ok(Some(match self.happened_ms(now_ms) {
            Some(time_ms) => event.at_ms(time_ms),
            None => event,
        }))
    }

    fn payload(&self, success: bool) -> Result<Option<Payload>, Error> {
        Ok(match (self.event_code.as_str(), success) {
            ("AUTHORISATION", _) => Some(self.authorisation(success)?),
            // An authorised payment counts as taken (capture is Adyen's), so a cancelled one is
            // given back.
            ("REFUND" | "CANCELLATION" | "CANCEL_OR_REFUND" | "TECHNICAL_CANCEL", true) => {
                Some(self.refunded()?)
            }
            ("CANCELLATION" | "CANCEL_OR_REFUND" | "TECHNICAL_CANCEL", false) => None,
            ("REFUND", false) | ("REFUND_FAILED", _) | ("REFUNDED_REVERSED", true) => {
                Some(self.refund_failed()?)
            }
            (
                "CHARGEBACK"
                | "SECOND_CHARGEBACK"
                | "NOTIFICATION_OF_CHARGEBACK"
                | "REQUEST_FOR_INFORMATION",
                true,
            ) => Some(self.disputed()?),
            ("PAYOUT_THIRDPARTY", true) => Some(self.payout_paid()?),
            ("PAYOUT_THIRDPARTY", false) => Some(self.payout_failed(&self.psp_reference)?),
            ("PAYOUT_DECLINE" | "PAYOUT_EXPIRE" | "PAIDOUT_REVERSED", true) => {
                Some(self.payout_failed(self.original())?)
            }
            ("PAYOUT_DECLINE" | "PAYOUT_EXPIRE" | "PAIDOUT_REVERSED", false) => None,
            // Money that was credited will not come, or went out without a payment: no canonical
            // event says so, and a person must know.
            ("CAPTURE_FAILED" | "EXPIRE", true) if self.payment().is_some() => {
                return Err(self.not_understood(
                    "the payment was authorised and credited, and all or part of its money will not \
                     come: see Adyen's Customer Area and settle the client's wallet by hand",
                ));
            }
            ("CAPTURE_FAILED" | "EXPIRE", _) => None,
            ("REFUND_WITH_DATA", true) => {
                return Err(self.not_understood(
                    "money was sent to a card without a payment: see Adyen's Customer Area",
                ));
            }
            ("REFUND_WITH_DATA", false) => None,
            (code, _) if IRRELEVANT.contains(&code) => None,
            (code, _) => {
                return Err(self.not_understood(&format!(
                    "this version does not know Adyen's event code {code:?} with success {success}"
                )));
            }
        })
    }

    fn not_understood(&self, why: &str) -> Error {
        Error::NotUnderstood(format!("item {} {}: {why}", self.psp_reference, self.event_code))
    }

    /// The hub's payment: nothing if the reference is not one that the hub gives (`pay_…`, `wd_…`).
    fn payment(&self) -> Option<PaymentId> {
        let reference = self.merchant_reference.as_deref()?;
        let ours = reference.starts_with("pay_") || reference.starts_with("wd_");
        PaymentId::new(reference).ok().filter(|_| ours)
    }

    fn money(&self) -> Result<Money, Error> {
        match &self.amount {
            Some(amount) => money::from_adyen(amount),
            None => Err(self.not_understood("it has no amount")),
        }
    }

    /// The payment or payout that a modification is of.
    fn original(&self) -> &str {
        match self.original_reference.as_deref() {
            Some(original) if !original.is_empty() => original,
            _ => &self.psp_reference,
        }
    }

    /// For people: it is not signed.
    fn words(&self) -> String {
        match self.reason.as_deref() {
            Some(reason) if !reason.is_empty() => {
                map::shortened(&format!("{}: {reason}", self.event_code))
            }
            _ => self.event_code.clone(),
        }
    }

    fn authorisation(&self, success: bool) -> Result<Payload, Error> {
        let vendor_payment = self.psp_reference.clone();
        let amount = self.money()?;
        let Some(payment) = self.payment() else {
            let (vendor_type, amount) = (format!("AUTHORISATION {success}"), Some(amount));
            return Ok(PaymentForeign { vendor_payment, vendor_type, amount }.into());
        };
        Ok(if success {
            PaymentSucceeded { payment, vendor_payment, amount }.into()
        } else {
            let decline = map::refused_by_webhook(self.reason.as_deref());
            PaymentFailed { payment, vendor_payment, decline }.into()
        })
    }

    fn refunded(&self) -> Result<Payload, Error> {
        Ok(PaymentRefunded {
            payment: self.payment(),
            vendor_payment: self.original().to_owned(),
            vendor_refund: self.psp_reference.clone(),
            amount: self.money()?,
        }
        .into())
    }

    fn refund_failed(&self) -> Result<Payload, Error> {
        Ok(PaymentRefundFailed {
            payment: self.payment(),
            vendor_payment: self.original().to_owned(),
            vendor_refund: self.psp_reference.clone(),
            reason: self.words(),
        }
        .into())
    }

    fn disputed(&self) -> Result<Payload, Error> {
        Ok(PaymentDisputed {
            payment: self.payment(),
            vendor_payment: self.original().to_owned(),
            vendor_dispute: self.psp_reference.clone(),
            amount: self.money()?,
            reason: self.words(),
        }
        .into())
    }

    fn payout_paid(&self) -> Result<Payload, Error> {
        let (payment, vendor_payout) = (self.payment(), self.psp_reference.clone());
        Ok(PayoutPaid { payment, vendor_payout, amount: self.money()? }.into())
    }

    fn payout_failed(&self, vendor_payout: &str) -> Result<Payload, Error> {
        Ok(PayoutFailed {
            payment: self.payment(),
            vendor_payout: vendor_payout.to_owned(),
            amount: self.money()?,
            reason: self.words(),
        }
        .into())
    }

    /// `eventDate` is not signed, and no money hangs on it: one that cannot be read or lies in the
    /// future is left out, so that the time of arrival counts.
    fn happened_ms(&self, now_ms: i64) -> Option<i64> {
        let happened: jiff::Timestamp = self.event_date.as_deref()?.parse().ok()?;
        let happened_ms = happened.as_millisecond();
        (happened_ms <= now_ms.saturating_add(CLOCK_SKEW_MS)).then_some(happened_ms)
    }
}
