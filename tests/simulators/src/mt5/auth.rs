//! The Web API's challenge and answer, and the session it opens.
//!
//! `support.metaquotes.net`, Web API, Authentication: `H = MD5(MD5(utf16le(password)) ‖ "WebAPI")`; the client
//! answers `MD5(H ‖ srv_rand)`, and the server proves itself with `MD5(H ‖ cli_rand)`. The answer must come within
//! ten seconds on the same keep-alive connection, and the session lives and dies with that connection, or after
//! 180 seconds without a request ("Maintaining connections").

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};

/// The key that both sides derive from the manager's password.
#[must_use]
pub fn password_key(password: &str) -> [u8; 16] {
    let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut hash = Md5::new();
    hash.update(Md5::digest(utf16));
    hash.update(b"WebAPI");
    hash.finalize().into()
}

/// The proof of knowing `key`, for the other side's random bytes: 32 lower-case hexadecimal digits.
#[must_use]
pub fn proof(key: [u8; 16], random: &[u8]) -> String {
    let mut hash = Md5::new();
    hash.update(key);
    hash.update(random);
    hex::encode(hash.finalize())
}

/// What one TCP connection has achieved. Kept in the connection, so it is gone when the connection is.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    stage: Stage,
    last_request: Option<Instant>,
    /// Trade requests sent here whose result was not yet fetched: id, and when the result is there. Results can be
    /// fetched on the connection that sent the request, and nowhere else.
    pub subscriptions: BTreeMap<u64, Instant>,
}

#[derive(Debug, Clone, Default)]
enum Stage {
    #[default]
    Stranger,
    Challenged {
        login: u64,
        srv_rand: [u8; 16],
        since: Instant,
    },
    Manager {
        login: u64,
    },
}

/// Why an answer to a challenge is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotLetIn {
    /// No challenge is open on this connection.
    NoChallenge,
    /// It came too late.
    Late,
    /// The login or the proof is wrong.
    Wrong,
}

impl Session {
    /// Opens a challenge, and forgets any session that was there.
    pub fn challenge(&mut self, login: u64, srv_rand: [u8; 16]) {
        *self = Self {
            stage: Stage::Challenged { login, srv_rand, since: Instant::now() },
            ..Self::default()
        };
    }

    /// Checks the answer to the challenge. A challenge can be answered once.
    pub fn answer(
        &mut self,
        manager: (u64, &str),
        window: Duration,
        given: &str,
    ) -> Result<(), NotLetIn> {
        let Stage::Challenged { login, srv_rand, since } = std::mem::take(&mut self.stage) else {
            return Err(NotLetIn::NoChallenge);
        };
        if since.elapsed() > window {
            return Err(NotLetIn::Late);
        }
        if login != manager.0
            || !given.eq_ignore_ascii_case(&proof(password_key(manager.1), &srv_rand))
        {
            return Err(NotLetIn::Wrong);
        }
        self.stage = Stage::Manager { login };
        self.last_request = Some(Instant::now());
        Ok(())
    }

    /// The manager logged in here, if the session is alive; counts as a request.
    pub fn manager(&mut self, idle_max: Duration) -> Option<u64> {
        let Stage::Manager { login } = self.stage else { return None };
        if self.last_request.is_some_and(|at| at.elapsed() > idle_max) {
            *self = Self::default();
            return None;
        }
        self.last_request = Some(Instant::now());
        Some(login)
    }

    /// Ends the session.
    pub fn quit(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vendor facts, `auth_vectors.json`; the first is printed in MetaQuotes' documentation.
    #[test]
    fn the_published_vectors_hold() {
        for (password, srv_rand, answer) in [
            ("Password1", "73007dc7184747ce0f7c98516ef1c851", "77fe51827f7fa69dd80fbec9aa33f1bb"),
            ("pässwörd€", "00112233445566778899aabbccddeeff", "259f91fb72c025297d6ca2d2b8a89d17"),
        ] {
            let random = hex::decode(srv_rand).expect("hexadecimal");
            assert_eq!(proof(password_key(password), &random), answer, "{password}");
        }
        assert_eq!(hex::encode(password_key("Password1")), "904ba8ecb16273d2f0ae9c3b8a023752");
    }

    #[test]
    fn a_challenge_is_answered_once_in_time_and_by_the_right_login() {
        let window = Duration::from_secs(10);
        let right = proof(password_key("pw"), &[7; 16]);
        let mut session = Session::default();
        assert_eq!(session.answer((1, "pw"), window, &right), Err(NotLetIn::NoChallenge));

        session.challenge(2, [7; 16]);
        assert_eq!(session.answer((1, "pw"), window, &right), Err(NotLetIn::Wrong));
        session.challenge(1, [7; 16]);
        assert_eq!(session.answer((1, "pw"), Duration::ZERO, &right), Err(NotLetIn::Late));
        session.challenge(1, [7; 16]);
        assert_eq!(session.answer((1, "other"), window, &right), Err(NotLetIn::Wrong));
        assert_eq!(session.answer((1, "pw"), window, &right), Err(NotLetIn::NoChallenge));
        assert_eq!(session.manager(window), None);

        session.challenge(1, [7; 16]);
        assert_eq!(session.answer((1, "pw"), window, &right), Ok(()));
        assert_eq!(session.manager(window), Some(1));
        assert_eq!(session.manager(Duration::ZERO), None);
        assert_eq!(session.manager(window), None, "a session that was idle too long stays closed");
    }
}
