//! Who may call: a bearer token, or, where none is configured, loopback alone.
use super::Problem;
use crate::app::Hub;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::net::SocketAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// Who a call is from: the `actor` of what it does.
#[derive(Debug, Clone)]
pub struct Actor(pub String);

/// Lets a call through, or says why not.
pub async fn guard(
    State(hub): State<Arc<Hub>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let actor = if hub.tokens.is_empty() { loopback(&request)? } else { bearer(&hub, &request)? };
    request.extensions_mut().insert(Actor(actor));
    Ok(next.run(request).await)
}

fn bearer(hub: &Hub, request: &Request) -> Result<String, Problem> {
    let refused = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", detail);
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "))
        .ok_or_else(|| refused("this call wants `Authorization: Bearer …`"))?;
    // Digests have one length, so that comparing tells nothing of the token's.
    let given = blake3::hash(given.as_bytes());
    hub.tokens
        .iter()
        .find(|(_, digest)| bool::from(digest.as_bytes().ct_eq(given.as_bytes())))
        .map(|(name, _)| name.clone())
        .ok_or_else(|| refused("this token is not known; tokens are [[token]] in hub.toml"))
}

/// With no token, a call must come from this machine, and from a program rather than from a web
/// page elsewhere: a browser tells by `Host` (DNS rebinding) and `Origin` (cross-site).
fn loopback(request: &Request) -> Result<String, Problem> {
    let refused = |detail: &str| Problem::new(StatusCode::FORBIDDEN, "loopback-only", detail);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if !peer.is_some_and(|ConnectInfo(peer)| peer.ip().is_loopback()) {
        return Err(refused("no [[token]] is configured, so only this machine may call"));
    }
    let host = request.headers().get(header::HOST).and_then(|v| v.to_str().ok());
    let local = |authority: &str| {
        let name = authority.rsplit_once(':').map_or(authority, |(name, port)| {
            if port.bytes().all(|b| b.is_ascii_digit()) { name } else { authority }
        });
        name == "localhost"
            || name
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|a| a.is_loopback())
    };
    if !host.is_some_and(local) {
        return Err(refused("the Host header must name this machine: localhost or 127.0.0.1"));
    }
    if let Some(origin) = request.headers().get(header::ORIGIN) {
        let same = origin
            .to_str()
            .ok()
            .and_then(|o| o.split_once("://"))
            .is_some_and(|(_, authority)| Some(authority) == host);
        if !same {
            return Err(refused("a page of another origin may not call; configure a [[token]]"));
        }
    }
    Ok("loopback".to_owned())
}
