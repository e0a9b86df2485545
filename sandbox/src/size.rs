//! How much a step says: every text and byte in it.
use crate::types::{Check, Failure, Op, Outcome, Part, Request, Step};

/// A flat charge for each item, so that a million empty ones are not free.
const ITEM_BYTES: usize = 16;

fn recipe(ops: &[Op]) -> usize {
    ops.iter()
        .map(|op| match op {
            Op::Push(bytes) => bytes.len() + ITEM_BYTES,
            Op::Secret(name) => name.len() + ITEM_BYTES,
            _ => ITEM_BYTES,
        })
        .sum()
}

fn parts(parts: &[Part]) -> usize {
    parts
        .iter()
        .map(|part| match part {
            Part::Bytes(bytes) => bytes.len() + ITEM_BYTES,
            Part::Secret(secret) => secret.name.len() + ITEM_BYTES,
            Part::Recipe(ops) => recipe(ops) + ITEM_BYTES,
        })
        .sum()
}

fn request(r: &Request) -> usize {
    let headers: usize = r.headers.iter().map(|(n, v)| n.len() + parts(v) + ITEM_BYTES).sum();
    let capture: usize = r.capture.iter().map(|c| c.at.len() + c.name.len() + ITEM_BYTES).sum();
    let prove: usize = r.prove.iter().map(|p| p.at.len() + recipe(&p.recipe) + ITEM_BYTES).sum();
    let affinity = r.affinity.as_ref().map_or(0, String::len);
    r.method.len() + parts(&r.url) + headers + parts(&r.body) + capture + prove + affinity
}

fn outcome(o: &Outcome) -> usize {
    let events: usize = o
        .events
        .iter()
        .map(|e| e.type_.len() + e.id.as_ref().map_or(0, String::len) + e.data.len() + ITEM_BYTES)
        .sum();
    let answer = o.acknowledgement.as_ref().map_or(0, |a| {
        let headers: usize =
            a.headers.iter().map(|h| h.name.len() + h.value.len() + ITEM_BYTES).sum();
        a.body.len() + headers
    });
    let output = o.output.as_ref().map_or(0, String::len);
    events + answer + output + o.cursor.as_ref().map_or(0, String::len)
}

fn failure(failure: &Failure) -> usize {
    match failure {
        Failure::Transient((why, _))
        | Failure::InvalidRequest(why)
        | Failure::Unauthorised(why)
        | Failure::Unsupported(why)
        | Failure::UnknownOutcome(why)
        | Failure::NotUnderstood(why) => why.len(),
        Failure::Declined(d) => d.category.len() + d.verdict.len() + d.code.len() + d.message.len(),
    }
}

/// Bytes of a step.
pub(crate) fn of_step(step: &Step) -> usize {
    match step {
        Step::Send(r) => request(r),
        Step::Done(o) => outcome(o),
        Step::Fail(failure) => self::failure(failure),
    }
}

/// Bytes of checks.
pub(crate) fn of_checks(checks: &[Check]) -> usize {
    checks.iter().map(|c| recipe(&c.recipe) + c.expect.len() + ITEM_BYTES).sum()
}
