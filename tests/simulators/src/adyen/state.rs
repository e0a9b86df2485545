//! The transitions. Every change and the notifications it causes happen under one lock.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::books::{AdyenBooks, Modification, ModificationBook, PayoutBook};
use super::results::Outcome;
use crate::idempotency::Keys;
use crate::{Clock, Ids, SimError};

/// How long Adyen keeps an `Idempotency-Key` (docs.adyen.com/development-resources/api-idempotency: at least 7 days).
const KEY_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Debug)]
pub struct State {
    pub books: AdyenBooks,
    pub keys: Keys,
    pub clock: Clock,
    pub base_url: String,
    merchant_account: String,
    ids: Ids,
    /// Notification items not yet handed over.
    pub outbox: Vec<Value>,
    /// Not yet scheduled.
    pub afterwards: Vec<Afterwards>,
}

/// Something that Adyen does by itself later.
#[derive(Debug, Clone)]
pub enum Afterwards {
    /// A payment `Received` or `Pending` ends.
    Payment { psp: String, outcome: Outcome },
    /// A modification ends.
    Modification { psp: String, failure: Option<String> },
    /// A payout ends.
    Payout { psp: String, failure: Option<String> },
}

/// What a notification item says beside the account and the time.
struct Item<'a> {
    event: &'a str,
    psp: &'a str,
    original: Option<&'a str>,
    reference: &'a str,
    value: i64,
    currency: &'a str,
    method: &'a str,
    success: bool,
    reason: &'a str,
    additional: Value,
}

impl State {
    pub fn new(seed: u64, clock: Clock, merchant_account: String) -> Self {
        Self {
            books: AdyenBooks::default(),
            keys: Keys::new(KEY_AGE_MAX),
            clock,
            base_url: String::new(),
            merchant_account,
            ids: Ids::new(seed),
            outbox: vec![],
            afterwards: vec![],
        }
    }

    pub fn psp_reference(&mut self) -> String {
        self.ids.capitals(16)
    }

    pub fn payment(&self, psp: &str) -> Option<usize> {
        self.books.payments.iter().position(|payment| payment.psp_reference == psp)
    }

