//! Return codes, and what they mean for a retry.
//!
//! Source: `vendors/mt5/retcodes.json` (the names of the MT5 Manager API); the classes are ours.
use crate::wire::Retcode;
use hub_plugin_sdk::Error;
use hub_plugin_sdk::prelude::{Decline, DeclineCategory, Verdict};

/// What a return code means for the request that got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Done.
    Done,
    /// Not done; it may work after so many milliseconds.
    Later(u64),
    /// Nobody answered for the trade server: an operation may have been done.
    Uncertain,
    /// Not done: there is not enough money.
    NoMoney,
    /// Not done: the same again will fail again.
    Wrong,
    /// Not done: the session or the manager's rights do not allow it.
    NotAllowed,
    /// The server cannot do this.
    Unsupported,
    /// A code that is in no list.
    Unknown,
}

/// A pause that is long enough for a queue to move on.
const SHORTLY_MS: u64 = 1_000;
/// A pause for what takes minutes, such as a closed market.
const MINUTES_MS: u64 = 60_000;

/// The class of a code.
pub(crate) fn class(code: u32) -> Class {
    match code {
        // OK, OK_NONE; REQUEST_PLACED, REQUEST_DONE, REQUEST_DONE_PARTIAL.
        0 | 1 | 10008..=10010 => Class::Done,
        // ERROR, NETWORK, TIMEOUT, CONNECTION, PARTIAL, CANCEL: the access server may have lost
        // the trade server on the way.
        2 | 7 | 9 | 10 | 14 | 16 => Class::Uncertain,
        // DISK, MEM, NOSERVICE, SHUTDOWN; AUTH_SERVER_BUSY; DEADLOCK, LOCKED.
        5 | 6 | 11 | 15 | 1018 | 12003 | 12004 => Class::Later(SHORTLY_MS),
        // FREQUENT, REQUEST_TOO_MANY.
        12 | 10024 => Class::Later(SHORTLY_MS),
        // PARAMS, DATA, NOTFOUND, DUPLICATE.
        3 | 4 | 13 | 17 => Class::Wrong,
        // PERMISSIONS; all of AUTH but SERVER_BUSY.
        8 | 1000..=1099 => Class::NotAllowed,
        // CFG, USR, TRADE, REPORT, HST.
        2000..=2099 | 3000..=3099 | 4000..=4099 | 5000..=5099 | 6000..=6099 => Class::Wrong,
        // INWAY, ACCEPTED, PROCESS: on its way; REQUEST_RETURN: back in the queue.
        10001..=10003 | 11000 => Class::Later(SHORTLY_MS),
        10019 => Class::NoMoney,
        // MARKET_CLOSED.
        10018 => Class::Later(MINUTES_MS),
        // REQUOTE, PRICES, ERROR, TIMEOUT, PRICE_CHANGED, PRICE_OFF, ORDER_CHANGED, LOCKED,
        // FROZEN, CONNECTION.
        10004 | 10005 | 10020 | 10021 | 10023 | 10028 | 10029 => Class::Later(SHORTLY_MS),
        10011 | 10012 | 10031 => Class::Uncertain,
        10006..=10099 => Class::Wrong,
        // NOTIMPLEMENT, NOTSUPPORTED.
        12000 | 12002 => Class::Unsupported,
        // NOTMAIN: the manager must connect to the main trade server.
        12001 => Class::Wrong,
        // MESSENGER, SUBS.
        14000..=14099 | 15000..=15099 => Class::Wrong,
        _ => Class::Unknown,
    }
}

/// The error for a code that is not [`Class::Done`]. `what` names the call; `once` says that the
/// request must not be made twice.
pub(crate) fn error(what: &str, retcode: &Retcode, once: bool) -> Error {
    let message = format!("{what}: MetaTrader answered {}", retcode.text);
    match class(retcode.code) {
        Class::Later(ms) => Error::Transient { message, retry_after_ms: Some(ms) },
        Class::Done | Class::Uncertain | Class::Unknown if once => Error::UnknownOutcome(message),
        Class::Done | Class::Uncertain | Class::Unknown => Error::transient(message),
        Class::NoMoney => Error::Declined(Decline {
            category: DeclineCategory::InsufficientFunds,
            verdict: Verdict::Stop,
            vendor_code: retcode.code.to_string(),
            message: Some(message),
        }),
        Class::Wrong => Error::InvalidRequest(message),
        Class::NotAllowed => Error::Unauthorised(message),
        Class::Unsupported => Error::Unsupported(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Listed {
        retcodes: Vec<Entry>,
    }
    #[derive(serde::Deserialize)]
    struct Entry {
        name: String,
        code: u32,
    }

    /// The list is a copy of the project's `vendors/mt5/retcodes.json`.
    #[test]
    fn every_listed_code_has_a_class() {
        let text = include_str!("../tests/retcodes.json");
        let listed: Listed = serde_json::from_str(text).expect("the list is JSON");
        assert!(listed.retcodes.len() > 100);
        for Entry { name, code } in listed.retcodes {
            assert_ne!(class(code), Class::Unknown, "{name} {code}");
        }
        assert_eq!(class(99_999), Class::Unknown);
    }

    #[test]
    fn what_may_have_been_done_is_unknown_for_what_must_not_be_done_twice() {
        let of = |code: u32| Retcode { code, text: format!("{code} x") };
        for code in [2, 7, 9, 10, 10012, 99_999] {
            assert!(matches!(error("t", &of(code), true), Error::UnknownOutcome(_)), "{code}");
            assert!(matches!(error("t", &of(code), false), Error::Transient { .. }), "{code}");
        }
        assert!(matches!(error("t", &of(10019), true), Error::Declined(_)));
        assert!(matches!(error("t", &of(3002), true), Error::InvalidRequest(_)));
        assert!(matches!(error("t", &of(8), true), Error::Unauthorised(_)));
        assert!(matches!(error("t", &of(12000), true), Error::Unsupported(_)));
    }
}
