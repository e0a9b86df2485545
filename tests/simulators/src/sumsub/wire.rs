//! Sumsub's JSON, and its three ways of writing a time, none of them RFC 3339:
//! `2025-03-05 04:41:48+0000` (webhook `createdAt`, review dates), `2025-03-05 04:41:48.704` (webhook `createdAtMs`)
//! and `2025-03-05 04:41:48` (an applicant's `createdAt`). All are UTC.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::SumsubConfig;
use super::state::{ApplicantBook, Review};

/// A webhook, with the fields in the order Sumsub sends them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Webhook<'a> {
    applicant_id: &'a str,
    inspection_id: &'a str,
    applicant_type: &'a str,
    correlation_id: &'a str,
    level_name: &'a str,
    sandbox_mode: bool,
    external_user_id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_result: Option<ReviewResult<'a>>,
    review_status: &'a str,
    created_at: String,
    created_at_ms: String,
    client_id: &'a str,
}

/// `reviewResult`. What only a rejection has is absent from an approval.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewResult<'a> {
    review_answer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_reject_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reject_labels: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moderation_comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_comment: Option<&'a str>,
}

fn review_result(review: &Review) -> ReviewResult<'_> {
    let (review_answer, review_reject_type, labels) = review.parts();
    let red = review_reject_type.is_some();
    ReviewResult {
        review_answer,
        review_reject_type,
        reject_labels: red.then_some(labels),
        moderation_comment: red.then_some("Please check the documents and try again."),
        client_comment: red.then_some("Simulated rejection."),
    }
}

/// The text of a webhook about `applicant`.
pub(super) fn webhook(
    config: &SumsubConfig,
    correlation_id: &str,
    kind: &str,
    applicant: &ApplicantBook,
    at: Timestamp,
) -> String {
    let webhook = Webhook {
        applicant_id: &applicant.id,
        inspection_id: &applicant.inspection_id,
        applicant_type: "individual",
        correlation_id,
        level_name: &applicant.level_name,
        sandbox_mode: config.sandbox_mode,
        external_user_id: &applicant.external_user_id,
        kind,
        review_result: (kind == "applicantReviewed")
            .then(|| applicant.review.as_ref().map(review_result))
            .flatten(),
        review_status: applicant.status.as_str(),
        created_at: with_zone(at),
        created_at_ms: at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        client_id: &config.client_id,
    };
    serde_json::to_string(&webhook).expect("a struct of strings is always JSON")
}

