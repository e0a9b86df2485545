//! Adyen's refusals to ours.
use hub_plugin_sdk::prelude::*;

/// The longest text of Adyen's that is kept, in characters (`schemas`, `decline.message`).
const MESSAGE_CHARS_MAX: usize = 500;

type Meaning = (DeclineCategory, Verdict);

/// `refusalReasonCode`, `refusalReason`, and what they mean. Source of codes and words:
/// docs.adyen.com/development-resources/refusal-reasons. The verdicts are ours: another PSP is asked
/// only where the refusal says nothing about the client, the card or its data.
const REFUSALS: [(&str, &str, Meaning); 41] = {
    use DeclineCategory as C;
    use Verdict::{FallBack, RetryLater, Stop};
    [
        ("2", "Refused", (C::DoNotHonour, FallBack)),
        ("3", "Referral", (C::DoNotHonour, FallBack)),
        ("4", "Acquirer Error", (C::Technical, FallBack)),
        ("5", "Blocked Card", (C::LostOrStolen, Stop)),
        ("6", "Expired Card", (C::ExpiredCard, Stop)),
        ("7", "Invalid Amount", (C::Limit, Stop)),
        ("8", "Invalid Card Number", (C::InvalidData, Stop)),
        ("9", "Issuer Unavailable", (C::Technical, FallBack)),
        ("10", "Not supported", (C::NotSupported, FallBack)),
        ("11", "3D Not Authenticated", (C::AuthenticationFailed, Stop)),
        ("12", "Not enough balance", (C::InsufficientFunds, RetryLater)),
        ("14", "Acquirer Fraud", (C::FraudSuspected, Stop)),
        ("15", "Cancelled", (C::Cancelled, Stop)),
        ("16", "Shopper Cancelled", (C::Cancelled, Stop)),
        ("17", "Invalid Pin", (C::InvalidData, Stop)),
        ("18", "Pin tries exceeded", (C::AuthenticationFailed, Stop)),
        ("19", "Pin validation not possible", (C::AuthenticationFailed, Stop)),
        ("20", "FRAUD", (C::FraudSuspected, Stop)),
        ("21", "Not Submitted", (C::Technical, FallBack)),
        ("22", "FRAUD-CANCELLED", (C::FraudSuspected, Stop)),
        ("23", "Transaction Not Permitted", (C::NotSupported, FallBack)),
        ("24", "CVC Declined", (C::InvalidData, Stop)),
        ("25", "Restricted Card", (C::LostOrStolen, Stop)),
        ("26", "Revocation Of Auth", (C::DoNotHonour, Stop)),
        ("27", "Declined Non Generic", (C::DoNotHonour, FallBack)),
        ("28", "Withdrawal amount exceeded", (C::Limit, RetryLater)),
        ("29", "Withdrawal count exceeded", (C::Limit, RetryLater)),
        ("31", "Issuer Suspected Fraud", (C::FraudSuspected, Stop)),
        ("32", "AVS Declined", (C::InvalidData, Stop)),
        ("33", "Card requires online pin", (C::AuthenticationFailed, Stop)),
        ("34", "No checking account available on Card", (C::NotSupported, Stop)),
        ("35", "No savings account available on Card", (C::NotSupported, Stop)),
        ("36", "Mobile pin required", (C::AuthenticationFailed, Stop)),
        ("37", "Contactless fallback", (C::NotSupported, Stop)),
        // The issuer wants 3-D Secure, which another PSP may ask for.
        ("38", "Authentication required", (C::AuthenticationFailed, FallBack)),
        ("39", "RReq not received from DS", (C::AuthenticationFailed, Stop)),
        ("40", "Current AID is in Penalty Box.", (C::Technical, FallBack)),
        ("41", "CVM Required Restart Payment", (C::AuthenticationFailed, Stop)),
        ("42", "3DS Authentication Error", (C::AuthenticationFailed, Stop)),
        ("43", "Online PIN required", (C::AuthenticationFailed, Stop)),
        // The card was declined too often: to ask elsewhere is what the card schemes charge for.
        (
            "46",
            "Transaction blocked by Adyen to prevent excessive retry fees",
            (C::DoNotHonour, Stop),
        ),
    ]
};

/// Adyen's words, as many as are kept.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// The decline in the API's answer, which comes from Adyen over TLS and is believed. A code that
/// is not listed is hard.
pub(crate) fn refused(result_code: &str, code: Option<&str>, reason: Option<&str>) -> Decline {
    let listed = REFUSALS.iter().find(|(listed, _, _)| code == Some(listed));
    let (category, verdict) = match (result_code, listed) {
        ("Cancelled", None) => (DeclineCategory::Cancelled, Verdict::Stop),
        ("Error", None) => (DeclineCategory::Technical, Verdict::FallBack),
        (_, Some((_, _, meaning))) => *meaning,
        (_, None) => (DeclineCategory::Unknown, Verdict::Stop),
    };
    Decline {
        category,
        verdict,
        vendor_code: code.unwrap_or(result_code).to_owned(),
        message: reason.map(shortened),
    }
}

/// The decline in a webhook, whose `reason` **is not signed**. All that is proven is that the
/// payment failed, which lets another PSP be asked; the reason is believed only where it forbids
/// that. So a forged reason can end a deposit that had failed anyway, and a reason that was taken
/// away can lead to another PSP being asked for what the client asked for; neither credits anything.
pub(crate) fn refused_by_webhook(reason: Option<&str>) -> Decline {
    let reason = reason.map(str::trim).filter(|text| !text.is_empty() && *text != "null");
    let (category, verdict) = match reason {
        None => (DeclineCategory::DoNotHonour, Verdict::FallBack),
        Some(reason) => REFUSALS
            .iter()
            .find(|(_, words, _)| words.eq_ignore_ascii_case(reason))
            .map_or((DeclineCategory::Unknown, Verdict::Stop), |(_, _, meaning)| *meaning),
    };
    // The signed words alone: the reason is for people.
    let vendor_code = "AUTHORISATION false".to_owned();
    Decline { category, verdict, vendor_code, message: reason.map(shortened) }
}
