//! Result codes and refusal reasons, and how a test payment asks for one
//! (docs.adyen.com/development-resources/testing/result-codes, …/refusal-reasons).

/// Code, holder name that asks for it, refusal reason, result code.
const TABLE: &[(u8, &str, &str, &str)] = &[
    (0, "UNKNOWN", "Unknown", "Error"),
    (1, "APPROVED", "", "Authorised"),
    (2, "DECLINED", "Refused", "Refused"),
    (3, "REFERRAL", "Referral", "Refused"),
    (4, "ERROR", "Acquirer Error", "Error"),
    (5, "BLOCK_CARD", "Blocked Card", "Refused"),
    (6, "CARD_EXPIRED", "Expired Card", "Refused"),
    (7, "INVALID_AMOUNT", "Invalid Amount", "Refused"),
    (8, "INVALID_CARD_NUMBER", "Invalid Card Number", "Refused"),
    (9, "ISSUER_UNAVAILABLE", "Issuer Unavailable", "Refused"),
    (10, "NOT_SUPPORTED", "Not supported", "Refused"),
    (11, "NOT_3D_AUTHENTICATED", "3D Not Authenticated", "Refused"),
    (12, "NOT_ENOUGH_BALANCE", "Not enough balance", "Refused"),
    (13, "PENDING", "", "Received"),
    (14, "ACQUIRER_FRAUD", "Acquirer Fraud", "Refused"),
    (15, "CANCELLED", "Cancelled", "Refused"),
    (16, "SHOPPER_CANCELLED", "Shopper Cancelled", "Refused"),
    (17, "INVALID_PIN", "Invalid Pin", "Refused"),
    (18, "PIN_TRIES_EXCEEDED", "Pin tries exceeded", "Refused"),
    (19, "PIN_VALIDATION_NOT_POSSIBLE", "Pin validation not possible", "Refused"),
    (20, "FRAUD", "FRAUD", "Refused"),
    (21, "NOT_SUBMITTED", "Not Submitted", "Refused"),
    (22, "FRAUD_CANCELLED", "FRAUD-CANCELLED", "Cancelled"),
    (23, "TRANSACTION_NOT_PERMITTED", "Transaction Not Permitted", "Refused"),
    (24, "CVC_DECLINED", "CVC Declined", "Refused"),
    (25, "RESTRICTED_CARD", "Restricted Card", "Refused"),
    (26, "REVOCATION_OF_AUTH", "Revocation Of Auth", "Refused"),
    (27, "DECLINED_NON_GENERIC", "Declined Non Generic", "Refused"),
    (28, "WITHDRAWAL_AMOUNT_EXCEEDED", "Withdrawal amount exceeded", "Refused"),
    (29, "WITHDRAWAL_COUNT_EXCEEDED", "Withdrawal count exceeded", "Refused"),
    (31, "ISSUER_SUSPECTED_FRAUD", "Issuer Suspected Fraud", "Refused"),
    (32, "AVS_DECLINED", "AVS Declined", "Refused"),
    (33, "PIN_REQUIRED", "Card requires online pin", "Refused"),
];

/// How a payment ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// `refusalReasonCode`; none unless refused.
    pub reason_code: Option<String>,
    /// `refusalReason`; none unless refused.
    pub reason: Option<String>,
    /// `Authorised`, `Refused`, `Error`, `Cancelled`, `Received`, `Pending` …
    pub result_code: String,
}

impl Outcome {
    /// A result with no refusal reason.
    pub fn plain(result_code: &str) -> Self {
        Self { reason_code: None, reason: None, result_code: result_code.into() }
    }

    fn of_row((code, _, reason, result): &(u8, &str, &str, &str)) -> Self {
        if reason.is_empty() {
            return Self::plain(result);
        }
        Self {
            reason_code: Some(code.to_string()),
            reason: Some((*reason).to_owned()),
            result_code: (*result).to_owned(),
        }
    }

    /// Of `RequestedTestAcquirerResponseCode`, or of a fault: a code of the table; `Pending`, `Received` or another
    /// word of that kind as it is; anything else is a plain refusal, with the text as the reason.
    pub fn of_code(code: &str) -> Self {
        if let Some(row) = TABLE.iter().find(|row| row.0.to_string() == code) {
            return Self::of_row(row);
        }
        match code {
            "Authorised" | "Pending" | "Received" => Self::plain(code),
            "Error" => Self::of_code("4"),
            other => Self {
                reason_code: Some("2".into()),
                reason: Some(other.to_owned()),
                result_code: "Refused".into(),
            },
        }
    }

    /// Of the card holder's name, if it asks for anything.
    pub fn of_holder(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(Self::of_row)
    }
}
