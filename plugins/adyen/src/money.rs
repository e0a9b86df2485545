//! Adyen's minor units: ISO 4217's but for four currencies.
//!
//! Source: docs.adyen.com/development-resources/currency-codes ("For CLP, CVE, IDR, and ISK the
//! ISO 4217 standard has a different number of decimals than shown in our currency codes table").
use crate::object::Amount;
use hub_plugin_sdk::prelude::*;

fn exponent(currency: Currency) -> u32 {
    match currency.as_str() {
        "CLP" | "ISK" => 2,
        "CVE" | "IDR" => 0,
        _ => currency.exponent(),
    }
}

/// What the API takes. An amount that Adyen cannot move exactly is refused, never rounded.
pub(crate) fn to_adyen(money: &Money) -> Result<Amount, Error> {
    let refused = |why: String| Error::InvalidRequest(format!("Adyen cannot move {money}: {why}"));
    let value =
        money.to_minor_at(exponent(money.currency)).map_err(|error| refused(error.to_string()))?;
    if value <= 0 {
        return Err(refused("the amount must be positive".to_owned()));
    }
    Ok(Amount { value, currency: money.currency.as_str().to_owned() })
}

/// What Adyen says.
pub(crate) fn from_adyen(amount: &Amount) -> Result<Money, Error> {
    let currency = Currency::new(&amount.currency)?;
    Ok(Money::from_minor_at(amount.value, currency, exponent(currency)))
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
    fn amounts_go_there_and_back_in_adyens_units() {
        for (amount, currency, value) in [
            ("10.50", "EUR", 1050),
            ("500", "JPY", 500),
            ("1.234", "KWD", 1234),
            ("1000", "CLP", 100_000),
            ("5", "ISK", 500),
            ("70", "CVE", 70),
            ("15000", "IDR", 15_000),
            ("5", "UGX", 5),
        ] {
            let there = to_adyen(&money(amount, currency)).unwrap();
            assert_eq!((there.value, there.currency.as_str()), (value, currency));
            assert_eq!(from_adyen(&there).unwrap(), money(amount, currency));
        }
    }

    #[test]
    fn what_adyen_cannot_move_exactly_is_refused() {
        for (amount, currency) in
            [("10.505", "EUR"), ("0.5", "CVE"), ("0.5", "IDR"), ("0", "EUR"), ("-1", "EUR")]
        {
            let refused = to_adyen(&money(amount, currency));
            assert!(matches!(refused, Err(Error::InvalidRequest(_))), "{amount} {currency}");
        }
    }
}
