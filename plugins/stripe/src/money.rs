//! Stripe's minor units, which are not ISO 4217's.
//!
//! Source: docs.stripe.com/currencies, "Zero-decimal currencies", "Three-decimal currencies" and
//! "Special cases".
use hub_plugin_sdk::prelude::*;

/// What an amount is for: Stripe pays some currencies out in whole units only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Charges and refunds.
    Charge,
    /// Payouts.
    Payout,
}

/// Decimals in the API's integers.
fn exponent(currency: Currency) -> u32 {
    match currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "JPY" | "KMF" | "KRW" | "MGA" | "PYG" | "RWF" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        // ISK and UGX too: they have no decimals any more, and the API writes two all the same.
        _ => 2,
    }
}

/// What an amount in minor units must be a multiple of.
fn multiple_of(currency: Currency, purpose: Purpose) -> i64 {
    match (currency.as_str(), purpose) {
        ("BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND", _) => 10,
        ("ISK" | "UGX", _) | ("HUF" | "TWD", Purpose::Payout) => 100,
        _ => 1,
    }
}

/// The integer that the API takes. An amount that Stripe cannot move exactly is refused, never
/// rounded.
pub(crate) fn to_minor(money: &Money, purpose: Purpose) -> Result<i64, Error> {
    let refused = |why: String| Error::InvalidRequest(format!("Stripe cannot move {money}: {why}"));
    let minor =
        money.to_minor_at(exponent(money.currency)).map_err(|error| refused(error.to_string()))?;
    let step = multiple_of(money.currency, purpose);
    if minor <= 0 {
        return Err(refused("the amount must be positive".to_owned()));
    }
    if minor % step != 0 {
        return Err(refused(format!("{} is moved in steps of {step} minor units", money.currency)));
    }
    Ok(minor)
}

/// What the API's integer and lower-case currency say.
pub(crate) fn from_minor(minor: i64, currency: &str) -> Result<Money, Error> {
    let currency = Currency::new(&currency.to_ascii_uppercase())?;
    Ok(Money::from_minor_at(minor, currency, exponent(currency)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]
    use super::*;

    fn money(amount: &str, currency: &str) -> Money {
        let json = format!(r#"{{"amount":"{amount}","currency":"{currency}"}}"#);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn amounts_go_there_and_back_in_stripes_units() {
        for (amount, currency, minor) in [
            ("10.50", "USD", 1050),
            ("500", "JPY", 500),
            ("5", "MGA", 5),
            ("5", "UGX", 500),
            ("5", "ISK", 500),
            ("5.120", "KWD", 5120),
            ("10.45", "HUF", 1045),
        ] {
            assert_eq!(to_minor(&money(amount, currency), Purpose::Charge).unwrap(), minor);
            let back = from_minor(minor, &currency.to_ascii_lowercase()).unwrap();
            assert_eq!(back, money(amount, currency), "{minor} {currency}");
        }
    }

    #[test]
    fn what_stripe_cannot_move_exactly_is_refused() {
        for (amount, currency, purpose) in [
            ("10.505", "USD", Purpose::Charge),
            ("0.5", "JPY", Purpose::Charge),
            ("0.2", "MGA", Purpose::Charge),
            ("5.50", "UGX", Purpose::Charge),
            ("5.124", "KWD", Purpose::Charge),
            ("10.45", "HUF", Purpose::Payout),
            ("800.45", "TWD", Purpose::Payout),
            ("0", "EUR", Purpose::Charge),
            ("-1", "EUR", Purpose::Charge),
            ("99999999999999999999", "EUR", Purpose::Charge),
        ] {
            let refused = to_minor(&money(amount, currency), purpose);
            assert!(matches!(refused, Err(Error::InvalidRequest(_))), "{amount} {currency}");
        }
        assert_eq!(to_minor(&money("800", "TWD"), Purpose::Payout).unwrap(), 80_000);
    }
}
