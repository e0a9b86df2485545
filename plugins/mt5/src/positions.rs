//! Closing positions: one dealer request each.
//!
//! A request is queued, and its result is known a moment later. What is closed is read from the
//! list of open positions afterwards; the results only say why one is not.
use crate::Mt5;
use crate::api::{joined, login_of};
use crate::retcode::{self, Class};
use crate::session::Manager;
use crate::settings::Settings;
use crate::wire::{Close, Int, LooseCode, Position, Queued, ResultEntry, Results};
use hub_plugin_sdk::actions::platform::{ClosePositions, ClosedPositions};
use hub_plugin_sdk::prelude::*;

const WHAT: &str = "closing positions";
/// The Web API gives at most this many positions a page.
const POSITIONS_PER_PAGE: &str = "100";
/// Requests of one call: with a log-in, two lists and the results they stay within 16 steps.
const REQUESTS_MAX: usize = 9;
/// `TA_DEALER_POS_EXECUTE` of `IMTRequest::EnTradeActions`.
const DEALER_POS_EXECUTE: &str = "200";
/// `ORDER_FILL_FOK` of `IMTOrder::EnOrderFilling`: all of it, or nothing.
const FILL_OR_KILL: &str = "0";
/// `OP_BUY` and `OP_SELL` of `IMTOrder::EnOrderType`.
const OP_BUY: &str = "0";
const OP_SELL: &str = "1";
/// What the deal's comment says.
const COMMENT: &str = "hub: close";
/// When to look again for requests that are still in the queue.
const LOOK_AGAIN_MS: u64 = 1_000;

impl PlatformPositions for Mt5 {
    /// Closes up to nine positions a call. Whatever is still open afterwards makes the call fail
    /// as transient, so that the hub calls again; only what the list shows as open is ever asked
    /// to close.
    async fn close_positions(ctx: &Ctx, close: ClosePositions) -> Result<ClosedPositions, Error> {
        let settings: Settings = ctx.settings()?;
        let manager = Manager::new(ctx, &settings);
        let login = login_of(ctx, &close.account)?;
        let before = open(&manager, &login).await?;
        if before.is_empty() {
            return Ok(ClosedPositions { closed: 0 });
        }
        let (queued, refused) = request_all(&manager, &login, &before).await?;
        let why = match refused {
            Some(why) => Some(why),
            None => first_refusal(&manager, &queued).await?,
        };
        let after = open(&manager, &login).await?;
        if after.is_empty() {
            let closed = u32::try_from(before.len()).unwrap_or(u32::MAX);
            return Ok(ClosedPositions { closed });
        }
        let (reason, pause_ms) = why.unwrap_or_else(|| ("none was refused".to_owned(), None));
        Err(Error::Transient {
            message: format!(
                "{WHAT}: {} of {} positions of {login} are still open; {reason}",
                after.len(),
                before.len()
            ),
            retry_after_ms: pause_ms.or(Some(LOOK_AGAIN_MS)),
        })
    }
}

/// Why a position is not closed, and when it may be.
type Why = (String, Option<u64>);

async fn open(manager: &Manager<'_>, login: &str) -> Result<Vec<Position>, Error> {
    let query = [("login", login), ("offset", "0"), ("total", POSITIONS_PER_PAGE)];
    manager.list(WHAT, "/api/position/get_page", &query).await
}

/// Asks to close each, and stops at the first that is refused for all: the rest would be too.
async fn request_all(
    manager: &Manager<'_>,
    login: &str,
    positions: &[Position],
) -> Result<(Vec<Int>, Option<Why>), Error> {
    let mut queued = Vec::new();
    for position in positions.iter().take(REQUESTS_MAX) {
        let request = Request::post(manager.settings.url("/api/dealer/send_request", &[]))
            .json(&request_body(login, position));
        match manager.once::<Queued>(WHAT, request).await {
            Ok(answer) => queued.extend(answer.answer.map(|queued| queued.id)),
            Err(Error::Transient { message, retry_after_ms }) => {
                return Ok((queued, Some((message, retry_after_ms))));
            }
            // It may be in the queue: the list will tell, now or at the next call.
            Err(Error::UnknownOutcome(why)) => return Ok((queued, Some((why, None)))),
            Err(Error::InvalidRequest(why)) => return Ok((queued, Some((why, None)))),
            Err(other) => return Err(other),
        }
    }
    Ok((queued, None))
}

fn request_body(login: &str, position: &Position) -> Close {
    Close {
        action: DEALER_POS_EXECUTE.to_owned(),
        login: login.to_owned(),
        symbol: position.symbol.clone(),
        volume: position.volume.to_string(),
        volume_ext: (position.volume_ext.0 != 0).then(|| position.volume_ext.to_string()),
        type_fill: FILL_OR_KILL.to_owned(),
        r#type: if position.action.0 == 0 { OP_SELL } else { OP_BUY }.to_owned(),
        price_order: position.price_current.0.to_string(),
        digits: position.digits.to_string(),
        position: position.position.to_string(),
        comment: COMMENT.to_owned(),
    }
}

/// The first result that says why a request was not executed. Results that are not there yet, or
/// cannot be read, say nothing.
async fn first_refusal(manager: &Manager<'_>, queued: &[Int]) -> Result<Option<Why>, Error> {
    if queued.is_empty() {
        return Ok(None);
    }
    let ids = joined(queued);
    let url = manager.settings.url("/api/dealer/get_request_result", &[("id", &ids)]);
    let results: Results = match manager.raw(WHAT, Request::get(url)).await {
        Ok(results) => results,
        Err(Error::Transient { .. } | Error::InvalidRequest(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let listed = results.by_id.into_values().filter_map(|entry| match entry {
        ResultEntry::Parts(parts) => Some(parts),
        ResultEntry::Other(_) => None,
    });
    let codes = results.answer.into_values().chain(listed).flatten().filter_map(|part| {
        let executed = part.answer.and_then(|answer| answer.result_retcode);
        executed
            .or(part.result.and_then(|result| result.retcode))
            .as_ref()
            .and_then(LooseCode::code)
    });
    for code in codes {
        match retcode::class(code) {
            Class::Done => {}
            // INWAY, ACCEPTED, PROCESS: in the queue.
            _ if (10001..=10003).contains(&code) => {}
            Class::Later(pause_ms) => {
                return Ok(Some((format!("MetaTrader answered {code} of one"), Some(pause_ms))));
            }
            _ => return Ok(Some((format!("MetaTrader answered {code} of one"), None))),
        }
    }
    Ok(None)
}
