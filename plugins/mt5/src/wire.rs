//! What the Web API answers. Numbers come as JSON strings; they are taken as JSON numbers too.
//!
//! Source: the "Data structure" pages of the Web API's manager interface. Only the fields that are
//! needed.
use rust_decimal::Decimal;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An integer: logins, tickets, times, bit masks. Empty text is 0, as the documentation's examples
/// write an absent ticket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Int(pub(crate) i64);

/// A decimal: amounts and prices.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Dec(pub(crate) Decimal);

struct IntVisitor;
impl Visitor<'_> for IntVisitor {
    type Value = Int;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, as text or number")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Int, E> {
        if text.is_empty() {
            return Ok(Int(0));
        }
        text.parse().map(Int).map_err(|_| E::custom("text that is no integer"))
    }
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Int, E> {
        Ok(Int(number))
    }
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Int, E> {
        i64::try_from(number).map(Int).map_err(|_| E::custom("an integer beyond 63 bits"))
    }
}
impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntVisitor)
    }
}
impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

struct DecVisitor;
impl Visitor<'_> for DecVisitor {
    type Value = Dec;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal, as text or number")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Dec, E> {
        Decimal::from_str_exact(text)
            .or_else(|_| Decimal::from_scientific(text))
            .map(Dec)
            .map_err(|_| E::custom("text that is no decimal"))
    }
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Dec, E> {
        Ok(Dec(number.into()))
    }
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Dec, E> {
        Ok(Dec(number.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Dec, E> {
        self.visit_str(&number.to_string())
    }
}
impl<'de> Deserialize<'de> for Dec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DecVisitor)
    }
}

/// `{"retcode": "0 Done", "answer": …}`. `login` stands beside the answer of `user/add`.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer<T> {
    pub(crate) retcode: Retcode,
    #[serde(default = "none")]
    pub(crate) answer: Option<T>,
    #[serde(default)]
    pub(crate) login: Option<Int>,
}

fn none<T>() -> Option<T> {
    None
}

/// `"13 Not found"`: a number, and words for people.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Retcode {
    pub(crate) code: u32,
    /// The whole text, at most 80 characters.
    pub(crate) text: String,
}

impl Retcode {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let code = text.split_whitespace().next()?.parse().ok()?;
        Some(Self { code, text: text.chars().take(80).collect() })
    }
}
impl<'de> Deserialize<'de> for Retcode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a retcode without its number"))
    }
}

/// `/api/auth/start`.
#[derive(Debug, Deserialize)]
pub(crate) struct Started {
    pub(crate) retcode: Retcode,
    #[serde(default)]
    pub(crate) srv_rand: String,
}

/// `/api/time/server`: `"1572518788 2019.10.31 10:46:28"`.
#[derive(Debug, Deserialize)]
pub(crate) struct ServerTime {
    #[serde(rename = "Time", alias = "time")]
    pub(crate) time: String,
}

/// `/api/time/get`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TimeSettings {
    /// 1 if the platform switches to daylight saving time.
    #[serde(default)]
    pub(crate) daylight: Int,
    /// Whether it is applied now.
    #[serde(default)]
    pub(crate) daylight_state: Option<Int>,
    /// Minutes east of GMT.
    pub(crate) time_zone: Int,
}

/// A record of an account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct User {
    #[serde(default)]
    pub(crate) login: Int,
    #[serde(default)]
    pub(crate) group: Option<String>,
    #[serde(default)]
    pub(crate) rights: Option<Int>,
    #[serde(default)]
    pub(crate) comment: String,
}

/// The trading state of an account.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Account {
    pub(crate) login: Int,
    pub(crate) balance: Dec,
    pub(crate) equity: Dec,
    #[serde(default)]
    pub(crate) credit: Dec,
    #[serde(default)]
    pub(crate) margin: Option<Dec>,
}

/// A deal.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Deal {
    pub(crate) deal: Int,
    pub(crate) login: Int,
    pub(crate) action: Int,
    #[serde(default)]
    pub(crate) entry: Int,
    /// Seconds, server time.
    pub(crate) time: Int,
    /// Milliseconds, server time.
    #[serde(default)]
    pub(crate) time_msc: Option<Int>,
    #[serde(default)]
    pub(crate) symbol: String,
    /// 1/10,000 lot.
    #[serde(default)]
    pub(crate) volume: Int,
    /// 1/100,000,000 lot.
    #[serde(default)]
    pub(crate) volume_ext: Int,
    #[serde(default)]
    pub(crate) profit: Dec,
    #[serde(default)]
    pub(crate) commission: Dec,
    /// A fee beside the commission; newer servers.
    #[serde(default)]
    pub(crate) fee: Dec,
    /// Swap.
    #[serde(default)]
    pub(crate) storage: Dec,
    #[serde(default)]
    pub(crate) comment: String,
}

/// An open position.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Position {
    pub(crate) position: Int,
    pub(crate) symbol: String,
    /// 0 bought, 1 sold.
    pub(crate) action: Int,
    #[serde(default)]
    pub(crate) digits: Int,
    /// The price at which it would close now.
    pub(crate) price_current: Dec,
    pub(crate) volume: Int,
    #[serde(default)]
    pub(crate) volume_ext: Int,
}

/// `/api/trade/balance`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Booked {
    pub(crate) ticket: Int,
}

/// `/api/dealer/send_request`.
#[derive(Debug, Deserialize)]
pub(crate) struct Queued {
    #[serde(rename = "ID", alias = "id")]
    pub(crate) id: Int,
}

/// A dealer's request that closes a position.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Close {
    pub(crate) action: String,
    pub(crate) login: String,
    pub(crate) symbol: String,
    pub(crate) volume: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) volume_ext: Option<String>,
    pub(crate) type_fill: String,
    pub(crate) r#type: String,
    pub(crate) price_order: String,
    pub(crate) digits: String,
    pub(crate) position: String,
    pub(crate) comment: String,
}

/// `/api/dealer/get_request_result`: `{"retcode": …, "13": [{"result": …}, {"answer": …}]}`, or the
/// same lists under `answer`.
#[derive(Debug, Deserialize)]
pub(crate) struct Results {
    #[serde(default)]
    pub(crate) answer: std::collections::BTreeMap<String, Vec<ResultPart>>,
    #[serde(flatten)]
    pub(crate) by_id: std::collections::BTreeMap<String, ResultEntry>,
}

/// What stands under a key of [`Results`].
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ResultEntry {
    /// What has happened to a request so far.
    Parts(Vec<ResultPart>),
    /// Another field.
    Other(serde::de::IgnoredAny),
}

/// One of the two forms in which a result comes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ResultPart {
    pub(crate) result: Option<Confirmation>,
    pub(crate) answer: Option<Executed>,
}

/// The older form.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Confirmation {
    pub(crate) retcode: Option<LooseCode>,
}

/// The newer form.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Executed {
    pub(crate) result_retcode: Option<LooseCode>,
}

/// A return code as a number, or as text that begins with one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum LooseCode {
    /// A number.
    Number(u32),
    /// `"10009 Done"`.
    Text(String),
}

impl LooseCode {
    pub(crate) fn code(&self) -> Option<u32> {
        match self {
            Self::Number(code) => Some(*code),
            Self::Text(text) => Retcode::parse(text).map(|found| found.code),
        }
    }
}
