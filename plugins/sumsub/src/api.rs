//! Requests to Sumsub's API, each signed with the App Token's key.
use crate::{Sumsub, map, settings::Settings};
use hub_plugin_sdk::actions::kyc::{
    AccessLink, Applicant, CreateApplicant, GetResult, KycResult, Link,
};
use hub_plugin_sdk::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewApplicant<'a> {
    external_user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(skip_serializing_if = "FixedInfo::is_empty")]
    fixed_info: FixedInfo<'a>,
}

/// What Sumsub compares with the documents. The country is left out: ours is where the client
/// lives, and Sumsub would compare it with the country of the document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FixedInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
}

impl FixedInfo<'_> {
    fn is_empty(&self) -> bool {
        self.first_name.is_none() && self.last_name.is_none()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewLink<'a> {
    level_name: &'a str,
    user_id: &'a str,
    ttl_in_secs: u32,
}

#[derive(Deserialize)]
struct FoundApplicant {
    id: String,
}

#[derive(Deserialize)]
struct NewUrl {
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    review_status: String,
    #[serde(default)]
    review_result: Option<map::ReviewResult>,
}

/// Sumsub's error body. `description` is left out of messages: it may quote personal data.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Refusal {
    error_name: Option<String>,
    correlation_id: Option<String>,
}

impl Kyc for Sumsub {
    /// One applicant a client: Sumsub refuses a second one with the same `externalUserId` (409),
    /// so that asking again is safe even when the first answer was lost.
    async fn create_applicant(ctx: &Ctx, new: CreateApplicant) -> Result<Applicant, Error> {
        let settings: Settings = ctx.settings()?;
        let path = format!("/resources/applicants?levelName={}", encoded(&new.level));
        let body = NewApplicant {
            external_user_id: new.client.as_str(),
            email: new.email.as_deref(),
            phone: new.phone.as_deref(),
            fixed_info: FixedInfo {
                first_name: new.first_name.as_deref(),
                last_name: new.last_name.as_deref(),
            },
        };
        let request = post(ctx, &settings, &path).json(&body);
        let reply = ctx.send(request).await?;
        if reply.status == 409 {
            return find_applicant(ctx, &settings, &new.client).await;
        }
        let found: FoundApplicant = understood(&reply, "creating an applicant")?;
        Ok(Applicant { applicant: found.id })
    }

    async fn access_link(ctx: &Ctx, link: AccessLink) -> Result<Link, Error> {
        let settings: Settings = ctx.settings()?;
        let path = "/resources/sdkIntegrations/levels/-/websdkLink";
        let body = NewLink {
            level_name: &link.level,
            user_id: link.client.as_str(),
            ttl_in_secs: link.ttl_s,
        };
        let request = post(ctx, &settings, path).json(&body);
        let reply = ctx.send(request).await?;
        let new: NewUrl = understood(&reply, "making a verification link")?;
        Ok(Link { url: new.url })
    }

    /// Asks for the status alone: the applicant's whole profile would bring personal data along.
    async fn get_result(ctx: &Ctx, of: GetResult) -> Result<KycResult, Error> {
        let settings: Settings = ctx.settings()?;
        let path = format!("/resources/applicants/{}/status", encoded(&of.applicant));
        let reply = ctx.send(get(ctx, &settings, &path)).await?;
        let status: Status = understood(&reply, "asking where a verification stands")?;
        map::standing(&status.review_status, status.review_result).map_err(|error| match error {
            Error::NotUnderstood(why) => Error::Unsupported(why),
            other => other,
        })
    }
}

impl Probe for Sumsub {
    /// Looks for an applicant that does not exist. A 404 comes only after token and signature
    /// have been accepted, and brings nobody's data along.
    async fn probe(ctx: &Ctx) -> Result<(), Error> {
        let settings: Settings = ctx.settings()?;
        let request = get(ctx, &settings, &by_client("hub-probe"));
        let reply = ctx.send(request).await?;
        if reply.is_success() || reply.status == 404 {
            return Ok(());
        }
        Err(refused(&reply, "testing the connection"))
    }
}

async fn find_applicant(
    ctx: &Ctx,
    settings: &Settings,
    client: &ClientId,
) -> Result<Applicant, Error> {
    let path = by_client(client.as_str());
    let reply = ctx.send(get(ctx, settings, &path)).await?;
    if reply.status == 404 {
        return Err(Error::transient(
            "Sumsub says that the client has an applicant, and does not find it yet",
        ));
    }
    let found: FoundApplicant = understood(&reply, "looking for the client's applicant")?;
    Ok(Applicant { applicant: found.id })
}

fn by_client(client: &str) -> String {
    format!("/resources/applicants/-;externalUserId={}/one", encoded(client))
}

fn get(ctx: &Ctx, settings: &Settings, path: &str) -> Request {
    signed(ctx, "GET", path, Request::get(settings.url(path)))
}

fn post(ctx: &Ctx, settings: &Settings, path: &str) -> Request {
    signed(ctx, "POST", path, Request::post(settings.url(path)))
}

/// Adds the three headers that Sumsub wants. The signature covers the seconds, the method, path
/// and query as sent, and the body.
fn signed(ctx: &Ctx, method: &str, path: &str, request: Request) -> Request {
    let seconds = (ctx.now_ms() / 1000).to_string();
    let signature = Recipe::new()
        .secret("secret_key")
        .push(format!("{seconds}{method}{path}"))
        .body()
        .concat(2)
        .hmac(Algorithm::Sha256)
        .encode(Encoding::Hex);
    request
        .header("accept", [text("application/json")])
        .header("x-app-token", [secret("app_token")])
        .header("x-app-access-ts", [text(&seconds)])
        .header("x-app-access-sig", [recipe(signature)])
}

/// Percent-encoded for a path or a query. A space is `%20`, as Sumsub's documentation wants it,
/// so that what is signed is what it verifies.
fn encoded(text: &str) -> String {
    let form = serde_urlencoded::to_string([("", text)]).unwrap_or_default();
    form.trim_start_matches('=').replace('+', "%20")
}

fn understood<T: serde::de::DeserializeOwned>(reply: &Response, what: &str) -> Result<T, Error> {
    if reply.is_success() { reply.json() } else { Err(refused(reply, what)) }
}

fn refused(reply: &Response, what: &str) -> Error {
    let refusal: Refusal = serde_json::from_slice(&reply.body).unwrap_or_default();
    let short = |text: Option<String>| -> String {
        text.unwrap_or_else(|| "none".to_owned()).chars().take(80).collect()
    };
    reply.error(&format!(
        "{what} (Sumsub error {}, correlation id {})",
        short(refusal.error_name),
        short(refusal.correlation_id)
    ))
}
