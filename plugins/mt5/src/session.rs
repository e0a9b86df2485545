//! The manager's session: who is logged in is bound to one TCP connection.
//!
//! The hub keeps the connection of an affinity between calls, so each request is first made as if
//! logged in; only if the server says that nobody is, the call logs in and asks again.
use crate::retcode::{self, Class};
use crate::settings::Settings;
use crate::wire::{Answer, Started};
use hub_plugin_sdk::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};

/// All requests of a connection share one TCP connection of this name.
const AFFINITY: &str = "manager";
/// The version that a client claims; the documentation wants any number from 484.
const CLIENT_VERSION: &str = "3000";
/// The name that a client gives itself; it must hold no space.
const CLIENT_NAME: &str = "hub";
/// `srv_rand` is this long.
const RANDOM_BYTES: usize = 16;

/// The Web API as a manager sees it.
pub(crate) struct Manager<'a> {
    pub(crate) ctx: &'a Ctx,
    pub(crate) settings: &'a Settings,
}

/// Why an answer is no use.
enum Refusal {
    LoggedOut(Error),
    Failed(Error),
}

impl<'a> Manager<'a> {
    pub(crate) fn new(ctx: &'a Ctx, settings: &'a Settings) -> Self {
        Self { ctx, settings }
    }

    /// Reads something. Asking again does no harm.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        let request = Request::get(self.settings.url(path, query));
        self.send(what, request, false).await?.answer.ok_or_else(|| {
            Error::transient(format!("{what}: MetaTrader answered Done, and nothing else"))
        })
    }

    /// Reads a list. An answer of `1` (done, no data) is an empty one.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Error> {
        let request = Request::get(self.settings.url(path, query));
        Ok(self.send(what, request, false).await?.answer.unwrap_or_default())
    }

    /// Makes sure that the connection is there and logged in, so that what follows and must be
    /// done only once does not meet a stale one.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        let request = Request::get(self.settings.url("/api/test/access", &[]));
        self.send::<IgnoredAny>("testing the connection", request, false).await.map(drop)
    }

    /// Changes something in a way that may be repeated.
    pub(crate) async fn change<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Answer<T>, Error> {
        self.send(what, Request::post(self.settings.url(path, query)), false).await
    }

    /// Does what must be done only once: without a clear answer, the outcome is unknown.
    pub(crate) async fn once<T: DeserializeOwned>(
        &self,
        what: &str,
        request: Request,
    ) -> Result<Answer<T>, Error> {
        self.send(what, request.unsafe_to_repeat(), true).await
    }

    /// Reads what does not stand under `answer`.
    pub(crate) async fn raw<T: DeserializeOwned>(
        &self,
        what: &str,
        request: Request,
    ) -> Result<T, Error> {
        let reply = self.reply::<IgnoredAny>(what, request, false).await?.1;
        reply.json()
    }

    async fn send<T: DeserializeOwned>(
        &self,
        what: &str,
        request: Request,
        once: bool,
    ) -> Result<Answer<T>, Error> {
        Ok(self.reply(what, request, once).await?.0)
    }

    /// Makes a request, logging in if need be.
    async fn reply<T: DeserializeOwned>(
        &self,
        what: &str,
        request: Request,
        once: bool,
    ) -> Result<(Answer<T>, Response), Error> {
        let request = request.affinity(AFFINITY);
        let reply = self.ctx.send(request.clone()).await?;
        match read(what, &reply, once) {
            Ok(answer) => return Ok((answer, reply)),
            Err(Refusal::Failed(error)) => return Err(error),
            Err(Refusal::LoggedOut(_)) => self.log_in().await?,
        }
        // Whoever was not logged in has done nothing: asking again is safe even for `once`.
        let reply = self.ctx.send(request).await?;
        match read(what, &reply, once) {
            Ok(answer) => Ok((answer, reply)),
            Err(Refusal::LoggedOut(error) | Refusal::Failed(error)) => Err(error),
        }
    }

    async fn log_in(&self) -> Result<(), Error> {
        const WHAT: &str = "logging the manager in";
        let query = [
            ("version", CLIENT_VERSION),
            ("agent", CLIENT_NAME),
            ("login", self.settings.manager_login.as_str()),
            ("type", "manager"),
        ];
        let start = Request::get(self.settings.url("/api/auth/start", &query)).affinity(AFFINITY);
        let reply = self.ctx.send(start).await?;
        if !reply.is_success() {
            return Err(reply.error(WHAT));
        }
        let started: Started = reply.json()?;
        if retcode::class(started.retcode.code) != Class::Done {
            return Err(retcode::error(WHAT, &started.retcode, false));
        }
        let server_random = hex::decode(&started.srv_rand)
            .ok()
            .filter(|random| random.len() == RANDOM_BYTES)
            .ok_or_else(|| Error::transient(format!("{WHAT}: srv_rand is not 16 bytes in hex")))?;

        let reply = self.ctx.send(self.answer(&server_random)).await?;
        if !reply.is_success() {
            return Err(reply.error(WHAT));
        }
        let answered: Answer<IgnoredAny> = reply.json()?;
        match retcode::class(answered.retcode.code) {
            Class::Done => Ok(()),
            _ => Err(retcode::error(WHAT, &answered.retcode, false)),
        }
    }

    /// The answer to the server's challenge, with a challenge of ours that it must answer too.
    fn answer(&self, server_random: &[u8]) -> Request {
        let ours = self.ctx.nonce();
        Request::get(self.settings.url("/api/auth/answer", &[]))
            .url_part(text("?srv_rand_answer="))
            .url_part(recipe(proof(server_random)))
            .url_part(text(format!("&cli_rand={}", hex::encode(ours))))
            .prove("json:/cli_rand_answer", proof(ours))
            .affinity(AFFINITY)
    }
}

