//! Faults on order.
//!
//! A mark `!fault OP NTH COUNT HOW` makes `COUNT` calls of the kind `OP` fail, from the `NTH`
//! from now on (1 is the next): `OP` one of `write fsync fdatasync range open resize`, `HOW` one
//! of `eio enospc short` (short: half of the bytes are written, and that many reported).
//! `!heal` forgets all orders.

use libc::c_int;

/// A kind of call that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Write,
    Fsync,
    Fdatasync,
    Range,
    Open,
    Resize,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Errno(c_int),
    Short,
}

struct Order {
    op: Op,
    /// Calls that still pass.
    pass: u64,
    /// Calls that then fail.
    fail: u64,
    how: How,
}

/// What is ordered.
#[derive(Default)]
pub(crate) struct Faults(Vec<Order>);

impl Faults {
    /// Takes an order; false when it is not understood.
    pub(crate) fn order(&mut self, text: &str) -> bool {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["heal"] => self.0.clear(),
            ["fault", op, nth, count, how] => match parse(op, nth, count, how) {
                Some(order) => self.0.push(order),
                None => return false,
            },
            _ => return false,
        }
        true
    }

    /// Counts a call, and says whether and how it fails.
    pub(crate) fn next(&mut self, op: Op) -> Option<How> {
        let order = self.0.iter_mut().find(|order| order.op == op && order.fail > 0)?;
        if order.pass > 0 {
            order.pass -= 1;
            return None;
        }
        order.fail -= 1;
        Some(order.how)
    }
}

fn parse(op: &str, nth: &str, count: &str, how: &str) -> Option<Order> {
    let op = match op {
        "write" => Op::Write,
        "fsync" => Op::Fsync,
        "fdatasync" => Op::Fdatasync,
        "range" => Op::Range,
        "open" => Op::Open,
        "resize" => Op::Resize,
        _ => return None,
    };
    let how = match how {
        "eio" => How::Errno(libc::EIO),
        "enospc" => How::Errno(libc::ENOSPC),
        "short" => How::Short,
        _ => return None,
    };
    let pass = nth.parse::<u64>().ok()?.checked_sub(1)?;
    Some(Order { op, pass, fail: count.parse().ok()?, how })
}
