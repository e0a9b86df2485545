//! Between the author's types and those of the contract.
use crate::bindings::types;
use crate::{Check, Delivery, Error, Event, Part, Reply, Request, Response};
use serde::Serialize;

fn pairs(headers: Vec<types::Header>) -> Vec<(String, Vec<u8>)> {
    headers.into_iter().map(|h| (h.name, h.value)).collect()
}

impl From<types::Delivery> for Delivery {
    fn from(d: types::Delivery) -> Self {
        Self { method: d.method, path: d.path, headers: pairs(d.headers), body: d.body }
    }
}

impl From<types::Reply> for Reply {
    fn from(reply: types::Reply) -> Self {
        match reply {
            types::Reply::Response(r) => Self::Response(Response {
                status: r.status,
                headers: pairs(r.headers),
                body: r.body,
            }),
            types::Reply::NotSent(why) => Self::NotSent(why),
            types::Reply::NoAnswer(why) => Self::NoAnswer(why),
        }
    }
}

impl From<Part> for types::Part {
    fn from(part: Part) -> Self {
        match part {
            Part::Bytes(bytes) => Self::Bytes(bytes),
            Part::Secret(secret) => Self::Secret(secret),
            Part::Recipe(recipe) => Self::Recipe(recipe.0),
        }
    }
}

fn parts(parts: Vec<Part>) -> Vec<types::Part> {
    parts.into_iter().map(Into::into).collect()
}

impl From<Request> for types::Request {
    fn from(r: Request) -> Self {
        Self {
            method: r.method.to_owned(),
            url: parts(r.url),
            headers: r.headers.into_iter().map(|(name, value)| (name, parts(value))).collect(),
            body: parts(r.body),
            capture: r
                .capture
                .into_iter()
                .map(|(at, name, ttl_s)| types::Capture { at, name, ttl_s })
                .collect(),
            prove: r
                .prove
                .into_iter()
                .map(|(at, recipe)| types::Proof { at, recipe: recipe.0 })
                .collect(),
            unsafe_to_repeat: r.unsafe_to_repeat,
            affinity: r.affinity,
            timeout_ms: r.timeout_ms,
        }
    }
}

impl From<Check> for types::Check {
    fn from(c: Check) -> Self {
        Self { item: c.item, recipe: c.recipe.0, expect: c.expect, signed_at_s: c.signed_at_s }
    }
}

impl From<Event> for types::Event {
    fn from(e: Event) -> Self {
        Self {
            type_: e.payload.event_type().to_owned(),
            id: e.id,
            time_ms: e.time_ms,
            data: e.payload.to_json(),
        }
    }
}

/// A word of a `schemas` enum, such as `insufficient_funds`.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

impl From<Error> for types::Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Transient { message, retry_after_ms } => {
                Self::Transient((message, retry_after_ms))
            }
            Error::Declined(decline) => Self::Declined(types::Decline {
                category: word(decline.category),
                verdict: word(decline.verdict),
                code: decline.vendor_code,
                message: decline.message.unwrap_or_default(),
            }),
            Error::InvalidRequest(why) => Self::InvalidRequest(why),
            Error::Unauthorised(why) => Self::Unauthorised(why),
            Error::Unsupported(why) => Self::Unsupported(why),
            Error::UnknownOutcome(why) => Self::UnknownOutcome(why),
            Error::NotUnderstood(why) => Self::NotUnderstood(why),
        }
    }
}
