//! Money: a decimal amount and an ISO 4217 currency, never a float.
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An ISO 4217 alphabetic code, upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// What is wrong with a currency or an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three upper-case letters.
    #[error("currency {0:?} is not an ISO 4217 code: three upper-case letters, such as EUR")]
    Currency(String),
    /// More decimals than the currency has.
    #[error("{amount} {currency} has more than the {exponent} decimals of the currency")]
    TooPrecise {
        /// The amount as given.
        amount: Decimal,
        /// Its currency.
        currency: Currency,
        /// Decimals that the table allows.
        exponent: u32,
    },
    /// Does not fit the integer that vendors take.
    #[error("{0} is too large to write in minor units")]
    TooLarge(Decimal),
    /// Two amounts in different currencies were put together.
    #[error("{left} and {right} cannot be added or compared: convert one first")]
    Mixed {
        /// The one on the left.
        left: Currency,
        /// The one on the right.
        right: Currency,
    },
}

impl Currency {
    /// Checks the text and takes it as a code.
    pub fn new(code: &str) -> Result<Self, MoneyError> {
        match code.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|l| l.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(MoneyError::Currency(code.chars().take(12).collect())),
        }
    }
    /// The code's text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three ASCII letters are UTF-8: checked by `new`")
    }
    /// Decimals of the currency by ISO 4217 (list one, 2024). Vendors differ: a connector passes
    /// its vendor's exceptions to [`Money::to_minor_at`].
    pub fn exponent(&self) -> u32 {
        match self.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(code: String) -> Result<Self, MoneyError> {
        Self::new(&code)
    }
}
impl std::str::FromStr for Currency {
    type Err = MoneyError;
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::new(code)
    }
}
impl From<Currency> for String {
    fn from(code: Currency) -> String {
        code.as_str().to_owned()
    }
}

/// An amount in major units (euros, not cents) with its currency. In JSON the amount is a string:
/// `{"amount":"100.00","currency":"EUR"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Major units, as a decimal string.
    #[cfg_attr(
        feature = "json-schema",
        schemars(with = "String", regex(pattern = r"^-?[0-9]{1,20}(\.[0-9]{1,8})?$"))
    )]
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// An amount in major units.
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }
    /// Minor units by ISO 4217: 10.50 EUR is 1050, 10 JPY is 10, 1.234 KWD is 1234.
    pub fn to_minor(&self) -> Result<i64, MoneyError> {
        self.to_minor_at(self.currency.exponent())
    }
    /// Minor units with the number of decimals that a vendor uses for this currency.
    pub fn to_minor_at(&self, exponent: u32) -> Result<i64, MoneyError> {
        let scale = Decimal::from(10_i64.pow(exponent.min(18)));
        let minor = self.amount.checked_mul(scale).ok_or(MoneyError::TooLarge(self.amount))?;
        if !minor.fract().is_zero() {
            return Err(MoneyError::TooPrecise {
                amount: self.amount,
                currency: self.currency,
                exponent,
            });
        }
        i64::try_from(minor.trunc()).map_err(|_| MoneyError::TooLarge(self.amount))
    }
    /// From minor units by ISO 4217.
    pub fn from_minor(minor: i64, currency: Currency) -> Self {
        Self::from_minor_at(minor, currency, currency.exponent())
    }
    /// From minor units with the number of decimals that a vendor uses for this currency.
    pub fn from_minor_at(minor: i64, currency: Currency, exponent: u32) -> Self {
        Self { amount: Decimal::new(minor, exponent.min(18)), currency }
    }
    /// The sum, if both are in one currency.
    pub fn plus(&self, other: &Money) -> Result<Money, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed { left: self.currency, right: other.currency });
        }
        let amount =
            self.amount.checked_add(other.amount).ok_or(MoneyError::TooLarge(self.amount))?;
        Ok(Self { amount, currency: self.currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(feature = "json-schema")]
impl schemars::JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 alphabetic code."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: &str, currency: &str) -> Money {
        Money::new(amount.parse().unwrap(), Currency::new(currency).unwrap())
    }

    #[test]
    fn minor_units_follow_the_currency() {
        for (amount, currency, minor) in
            [("10.50", "EUR", 1050), ("10", "JPY", 10), ("1.234", "KWD", 1234), ("0", "USD", 0)]
        {
            assert_eq!(money(amount, currency).to_minor().unwrap(), minor);
            assert_eq!(
                Money::from_minor(minor, Currency::new(currency).unwrap()),
                money(amount, currency)
            );
        }
    }

    #[test]
    fn what_would_lose_money_is_refused() {
        assert!(matches!(money("10.005", "EUR").to_minor(), Err(MoneyError::TooPrecise { .. })));
        assert!(matches!(money("0.5", "JPY").to_minor(), Err(MoneyError::TooPrecise { .. })));
        assert!(money("99999999999999999999", "EUR").to_minor().is_err());
        assert!(money("1", "EUR").plus(&money("1", "USD")).is_err());
    }

    #[test]
    fn amounts_are_strings_in_json_and_never_floats() {
        let text = serde_json::to_string(&money("100.00", "EUR")).unwrap();
        assert_eq!(text, r#"{"amount":"100.00","currency":"EUR"}"#);
        assert!(serde_json::from_str::<Money>(r#"{"amount":"1","currency":"eur"}"#).is_err());
    }
}