/// `GET /resources/applicants/{id}/one`, and the answer to a creation.
pub(super) fn applicant(config: &SumsubConfig, applicant: &ApplicantBook) -> Value {
    let mut out = Map::new();
    out.insert("id".into(), json!(applicant.id));
    out.insert(
        "createdAt".into(),
        json!(applicant.created_at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
    );
    out.insert("createdBy".into(), json!("service"));
    out.insert("clientId".into(), json!(config.client_id));
    out.insert("inspectionId".into(), json!(applicant.inspection_id));
    out.insert("externalUserId".into(), json!(applicant.external_user_id));
    for (name, value) in
        [("email", &applicant.email), ("phone", &applicant.phone), ("lang", &applicant.lang)]
    {
        if let Some(value) = value {
            out.insert(name.into(), json!(value));
        }
    }
    if !applicant.fixed_info.is_null() {
        out.insert("fixedInfo".into(), applicant.fixed_info.clone());
    }
    out.insert("applicantPlatform".into(), json!("API"));
    out.insert("requiredIdDocs".into(), json!({ "docSets": [] }));
    out.insert("review".into(), status(applicant));
    out.insert("type".into(), json!("individual"));
    Value::Object(out)
}

/// `GET /resources/applicants/{id}/status`.
pub(super) fn status(applicant: &ApplicantBook) -> Value {
    let mut out = Map::new();
    out.insert("reviewId".into(), json!(applicant.review_id));
    out.insert("attemptId".into(), json!(format!("{}{}", applicant.review_id, applicant.attempts)));
    out.insert("attemptCnt".into(), json!(applicant.attempts));
    out.insert("levelName".into(), json!(applicant.level_name));
    out.insert("createDate".into(), json!(with_zone(applicant.created_at)));
    if let Some(at) = applicant.reviewed_at {
        out.insert("reviewDate".into(), json!(with_zone(at)));
    }
    if let Some(review) = &applicant.review {
        out.insert("reviewResult".into(), json!(review_result(review)));
    }
    out.insert("reviewStatus".into(), json!(applicant.status.as_str()));
    out.insert("priority".into(), json!(0));
    Value::Object(out)
}

fn with_zone(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S+0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sumsub::ReviewStatus;

    fn applicant_of(example: &Value, review: Option<Review>) -> ApplicantBook {
        let text = |name: &str| example[name].as_str().expect("a string").to_owned();
        ApplicantBook {
            id: text("applicantId"),
            inspection_id: text("inspectionId"),
            external_user_id: text("externalUserId"),
            level_name: text("levelName"),
            email: None,
            phone: None,
            fixed_info: Value::Null,
            lang: None,
            status: ReviewStatus::Completed,
            review,
            created_at: Timestamp::UNIX_EPOCH,
            reviewed_at: None,
            attempts: 1,
            create_calls: 1,
            sdk_links: 0,
            review_id: "x".into(),
        }
    }

    /// The published examples, with ids of Sumsub's own documentation; see the vendor facts, `webhook_events.json`.
    #[test]
    fn webhooks_have_exactly_the_published_shape() {
        let green = json!({
            "applicantId": "5cb56e8e0a975a35f333cb83",
            "inspectionId": "5cb56e8e0a975a35f333cb84",
            "applicantType": "individual",
            "correlationId": "req-a260b669-4f14-4bb5-a4c5-ac0218acb9a4",
            "levelName": "basic-kyc-level",
            "sandboxMode": false,
            "externalUserId": "user-0001",
            "type": "applicantReviewed",
            "reviewResult": { "reviewAnswer": "GREEN" },
            "reviewStatus": "completed",
            "createdAt": "2025-03-05 04:41:48+0000",
            "createdAtMs": "2025-03-05 04:41:48.704",
            "clientId": "example"
        });
        let config = SumsubConfig { sandbox_mode: false, ..SumsubConfig::default() };
        let at: Timestamp = "2025-03-05T04:41:48.704Z".parse().expect("a time");
        let correlation_id = green["correlationId"].as_str().expect("a string");
        let sent = |review| {
            let applicant = applicant_of(&green, Some(review));
            let body = webhook(&config, correlation_id, "applicantReviewed", &applicant, at);
            serde_json::from_str::<Value>(&body).expect("JSON")
        };
        assert_eq!(sent(Review::Green), green);

        let red = sent(Review::RedRetry { labels: vec!["DOCUMENT_PAGE_MISSING".into()] });
        let result = red["reviewResult"].as_object().expect("an object");
        let mut names: Vec<&str> = result.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "clientComment",
                "moderationComment",
                "rejectLabels",
                "reviewAnswer",
                "reviewRejectType"
            ]
        );
        assert_eq!(result["reviewAnswer"], "RED");
        assert_eq!(result["reviewRejectType"], "RETRY");
        assert_eq!(result["rejectLabels"], json!(["DOCUMENT_PAGE_MISSING"]));
    }

    #[test]
    fn a_whole_second_still_has_three_decimals() {
        let green =
            json!({"applicantId":"a","inspectionId":"b","externalUserId":"c","levelName":"d"});
        let at: Timestamp = "2025-03-05T04:50:00Z".parse().expect("a time");
        let applicant = applicant_of(&green, None);
        let body = webhook(&SumsubConfig::default(), "req", "applicantPending", &applicant, at);
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["createdAtMs"], "2025-03-05 04:50:00.000");
        assert!(body.get("reviewResult").is_none());
    }
}