/// `hex MD5( H ‖ random )` with `H = MD5( MD5(utf16le(password)) ‖ "WebAPI" )`.
fn proof(random: &[u8]) -> Recipe {
    Recipe::new()
        .secret("password")
        .utf16le()
        .hash(Algorithm::Md5)
        .push("WebAPI")
        .concat(2)
        .hash(Algorithm::Md5)
        .push(random)
        .concat(2)
        .hash(Algorithm::Md5)
        .encode(Encoding::Hex)
}

/// Takes an answer apart. HTTP 401 and 403, and the codes that speak of rights, may mean that
/// nobody is logged in on this connection.
fn read<T: DeserializeOwned>(
    what: &str,
    reply: &Response,
    once: bool,
) -> Result<Answer<T>, Refusal> {
    if matches!(reply.status, 401 | 403) {
        return Err(Refusal::LoggedOut(reply.error(what)));
    }
    let unclear = |message: String| {
        Refusal::Failed(if once {
            Error::UnknownOutcome(message)
        } else {
            Error::transient(message)
        })
    };
    let parsed = match serde_json::from_slice::<Answer<T>>(&reply.body) {
        Ok(answer) => Ok(answer),
        // A refusal may bring something else than the answer that was asked for.
        Err(error) => match serde_json::from_slice::<Answer<IgnoredAny>>(&reply.body) {
            Ok(refused) if retcode::class(refused.retcode.code) != Class::Done => {
                Ok(Answer { retcode: refused.retcode, answer: None, login: None })
            }
            _ => Err(error),
        },
    };
    match parsed {
        Ok(answer) => match retcode::class(answer.retcode.code) {
            Class::Done if reply.is_success() => Ok(answer),
            Class::NotAllowed => {
                Err(Refusal::LoggedOut(retcode::error(what, &answer.retcode, once)))
            }
            _ => Err(Refusal::Failed(retcode::error(what, &answer.retcode, once))),
        },
        Err(_) if reply.status >= 500 || reply.status == 408 => {
            Err(unclear(format!("{what}: the access server answered {}", reply.status)))
        }
        Err(_) if !reply.is_success() => Err(Refusal::Failed(reply.error(what))),
        Err(error) => Err(unclear(format!(
            "{what}: the answer ({} bytes) is not the documented JSON: {error}",
            reply.body.len()
        ))),
    }
}
