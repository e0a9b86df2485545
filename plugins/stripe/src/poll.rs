//! Polls `GET /v1/events` (docs.stripe.com/api/events/list): what webhooks missed. The hub knows
//! the ids of events that came by webhook, so nothing counts twice.
use crate::event::{StripeEvent, TYPES};
use crate::object::Page;
use crate::settings::Settings;
use crate::{Stripe, api};
use hub_plugin_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// How often, in milliseconds: a webhook that is lost is missed for so long at most.
pub(crate) const EVERY_MS: u64 = 60_000;
/// The first poll looks back so far: from the making of the webhook endpoint to the hub's start.
const FIRST_LOOK_BACK_S: i64 = 3_600;
/// Stripe keeps events so long.
const KEPT_S: i64 = 30 * 24 * 3_600;
/// docs.stripe.com/api/pagination
const PAGE: &str = "100";

/// Where the next poll goes on. Lists are newest first, so there are two ways through them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cursor {
    /// Backwards from now to a time, page by page: nothing is known yet.
    CatchUp {
        since_s: i64,
        /// The newest event of the first page: where following begins.
        newest: Option<String>,
        /// The oldest event seen so far.
        oldest: Option<String>,
    },
    /// Forwards from an event that has been seen.
    Follow { newest: String },
}

impl Cursor {
    fn since(since_s: i64) -> Self {
        Self::CatchUp { since_s, newest: None, oldest: None }
    }

    fn read(cursor: Option<String>, now_s: i64) -> Result<Self, Error> {
        let Some(text) = cursor else { return Ok(Self::since(now_s - FIRST_LOOK_BACK_S)) };
        serde_json::from_str(&text)
            .map_err(|_| Error::InvalidRequest(format!("{text:?} is no cursor of this connector")))
    }

    fn request(&self, url: &str) -> Request {
        let mut request = api::authorised(Request::get(url)).query("limit", PAGE);
        for kind in TYPES {
            request = request.query("types[]", kind);
        }
        match self {
            Self::Follow { newest } => request.query("ending_before", newest),
            Self::CatchUp { since_s, oldest, .. } => {
                let request = request.query("created[gte]", since_s.to_string());
                match oldest {
                    Some(oldest) => request.query("starting_after", oldest),
                    None => request,
                }
            }
        }
    }

    /// After a page whose first (newest) and last (oldest) events are these.
    fn after(self, first: Option<String>, last: Option<String>, more: bool) -> Self {
        match self {
            Self::Follow { newest } => Self::Follow { newest: first.unwrap_or(newest) },
            Self::CatchUp { since_s, newest, oldest } => match newest.or(first) {
                Some(newest) if !more => Self::Follow { newest },
                newest => Self::CatchUp { since_s, newest, oldest: last.or(oldest) },
            },
        }
    }
}

impl Poll for Stripe {
    async fn next(ctx: &Ctx, cursor: Option<String>) -> Result<Polled, Error> {
        let url = ctx.settings::<Settings>()?.url("/v1/events");
        let now_s = ctx.now_ms() / 1_000;
        let mut cursor = Cursor::read(cursor, now_s)?;
        let mut response = ctx.send(cursor.request(&url)).await?;
        if is_forgotten(&response) {
            // The hub was away for longer than Stripe keeps events: all that there still is.
            cursor = Cursor::since(now_s - KEPT_S);
            response = ctx.send(cursor.request(&url)).await?;
        }
        if !response.is_success() {
            return Err(api::failure(&response, "list of events"));
        }
        let page: Page<StripeEvent<'_>> = serde_json::from_slice(&response.body).map_err(|e| {
            Error::transient(format!("list of events: not the documented JSON: {e}"))
        })?;
        if page.data.iter().any(|event| event.livemode != ctx.live()) {
            return Err(api::wrong_mode(ctx.live()));
        }
        let mut events = Vec::new();
        for event in page.data.iter().rev() {
            // One that cannot be read must not hold up those behind it, nor be lost.
            events.extend(event.read(ctx.live()).unwrap_or_else(|_| Some(event.unread())));
        }
        let id = |event: Option<&StripeEvent<'_>>| event.map(|event| event.id.clone());
        let more = page.has_more && !page.data.is_empty();
        let cursor = cursor.after(id(page.data.first()), id(page.data.last()), more);
        Ok(Polled { events, cursor: serde_json::to_string(&cursor)?, more })
    }
}

/// Stripe no longer knows the event that the cursor names.
fn is_forgotten(response: &Response) -> bool {
    matches!(response.status, 400 | 404)
        && api::said(response)
            .is_some_and(|error| error.code.as_deref() == Some("resource_missing"))
}
