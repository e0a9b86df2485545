//! What each test payment method does (docs.stripe.com/testing), and how a decline reads.

/// What happens when a payment method is charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Paid at once.
    Succeeds,
    /// Paid at once, and disputed as fraudulent soon after.
    SucceedsThenDisputed,
    /// Paid at once; a refund of it stays pending for a while.
    RefundPending,
    /// Paid at once; a refund of it succeeds and fails later.
    RefundFails,
    /// Refused with this decline code.
    Declines(String),
    /// The cardholder must authenticate first.
    NeedsAuthentication,
    /// A bank debit: processing, then paid.
    ProcessesThenSucceeds,
    /// A bank debit: processing, then refused with this code.
    ProcessesThenFails(String),
}

/// The outcome of a test payment method; none when Stripe does not know it.
pub fn outcome_of(payment_method: &str) -> Option<Outcome> {
    use Outcome::{Declines, ProcessesThenFails, ProcessesThenSucceeds};
    if let Some(bank) = payment_method.strip_prefix("pm_usBankAccount_") {
        return match bank {
            "success" => Some(ProcessesThenSucceeds),
            "insufficientFunds" => Some(ProcessesThenFails("insufficient_funds".into())),
            "accountClosed" => Some(ProcessesThenFails("account_closed".into())),
            "debitNotAuthorized" => Some(ProcessesThenFails("debit_not_authorized".into())),
            _ => None,
        };
    }
    let card = payment_method.strip_prefix("pm_card_")?;
    // The documentation has most of the declining ones both with and without the brand.
    let card = card.strip_prefix("visa_").unwrap_or(card);
    let outcome = match card {
        "visa" | "visa_debit" | "mastercard" | "mastercard_debit" | "amex" | "discover"
        | "diners" | "jcb" | "unionpay" | "us" | "de" | "fr" | "gb" => Outcome::Succeeds,
        "createDispute" => Outcome::SucceedsThenDisputed,
        "pendingRefund" => Outcome::RefundPending,
        "refundFail" => Outcome::RefundFails,
        "authenticationRequired" | "threeDSecure2Required" | "threeDSecureRequired" => {
            Outcome::NeedsAuthentication
        }
        "chargeDeclined" => Declines("generic_decline".into()),
        "chargeDeclinedInsufficientFunds" => Declines("insufficient_funds".into()),
        "chargeDeclinedLostCard" => Declines("lost_card".into()),
        "chargeDeclinedStolenCard" => Declines("stolen_card".into()),
        "chargeDeclinedExpiredCard" => Declines("expired_card".into()),
        "chargeDeclinedIncorrectCvc" => Declines("incorrect_cvc".into()),
        "chargeDeclinedProcessingError" => Declines("processing_error".into()),
        "chargeDeclinedVelocityLimitExceeded" => Declines("card_velocity_exceeded".into()),
        "chargeDeclinedFraudulent" | "radarBlock" => Declines("fraudulent".into()),
        _ => return None,
    };
    Some(outcome)
}

/// The error `code` that goes with a decline code: most are `card_declined`, some have their own
/// (docs.stripe.com/error-codes).
pub fn error_code(decline_code: &str) -> &str {
    match decline_code {
        "expired_card"
        | "incorrect_cvc"
        | "incorrect_number"
        | "incorrect_zip"
        | "processing_error"
        | "authentication_required" => decline_code,
        "account_closed" | "debit_not_authorized" => decline_code,
        _ => "card_declined",
    }
}

/// The message that Stripe shows.
pub fn message(decline_code: &str) -> &'static str {
    match decline_code {
        "insufficient_funds" => "Your card has insufficient funds.",
        "expired_card" => "Your card has expired.",
        "incorrect_cvc" => "Your card's security code is incorrect.",
        "incorrect_number" => "Your card number is incorrect.",
        "processing_error" => {
            "An error occurred while processing your card. Try again in a little bit."
        }
        "authentication_required" => {
            "Your card was declined. This transaction requires authentication."
        }
        "card_velocity_exceeded" => {
            "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
        }
        "card_not_supported" => "Your card does not support this type of purchase.",
        "account_closed" => "The customer's bank account has been closed.",
        "debit_not_authorized" => {
            "The customer has notified their bank that this payment was unauthorized."
        }
        _ => "Your card was declined.",
    }
}

/// Currencies Stripe takes, with the smallest charge in minor units where one is documented
/// (docs.stripe.com/currencies); 1 elsewhere.
pub fn smallest_charge(currency: &str) -> Option<i64> {
    const KNOWN: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp \
        byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd \
        hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga \
        mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd \
        rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv \
        wst xaf xcd xcg xof xpf yer zar zmw";
    if !KNOWN.split_whitespace().any(|known| known == currency) {
        return None;
    }
    Some(match currency {
        "usd" | "eur" | "chf" | "aud" | "cad" | "nzd" | "brl" | "inr" | "sgd" | "jpy" => 50,
        "gbp" => 30,
        "aed" | "pln" | "ron" | "myr" => 200,
        "bgn" => 100,
        "dkk" => 250,
        "nok" | "sek" => 300,
        "hkd" => 400,
        "mxn" | "thb" => 1000,
        "czk" => 1500,
        "huf" => 17500,
        _ => 1,
    })
}

/// Whether the last digit must be 0: Stripe supports two places of currencies that have three
/// (docs.stripe.com/currencies, "three-decimal currencies").
pub fn three_decimals(currency: &str) -> bool {
    matches!(currency, "bhd" | "jod" | "kwd" | "omr" | "tnd")
}
