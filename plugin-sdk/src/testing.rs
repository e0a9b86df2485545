//! Native unit tests of a connector: run a call against scripted replies, with the re-execution
//! that the hub does.
use crate::bindings::types;
use crate::ctx::{Ctx, Ended, drive};
use crate::{Error, Event, Part, Reply, Request, Response};
use std::future::Future;

/// A request as a test sees it: text, with secrets shown as `{secret:name}` and recipes as
/// `{recipe}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Method.
    pub method: String,
    /// URL.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
    /// It said that it must not be repeated blindly.
    pub unsafe_to_repeat: bool,
    /// What it captures: from, name.
    pub captures: Vec<(String, String)>,
}

impl Seen {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

fn shown(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Part::Secret(secret) => format!("{{secret:{}}}", secret.name),
            Part::Recipe(_) => "{recipe}".to_owned(),
        })
        .collect()
}

impl From<&Request> for Seen {
    fn from(r: &Request) -> Self {
        Self {
            method: r.method.to_owned(),
            url: shown(&r.url),
            headers: r.headers.iter().map(|(n, v)| (n.clone(), shown(v))).collect(),
            body: shown(&r.body),
            unsafe_to_repeat: r.unsafe_to_repeat,
            captures: r.capture.iter().map(|(f, n, _)| (f.clone(), n.clone())).collect(),
        }
    }
}

/// A context for tests: connection `test`, these settings, this time, a fixed nonce.
pub fn ctx(settings: &serde_json::Value, now_ms: i64) -> Ctx {
    with_history(settings, now_ms, Vec::new())
}

fn with_history(settings: &serde_json::Value, now_ms: i64, history: Vec<Reply>) -> Ctx {
    let context = types::Context {
        connection: "test".to_owned(),
        settings: settings.to_string(),
        now_ms,
        nonce: (0..16).collect(),
        live: false,
    };
    Ctx::new(context, history)
}

/// A JSON answer.
pub fn json(status: u16, body: serde_json::Value) -> Reply {
    Reply::Response(Response {
        status,
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        body: body.to_string().into_bytes(),
    })
}

/// What a call came to.
#[derive(Debug)]
pub struct Finished<T> {
    /// Its result.
    pub result: Result<T, Error>,
    /// What it emitted beside.
    pub events: Vec<Event>,
    /// What it asked the vendor, in order.
    pub requests: Vec<Seen>,
}

/// Runs a call as the hub does: again from the start after each request, `vendor` answering. The
/// steps are bounded as in the hub.
pub fn call<T, F: Future<Output = Result<T, Error>>>(
    settings: &serde_json::Value,
    now_ms: i64,
    call: impl Fn(&'static Ctx) -> F,
    mut vendor: impl FnMut(&Seen) -> Reply,
) -> Finished<T> {
    const STEPS_MAX: usize = 16;
    let mut history = Vec::new();
    let mut requests = Vec::new();
    while requests.len() <= STEPS_MAX {
        let ctx: &'static Ctx =
            Box::leak(Box::new(with_history(settings, now_ms, history.clone())));
        match drive(ctx, call(ctx)) {
            Ended::Done(result, events) => return Finished { result, events, requests },
            Ended::Asks(request) => {
                let seen = Seen::from(&request);
                history.push(vendor(&seen));
                requests.push(seen);
            }
        }
    }
    panic!("the call asked for more than {STEPS_MAX} requests: {requests:#?}");
}
