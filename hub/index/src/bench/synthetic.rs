//! Events like a broker's: payments of five events each, of which only the first names the
//! client, over a few connections.

use hub_log::Record;

use crate::doc::{Doc, Extract, OWNER};

/// Events of one payment.
const PAYMENT_EVENTS: u64 = 5;

/// A client has some hundred events.
const CLIENT_PAYMENTS: u64 = 20;

/// How far apart events are.
const STEP_MS: u64 = 50;

const START_MS: u64 = 1_760_000_000_000;

const TYPES: [&str; PAYMENT_EVENTS as usize] = [
    "deposit.requested",
    "deposit.started",
    "deposit.authorised",
    "deposit.settled",
    "account.credited",
];

const CONNECTIONS: u64 = 6;

/// Scatters, so that a client's events lie apart.
fn mixed(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    n ^ (n >> 29)
}

pub(super) fn client_of(payment: u64, events: u64) -> String {
    let clients = (events / PAYMENT_EVENTS / CLIENT_PAYMENTS).max(1);
    format!("cl_{:06}", mixed(payment) % clients)
}

pub(super) fn payment_of(sequence: u64) -> u64 {
    // The events of a hundred payments interleave.
    let block = sequence / (100 * PAYMENT_EVENTS);
    block * 100 + sequence % 100
}

pub(super) fn type_of(sequence: u64) -> &'static str {
    TYPES[(sequence / 100 % PAYMENT_EVENTS) as usize]
}

pub(super) fn connection_of(payment: u64) -> String {
    format!("psp-{}", mixed(payment + 7) % CONNECTIONS)
}

pub(super) fn time_of(sequence: u64) -> i64 {
    let jitter = mixed(sequence) % 2000;
    i64::try_from(START_MS + sequence * STEP_MS + jitter).unwrap_or(i64::MAX)
}

/// An event as the log has it, some 400 bytes.
pub(super) fn body(sequence: u64) -> String {
    let payment = payment_of(sequence);
    let (kind, connection, at) = (type_of(sequence), connection_of(payment), time_of(sequence));
    let first = kind == TYPES[0];
    // Ten million events are of a hundred thousand clients, whatever the log's length.
    let client = if first { client_of(payment, 10_000_000) } else { String::new() };
    let amount = mixed(sequence) % 100_000;
    format!(
        "{kind}|payment/pay_{payment:010}|{at}|{connection}|eu|pay_{payment:010}|{}|{client}|\
         {{\"payment\":\"pay_{payment:010}\",\"amount\":\"{amount}.{:02}\",\"currency\":\"EUR\",\
         \"reference\":\"ref{sequence:x}\",\"method\":\"card\",\"account\":\"{:08}\",\
         \"descriptor\":\"deposit to trading account\",\"status\":\"ok\",\"attempt\":1,\
         \"vendor\":{{\"id\":\"{:016x}\",\"state\":\"captured\",\"network\":\"visa\"}}}}",
        sequence.saturating_sub(1),
        amount % 100,
        mixed(payment) % 1_000_000,
        mixed(sequence),
    )
}

pub(super) fn document(record: &Record) -> Option<Doc> {
    let text = std::str::from_utf8(&record.body).ok()?;
    let mut fields = text.splitn(9, '|');
    let mut next = || fields.next();
    let (kind, subject, at, connection, entity, flow, cause, client, data) =
        (next()?, next()?, next()?, next()?, next()?, next()?, next()?, next()?, next()?);
    let mut tags = vec![
        ("type", kind.to_owned()),
        ("subject", subject.to_owned()),
        ("connection", connection.to_owned()),
        ("entity", entity.to_owned()),
        ("correlation", flow.to_owned()),
        ("cause", cause.to_owned()),
    ];
    let mut owns = Vec::new();
    if !client.is_empty() {
        tags.push((OWNER, client.to_owned()));
        owns.push(flow.to_owned());
    }
    Some(Doc { time_ms: at.parse().ok()?, tags, text: data.to_owned(), owns })
}

pub(super) struct Synthetic;

impl Extract for Synthetic {
    fn extract(
        &self,
        record: &Record,
        owner: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Option<Doc> {
        let mut doc = document(record)?;
        if doc.owns.is_empty() {
            let flow = doc.tags.iter().find(|(name, _)| *name == "correlation");
            if let Some(client) = flow.and_then(|(_, flow)| owner(flow)) {
                doc.tags.push((OWNER, client));
            }
        }
        Some(doc)
    }

    fn version(&self) -> u32 {
        1
    }
}
