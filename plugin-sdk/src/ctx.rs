//! A call's context, and the executor that hides the history.
use crate::{Error, Event, Reply, Request, Response, bindings::types};
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};

/// What the hub hands a call, and the way to ask a vendor.
pub struct Ctx {
    connection: String,
    settings: String,
    now_ms: i64,
    nonce: Vec<u8>,
    live: bool,
    run: RefCell<Run>,
}

/// How far this run has come through the history.
#[derive(Default)]
struct Run {
    history: std::vec::IntoIter<Reply>,
    asked: Option<Request>,
    events: Vec<Event>,
}

/// Where a run ended.
pub(crate) enum Ended<T> {
    /// It needs the answer to this request.
    Asks(Request),
    /// It came to its end, with these events on the way.
    Done(T, Vec<Event>),
}

impl Ctx {
    pub(crate) fn new(context: types::Context, history: Vec<Reply>) -> Self {
        Self {
            connection: context.connection,
            settings: context.settings,
            now_ms: context.now_ms,
            nonce: context.nonce,
            live: context.live,
            run: RefCell::new(Run { history: history.into_iter(), ..Run::default() }),
        }
    }

    /// The connection's id, such as `stripe-eu`.
    pub fn connection(&self) -> &str {
        &self.connection
    }
    /// The time of this call, Unix milliseconds: the only clock there is.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }
    /// 16 random bytes, new for each call, the same in every step of it.
    pub fn nonce(&self) -> &[u8] {
        &self.nonce
    }
    /// Real money, or the vendor's test environment.
    pub fn live(&self) -> bool {
        self.live
    }
    /// The connection's settings.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.settings).map_err(|error| {
            Error::InvalidRequest(format!("settings of {}: {error}", self.connection))
        })
    }
    /// Adds an event to what this call tells the hub, beside its result.
    pub fn emit(&self, event: Event) {
        self.run.borrow_mut().events.push(event);
    }

    /// Performs a request. A request that did not leave is transient; one that may have left
    /// without an answer is transient too, or an unknown outcome if it is unsafe to repeat.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let unsafe_to_repeat = request.is_unsafe_to_repeat();
        match self.try_send(request).await {
            Reply::Response(response) => Ok(response),
            Reply::NotSent(why) => Err(Error::transient(why)),
            Reply::NoAnswer(why) if unsafe_to_repeat => Err(Error::UnknownOutcome(why)),
            Reply::NoAnswer(why) => Err(Error::transient(why)),
        }
    }

    /// Performs a request, and leaves it to the caller what no answer means.
    pub fn try_send(&self, request: Request) -> impl Future<Output = Reply> + '_ {
        Sending { ctx: self, request: Some(request) }
    }
}

struct Sending<'a> {
    ctx: &'a Ctx,
    request: Option<Request>,
}

impl Future for Sending<'_> {
    type Output = Reply;
    fn poll(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Reply> {
        let mut run = self.ctx.run.borrow_mut();
        if let Some(reply) = run.history.next() {
            return Poll::Ready(reply);
        }
        // Two requests at once would make the order of the history a matter of chance.
        debug_assert!(run.asked.is_none(), "await one request before you send the next");
        run.asked = self.request.take();
        Poll::Pending
    }
}

/// Runs a call to its end, or to the first request that the history does not answer.
pub(crate) fn drive<T, F: Future<Output = T>>(ctx: &Ctx, call: F) -> Ended<T> {
    let polled = pin!(call).poll(&mut TaskContext::from_waker(Waker::noop()));
    let mut run = ctx.run.borrow_mut();
    match polled {
        Poll::Ready(value) => Ended::Done(value, std::mem::take(&mut run.events)),
        Poll::Pending => Ended::Asks(
            run.asked.take().expect("only `Ctx::try_send` suspends, and it leaves its request"),
        ),
    }
}

/// What a vendor sent to the connection's webhook, byte for byte.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// `POST`, mostly.
    pub method: String,
    /// Path and query below `/hooks/{connection}`.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The raw body: what signatures cover.
    pub body: Vec<u8>,
}

impl Delivery {
    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        crate::request::find_header(&self.headers, name)
    }
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}
