//! Reading what callers send, as strictly as Sumsub does.

use std::collections::HashMap;

use serde_json::Value;

use super::SumsubConfig;
use super::state::{NewApplicant, Review};

/// How long an SDK link or token lives when the caller says nothing (`reference/generate-access-token`).
const TTL_S_DEFAULT: u32 = 600;
/// The longest external user id that is accepted.
const EXTERNAL_USER_ID_CHARS_MAX: usize = 512;

/// A refusal.
#[derive(Debug)]
pub(super) struct Bad {
    pub status: u16,
    /// `errorCode` and `errorName`; most errors have none.
    pub code: Option<(u32, String)>,
    pub description: String,
}

impl Bad {
    pub fn new(status: u16, description: String) -> Self {
        Self { status, code: None, description }
    }

    /// A refusal that a fault asked for: a number is an `errorCode`, anything else an `errorName`.
    pub fn declined(code: String) -> Self {
        let number = code.parse().unwrap_or(0);
        Self { status: 409, description: format!("Refused: {code}"), code: Some((number, code)) }
    }
}

/// User id, level name and life in seconds of an SDK session.
pub(super) type Session = (String, String, u32);

/// The body and query of `POST /resources/applicants`.
pub(super) fn new_applicant(
    config: &SumsubConfig,
    query: &HashMap<String, String>,
    body: Value,
) -> Result<NewApplicant, Bad> {
    let level_name = level(config, query.get("levelName").map(String::as_str))?;
    let external_user_id = required(&body, "externalUserId")?;
    if external_user_id.chars().count() > EXTERNAL_USER_ID_CHARS_MAX {
        return Err(Bad::new(
            400,
            format!("externalUserId is longer than {EXTERNAL_USER_ID_CHARS_MAX} characters"),
        ));
    }
    let email = optional(&body, "email")?;
    if email.as_deref().is_some_and(|e| !e.contains('@')) {
        return Err(Bad::new(400, "Invalid email".into()));
    }
    let fixed_info = body.get("fixedInfo").cloned().unwrap_or(Value::Null);
    check_info(&fixed_info)?;
    Ok(NewApplicant {
        external_user_id,
        level_name,
        email,
        phone: optional(&body, "phone")?,
        lang: optional(&body, "lang")?,
        fixed_info,
    })
}

/// Countries are ISO 3166-1 alpha-3 and dates `YYYY-MM-DD` (`reference/create-applicant`, `fixedInfo`).
fn check_info(info: &Value) -> Result<(), Bad> {
    if !info.is_null() && !info.is_object() {
        return Err(Bad::new(400, "fixedInfo must be an object".into()));
    }
    for name in ["country", "countryOfBirth", "nationality", "taxResidenceCountry"] {
        let Some(value) = optional(info, name)? else { continue };
        if value.len() != 3 || !value.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(Bad::new(
                400,
                format!("Invalid {name} '{value}': an ISO 3166-1 alpha-3 code is expected"),
            ));
        }
    }
    let Some(dob) = optional(info, "dob")? else { return Ok(()) };
    match dob.parse::<jiff::civil::Date>() {
        Ok(date) if date.to_string() == dob => Ok(()),
        _ => Err(Bad::new(400, "Invalid dob: YYYY-MM-DD is expected".into())),
    }
}

/// The body of `POST …/levels/-/websdkLink` and of `POST /resources/accessTokens/sdk`.
pub(super) fn sdk_session(config: &SumsubConfig, body: &Value) -> Result<Session, Bad> {
    let level_name = level(config, optional(body, "levelName")?.as_deref())?;
    let ttl_s = match body.get("ttlInSecs") {
        None | Some(Value::Null) => TTL_S_DEFAULT,
        Some(given) => ttl(&given.to_string())?,
    };
    Ok((required(body, "userId")?, level_name, ttl_s))
}

/// The query of the older `POST …/levels/{level}/websdkLink?externalUserId=&ttlInSecs=`.
pub(super) fn legacy_link(
    config: &SumsubConfig,
    level_name: &str,
    query: &HashMap<String, String>,
) -> Result<Session, Bad> {
    session_in_query(config, Some(level_name), query, "externalUserId")
}

/// The query of the older `POST /resources/accessTokens?userId=&levelName=&ttlInSecs=`.
pub(super) fn token_session(
    config: &SumsubConfig,
    query: &HashMap<String, String>,
) -> Result<Session, Bad> {
    session_in_query(config, query.get("levelName").map(String::as_str), query, "userId")
}

fn session_in_query(
    config: &SumsubConfig,
    level_name: Option<&str>,
    query: &HashMap<String, String>,
    user_name: &str,
) -> Result<Session, Bad> {
    let level_name = level(config, level_name)?;
    let Some(user_id) = query.get(user_name).filter(|id| !id.is_empty()) else {
        return Err(Bad::new(400, format!("{user_name} is required")));
    };
    let ttl_s = query.get("ttlInSecs").map_or(Ok(TTL_S_DEFAULT), |given| ttl(given))?;
    Ok((user_id.clone(), level_name, ttl_s))
}

/// The body of `POST …/status/testCompleted`.
pub(super) fn test_review(body: &Value) -> Result<Review, Bad> {
    let labels = match body.get("rejectLabels") {
        None | Some(Value::Null) => vec![],
        Some(labels) => serde_json::from_value(labels.clone())
            .map_err(|_| Bad::new(400, "rejectLabels must be an array of strings".into()))?,
    };
    match (required(body, "reviewAnswer")?.as_str(), optional(body, "reviewRejectType")?.as_deref())
    {
        ("GREEN", None) => Ok(Review::Green),
        ("RED", Some("RETRY")) => Ok(Review::RedRetry { labels }),
        ("RED", Some("FINAL")) => Ok(Review::RedFinal { labels }),
        _ => Err(Bad::new(
            400,
            "reviewAnswer must be GREEN, or RED with reviewRejectType RETRY or FINAL".into(),
        )),
    }
}

fn level(config: &SumsubConfig, name: Option<&str>) -> Result<String, Bad> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(Bad::new(400, "levelName is required".into()));
    };
    match config.levels.iter().find(|level| *level == name) {
        Some(level) => Ok(level.clone()),
        None => Err(Bad::new(404, format!("Level '{name}' not found"))),
    }
}

fn ttl(given: &str) -> Result<u32, Bad> {
    given
        .parse()
        .ok()
        .filter(|s| *s > 0)
        .ok_or_else(|| Bad::new(400, "ttlInSecs must be a positive number".into()))
}

fn required(body: &Value, name: &str) -> Result<String, Bad> {
    optional(body, name)?
        .filter(|s| !s.is_empty())
        .ok_or_else(|| Bad::new(400, format!("{name} is required")))
}

fn optional(body: &Value, name: &str) -> Result<Option<String>, Bad> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Bad::new(400, format!("{name} must be a string"))),
    }
}

/// Decodes one path segment. A path keeps `+` as it is, which a query does not.
pub(super) fn percent_decode(segment: &str) -> String {
    let kept = segment.replace('+', "%2B");
    serde_urlencoded::from_str::<Vec<(String, String)>>(&format!("s={}", kept.replace('&', "%26")))
        .ok()
        .and_then(|pairs| pairs.into_iter().next())
        .map_or_else(|| segment.to_owned(), |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_segments_decode_as_paths_do() {
        assert_eq!(
            percent_decode("-;externalUserId=acct%3A7%2F8+9&x=%20"),
            "-;externalUserId=acct:7/8+9&x= "
        );
        assert_eq!(percent_decode("plain"), "plain");
    }
}
