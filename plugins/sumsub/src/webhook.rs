//! Webhooks: the whole body is signed, with no time stamp in it.
//!
//! Sumsub gives its deliveries no id that is surely its own (`correlationId` may belong to the
//! request that caused several of them), so the hub's hash of the body stands in: a delivery that
//! comes twice is the same bytes. What may come in any order carries `createdAtMs`.
use crate::{Sumsub, map, settings::Decision, settings::Settings};
use hub_plugin_sdk::events::kyc::{
    KycApplicantCreated, KycApproved, KycRejected, KycReviewStarted,
};
use hub_plugin_sdk::prelude::*;
use jiff::{civil::DateTime, tz::TimeZone};
use serde::Deserialize;

const DIGEST_HEADER: &str = "x-payload-digest";
const ALGORITHM_HEADER: &str = "x-payload-digest-alg";

/// The fields that are needed; all are optional in Sumsub's documentation but `type`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    r#type: String,
    #[serde(default)]
    applicant_id: Option<String>,
    #[serde(default)]
    external_user_id: Option<String>,
    #[serde(default)]
    level_name: Option<String>,
    #[serde(default)]
    sandbox_mode: Option<bool>,
    #[serde(default)]
    created_at_ms: Option<String>,
    #[serde(default)]
    review_result: Option<map::ReviewResult>,
}

impl Webhook for Sumsub {
    /// One check: the hex HMAC of the body with the algorithm of the settings. The header that
    /// names an algorithm may only agree.
    fn authenticate(ctx: &Ctx, delivery: &Delivery) -> Vec<Check> {
        let Ok(settings) = ctx.settings::<Settings>() else { return Vec::new() };
        if delivery
            .header(ALGORITHM_HEADER)
            .is_some_and(|named| !named.eq_ignore_ascii_case(settings.digest.header_value()))
        {
            return Vec::new();
        }
        let Some(Ok(digest)) = delivery.header(DIGEST_HEADER).map(|hex| hex::decode(hex.trim()))
        else {
            return Vec::new();
        };
        let recipe =
            Recipe::new().secret("webhook_secret").body().hmac(settings.digest.algorithm());
        vec![Check::new(recipe, digest)]
    }

    async fn receive(ctx: &Ctx, delivery: Delivery) -> Result<Received, Error> {
        let settings: Settings = ctx.settings()?;
        let body: Body = delivery.json()?;
        if map::IGNORED.contains(&body.r#type.as_str()) {
            return Ok(Received::nothing());
        }
        if let Some(sandbox) = body.sandbox_mode
            && sandbox == ctx.live()
        {
            return Err(Error::NotUnderstood(format!(
                "sandboxMode is {sandbox}, but the connection is {}: the webhook belongs to the \
                 other Sumsub environment",
                if ctx.live() { "live" } else { "for tests" },
            )));
        }
        let Some(payload) = payload(&settings, &body)? else { return Ok(Received::nothing()) };
        let mut event = Event::new(payload);
        event.time_ms = body.created_at_ms.as_deref().map(utc_ms).transpose()?;
        Ok(Received::events([event]))
    }
}

fn payload(settings: &Settings, body: &Body) -> Result<Option<Payload>, Error> {
    Ok(Some(match (body.r#type.as_str(), settings.decision) {
        ("applicantCreated", _) => {
            let (client, applicant) = who(body)?;
            KycApplicantCreated { client, applicant }.into()
        }
        ("applicantPending" | "applicantOnHold", _) => {
            let (client, applicant) = who(body)?;
            KycReviewStarted { client, applicant }.into()
        }
        ("applicantReviewed", Decision::Level)
        | ("applicantWorkflowCompleted", Decision::Workflow) => decided(body)?,
        ("applicantReviewed" | "applicantWorkflowCompleted", _) => return Ok(None),
        (unknown, _) => {
            let unknown: String = unknown.chars().take(60).collect();
            return Err(Error::NotUnderstood(format!(
                "Sumsub webhook type {unknown:?} is not known to this connector"
            )));
        }
    }))
}

fn decided(body: &Body) -> Result<Payload, Error> {
    let (client, applicant) = who(body)?;
    let result = body
        .review_result
        .as_ref()
        .ok_or_else(|| Error::NotUnderstood(format!("{} has no reviewResult", body.r#type)))?;
    Ok(match map::answer(result)? {
        map::Answer::Green => {
            KycApproved { client, applicant, level: body.level_name.clone() }.into()
        }
        map::Answer::Red { r#final, labels } => {
            KycRejected { client, applicant, r#final, reasons: labels }.into()
        }
    })
}

/// The client and the applicant that a delivery is about.
fn who(body: &Body) -> Result<(ClientId, String), Error> {
    let (Some(client), Some(applicant)) = (&body.external_user_id, &body.applicant_id) else {
        return Err(Error::NotUnderstood(format!(
            "{} names no externalUserId or no applicantId",
            body.r#type
        )));
    };
    Ok((ClientId::new(client.clone())?, applicant.clone()))
}

/// `createdAtMs` is `2025-03-05 04:41:48.704`, in UTC though it does not say so.
fn utc_ms(text: &str) -> Result<i64, Error> {
    DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", text)
        .and_then(|time| time.to_zoned(TimeZone::UTC))
        .map(|time| time.timestamp().as_millisecond())
        .map_err(|_| {
            let text: String = text.chars().take(40).collect();
            Error::NotUnderstood(format!(
                "createdAtMs is {text:?}, and not a time such as 2025-03-05 04:41:48.704"
            ))
        })
}
