//! A call's parameters: from the query, and from a JSON body that overrides it.
//!
//! The Web API spells one thing in two ways (`pass_main` in a query, `PassMain` in a body; `email` and `EMail`), so
//! names are compared without case and underscores. Values are strings or numbers. A list is separated by commas, or
//! is an array in a body.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::retcode;

/// The return code that a call fails with.
pub(super) type Code = u32;

/// The parameters of one call.
#[derive(Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads them; `3 Invalid parameters` when the body is neither empty nor a JSON object.
    pub fn read(query: &str, body: &[u8]) -> Result<Self, Code> {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(query).map_err(|_| retcode::PARAMS)?;
        let mut params: BTreeMap<String, String> =
            pairs.into_iter().map(|(name, value)| (normal(&name), value)).collect();
        if !body.iter().all(u8::is_ascii_whitespace) {
            let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
                return Err(retcode::PARAMS);
            };
            for (name, value) in fields {
                params.insert(normal(&name), text(&value)?);
            }
        }
        Ok(Self(params))
    }

    /// A parameter that is given and not empty: MT5 takes `RIGHTS=` as not given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&normal(name)).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter that must be given.
    pub fn required(&self, name: &str) -> Result<&str, Code> {
        self.get(name).ok_or(retcode::PARAMS)
    }

    /// A number that may be given.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, Code> {
        self.get(name).map(|value| value.parse().map_err(|_| retcode::PARAMS)).transpose()
    }

    /// A number that must be given.
    pub fn required_number<N: std::str::FromStr>(&self, name: &str) -> Result<N, Code> {
        self.number(name)?.ok_or(retcode::PARAMS)
    }

    /// An amount that must be given.
    pub fn required_decimal(&self, name: &str) -> Result<Decimal, Code> {
        let text = self.required(name)?;
        text.parse().or_else(|_| Decimal::from_scientific(text)).map_err(|_| retcode::PARAMS)
    }

    /// A list of numbers that may be given.
    pub fn numbers(&self, name: &str) -> Result<Option<Vec<u64>>, Code> {
        let Some(list) = self.get(name) else { return Ok(None) };
        list.split(',')
            .map(|n| n.trim().parse().map_err(|_| retcode::PARAMS))
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

fn normal(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

fn text(value: &Value) -> Result<String, Code> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(u8::from(*flag).to_string()),
        Value::Null => Ok(String::new()),
        Value::Array(items) => Ok(items.iter().map(text).collect::<Result<Vec<_>, _>>()?.join(",")),
        Value::Object(_) => Err(retcode::PARAMS),
    }
}

/// Whether `group` is among `masks`: names separated by commas, `*` for any text, `!` in front to leave out.
/// (`/api/user/logins`, request parameters.)
pub(super) fn group_matches(masks: &str, group: &str) -> bool {
    let mut matched = false;
    for mask in masks.split(',').map(str::trim) {
        match mask.strip_prefix('!') {
            Some(left_out) if glob(left_out, group) => return false,
            Some(_) => {}
            None => matched |= glob(mask, group),
        }
    }
    matched
}

fn glob(mask: &str, text: &str) -> bool {
    match mask.split_once('*') {
        None => mask == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            rest.is_empty()
                || text
                    .char_indices()
                    .map(|(i, _)| &text[i..])
                    .chain([""])
                    .any(|tail| glob(rest, tail))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_overrides_the_query_and_spellings_meet() {
        let params = Params::read(
            "pass_main=a&name=Ann&leverage=",
            br#"{"PassMain":"b","EMail":"x@y","Rights":483}"#,
        )
        .expect("good parameters");
        assert_eq!(params.get("pass_main"), Some("b"));
        assert_eq!(params.get("email"), Some("x@y"));
        assert_eq!(params.get("rights"), Some("483"));
        assert_eq!(params.get("leverage"), None, "empty is not given");
        assert_eq!(params.required("group"), Err(retcode::PARAMS));
        assert_eq!(Params::read("", b"{\"Login\":").err(), Some(retcode::PARAMS));
    }

    #[test]
    fn lists_come_with_commas_or_as_arrays() {
        let in_query = Params::read("login=1,2", b"").expect("good parameters");
        let in_body = Params::read("", br#"{"login":[1,"2"]}"#).expect("good parameters");
        assert_eq!(in_query.numbers("login"), Ok(Some(vec![1, 2])));
        assert_eq!(in_body.numbers("login"), Ok(Some(vec![1, 2])));
        assert_eq!(
            Params::read("login=1,x", b"").expect("read").numbers("login"),
            Err(retcode::PARAMS)
        );
    }

    #[test]
    fn group_masks() {
        assert!(group_matches("demo\\*", "demo\\forex"));
        assert!(group_matches("real\\usd,demo\\*", "real\\usd"));
        assert!(!group_matches("demo\\*,!demo\\forex", "demo\\forex"));
        assert!(group_matches("demo\\*,!demo\\forex", "demo\\cfd"));
        assert!(group_matches("*usd*", "real\\usd-hedge"));
        assert!(!group_matches("demo", "demo\\forex"));
    }
}