    fn notify(&mut self, item: &Item<'_>) {
        // Adyen writes Amsterdam's time; the offset is part of the text, so any would do.
        let now = self.clock.now().to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(1)));
        let mut body = json!({
            "additionalData": item.additional, "amount": { "currency": item.currency, "value": item.value },
            "eventCode": item.event, "eventDate": now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            "merchantAccountCode": self.merchant_account, "merchantReference": item.reference,
            "paymentMethod": if item.method == "scheme" { "visa" } else { item.method },
            "pspReference": item.psp, "reason": item.reason, "success": if item.success { "true" } else { "false" },
        });
        if let Some(original) = item.original {
            body["originalReference"] = original.into();
        }
        if item.event == "AUTHORISATION" && item.success {
            body["operations"] = json!(["CANCEL", "CAPTURE", "REFUND"]);
        }
        self.outbox.push(json!({ "NotificationRequestItem": body }));
    }

    /// A payment reaches an outcome: at once, after a redirect, or later.
    pub fn settle_payment(&mut self, at: usize, outcome: Outcome) {
        let auth_code = self.ids.from_alphabet("", 6, b"0123456789");
        let payment = &mut self.books.payments[at];
        payment.result_code.clone_from(&outcome.result_code);
        payment.refusal_reason.clone_from(&outcome.reason);
        payment.refusal_reason_code.clone_from(&outcome.reason_code);
        let success = match outcome.result_code.as_str() {
            "Authorised" => true,
            "Refused" | "Error" | "Cancelled" => false,
            // Not the end of it: no notification before it is.
            _ => {
                let (psp, outcome) = (payment.psp_reference.clone(), Outcome::plain("Authorised"));
                return self.afterwards.push(Afterwards::Payment { psp, outcome });
            }
        };
        if success && !payment.manual_capture {
            payment.captured = payment.value;
        }
        let payment = payment.clone();
        let card = payment.method == "scheme";
        let mut additional = Map::new();
        if card {
            additional.insert("cardSummary".into(), "1111".into());
            additional.insert("expiryDate".into(), "03/2030".into());
        }
        if card && success {
            additional.insert("authCode".into(), auth_code.clone().into());
        }
        if let Some(shopper) = &payment.shopper_reference {
            additional.insert("shopperReference".into(), shopper.clone().into());
        }
        let approved = if card { format!("{auth_code}:1111:03/2030") } else { String::new() };
        self.notify(&Item {
            event: "AUTHORISATION",
            psp: &payment.psp_reference,
            original: None,
            reference: &payment.reference,
            value: payment.value,
            currency: &payment.currency,
            method: &payment.method,
            success,
            reason: payment.refusal_reason.as_deref().unwrap_or(&approved),
            additional: additional.into(),
        });
    }

    /// Takes in a refund, capture or cancellation: what comes of it, the webhook tells.
    pub fn modify(&mut self, book: ModificationBook, failure: Option<String>) {
        let psp = book.psp_reference.clone();
        self.books.modifications.push(book);
        self.afterwards.push(Afterwards::Modification { psp, failure });
    }

    /// Does something that was put off.
    pub fn afterwards(&mut self, what: Afterwards) {
        match what {
            Afterwards::Payment { psp, outcome } => {
                let waits = |result: &str| matches!(result, "Received" | "Pending");
                if let Some(at) =
                    self.payment(&psp).filter(|at| waits(&self.books.payments[*at].result_code))
                {
                    self.settle_payment(at, outcome);
                }
            }
            Afterwards::Modification { psp, failure } => self.settle_modification(&psp, failure),
            Afterwards::Payout { psp, failure } => self.settle_payout(&psp, failure),
        }
    }

    fn settle_modification(&mut self, psp: &str, failure: Option<String>) {
        let Some(index) =
            self.books.modifications.iter().position(|book| book.psp_reference == psp)
        else {
            return;
        };
        let Some(at) = self.payment(&self.books.modifications[index].payment) else { return };
        let (book, payment) = (&mut self.books.modifications[index], &mut self.books.payments[at]);
        let authorised = payment.result_code == "Authorised";
        let impossible = match book.kind {
            Modification::Refund if payment.captured == 0 => {
                Some("Transaction hasn't been captured, refund not possible")
            }
            Modification::Refund if book.value > payment.captured - payment.refunded => {
                Some("Insufficient balance on payment")
            }
            Modification::Capture if !authorised || payment.cancelled => {
                Some("Transaction not authorised")
            }
            Modification::Capture if book.value > payment.value - payment.captured => {
                Some("Insufficient balance on payment")
            }
            Modification::Cancel if !authorised || payment.cancelled || payment.captured > 0 => {
                Some("Transaction cannot be cancelled")
            }
            _ => None,
        };
        let failure = failure.or_else(|| impossible.map(str::to_owned));
        book.success = Some(failure.is_none());
        book.reason.clone_from(&failure);
        if failure.is_none() {
            match book.kind {
                Modification::Refund => payment.refunded += book.value,
                Modification::Capture => payment.captured += book.value,
                Modification::Cancel => payment.cancelled = true,
            }
        }
        let (book, payment) = (book.clone(), payment.clone());
        self.notify(&Item {
            event: match book.kind {
                Modification::Refund => "REFUND",
                Modification::Capture => "CAPTURE",
                Modification::Cancel => "CANCELLATION",
            },
            psp: &book.psp_reference,
            original: Some(&book.payment),
            reference: book.reference.as_ref().unwrap_or(&payment.reference),
            value: book.value,
            currency: &payment.currency,
            method: &payment.method,
            success: book.success == Some(true),
            reason: book.reason.as_deref().unwrap_or_default(),
            additional: json!({}),
        });
    }

    /// A payout is taken in, to be reviewed or on its way.
    pub fn payout(&mut self, book: PayoutBook, failure: Option<String>) {
        let psp = book.psp_reference.clone();
        let submitted = book.status == "submitted";
        self.books.payouts.push(book);
        if submitted {
            self.afterwards.push(Afterwards::Payout { psp, failure });
        }
    }

    /// A payout in review is confirmed or declined; false when there is none.
    pub fn review_payout(&mut self, psp: &str, confirm: bool) -> bool {
        let waiting =
            |book: &&mut PayoutBook| book.psp_reference == psp && book.status == "in-review";
        let Some(book) = self.books.payouts.iter_mut().find(waiting) else { return false };
        book.status = if confirm { "submitted" } else { "declined" }.into();
        let book = book.clone();
        if confirm {
            self.afterwards.push(Afterwards::Payout { psp: book.psp_reference, failure: None });
        } else {
            self.notify_payout("PAYOUT_DECLINE", &book, true);
        }
        true
    }

    fn settle_payout(&mut self, psp: &str, failure: Option<String>) {
        let waiting =
            |book: &&mut PayoutBook| book.psp_reference == psp && book.status == "submitted";
        let Some(book) = self.books.payouts.iter_mut().find(waiting) else { return };
        book.status = if failure.is_none() { "paid" } else { "failed" }.into();
        book.reason = failure;
        let book = book.clone();
        self.notify_payout("PAYOUT_THIRDPARTY", &book, book.status == "paid");
    }

    fn notify_payout(&mut self, event: &str, book: &PayoutBook, success: bool) {
        let approved = if event == "PAYOUT_THIRDPARTY" { "Approved" } else { "" };
        self.notify(&Item {
            event,
            psp: &book.psp_reference,
            original: None,
            reference: &book.reference,
            value: book.value,
            currency: &book.currency,
            method: "scheme",
            success,
            reason: book.reason.as_deref().unwrap_or(approved),
            additional: json!({ "cardSummary": "1111", "expiryDate": "03/2030", "paymentMethodVariant": "visa" }),
        });
    }

    /// The shopper's bank takes the money back; gives the chargeback's reference.
    pub fn chargeback(&mut self, psp: &str, reason_code: &str) -> Result<String, SimError> {
        let at = self
            .payment(psp)
            .ok_or_else(|| SimError::Unknown { what: "payment", id: psp.to_owned() })?;
        let payment = &mut self.books.payments[at];
        if payment.captured == 0 || payment.charged_back {
            return Err(SimError::Refused(format!(
                "{psp} has no captured money that could be charged back"
            )));
        }
        payment.charged_back = true;
        let payment = payment.clone();
        let reference = self.psp_reference();
        for event in ["NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK"] {
            self.notify(&Item {
                event,
                psp: &reference,
                original: Some(psp),
                reference: &payment.reference,
                value: payment.captured,
                currency: &payment.currency,
                method: &payment.method,
                success: true,
                reason: "Cardholder dispute",
                additional: json!({
                    "chargebackReasonCode": reason_code, "chargebackSchemeCode": "visa", "defendable": "true",
                }),
            });
        }
        Ok(reference)
    }
}
