//! Sumsub's words, and ours.
use hub_plugin_sdk::Error;
use hub_plugin_sdk::actions::kyc::KycResult;
use serde::Deserialize;

/// Webhook types that are documented and of no interest here. Source: "User verification
/// webhooks" and "Transaction monitoring webhooks" of docs.sumsub.com; the names after the blank
/// line are from memory.
pub(crate) const IGNORED: &[&str] = &[
    "applicantActionPending",
    "applicantActionReviewed",
    "applicantActionOnHold",
    "applicantPersonalInfoChanged",
    "applicantTagsChanged",
    "applicantActivated",
    "applicantDeactivated",
    "applicantDeleted",
    "applicantReset",
    "applicantPrechecked",
    "applicantLevelChanged",
    "videoIdentStatusChanged",
    "videoIdentCompositionCompleted",
    //
    "applicantAwaitingUser",
    "applicantAwaitingService",
    "applicantPersonalDataDeleted",
    "applicantPresenceChanged",
    "applicantWorkflowFailed",
    "applicantKytTxnApproved",
    "applicantKytTxnRejected",
    "applicantKytOnHold",
    "applicantKytTxnAwaitingUser",
];

/// `reviewResult`, in webhooks and in the API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewResult {
    review_answer: String,
    #[serde(default)]
    review_reject_type: Option<String>,
    #[serde(default)]
    reject_labels: Vec<String>,
}

/// A decision of the vendor.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Green,
    Red { r#final: bool, labels: Vec<String> },
}

/// GREEN, or RED with RETRY (the client may try again) or FINAL. A RED that does not say which is
/// no last word. Anything else is not guessed.
pub(crate) fn answer(result: &ReviewResult) -> Result<Answer, Error> {
    let r#final = match (result.review_answer.as_str(), result.review_reject_type.as_deref()) {
        ("GREEN", _) => return Ok(Answer::Green),
        ("RED", Some("FINAL")) => true,
        ("RED", Some("RETRY") | None) => false,
        ("RED", Some(other)) => {
            return Err(not_understood("reviewRejectType", other, "FINAL or RETRY"));
        }
        (other, _) => return Err(not_understood("reviewAnswer", other, "GREEN or RED")),
    };
    Ok(Answer::Red { r#final, labels: result.reject_labels.clone() })
}

/// Where a verification stands, from `reviewStatus`. The result counts only once the status is
/// `completed` (docs.sumsub.com, "Get applicant review status").
pub(crate) fn standing(status: &str, result: Option<ReviewResult>) -> Result<KycResult, Error> {
    match (status, result) {
        ("init" | "awaitingUser", _) => Ok(KycResult::Started),
        ("pending" | "prechecked" | "queued" | "onHold" | "awaitingService", _) => {
            Ok(KycResult::InReview)
        }
        ("completed", Some(result)) => Ok(match answer(&result)? {
            Answer::Green => KycResult::Approved,
            Answer::Red { r#final, labels } => KycResult::Rejected { r#final, reasons: labels },
        }),
        ("completed", None) => Err(Error::transient(
            "the verification is completed, but Sumsub's answer has no reviewResult yet",
        )),
        (other, _) => Err(not_understood("reviewStatus", other, "a documented status")),
    }
}

fn not_understood(field: &str, found: &str, expected: &str) -> Error {
    let found: String = found.chars().take(40).collect();
    Error::NotUnderstood(format!("{field} is {found:?}; this connector knows {expected}"))
}
