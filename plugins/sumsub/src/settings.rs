//! What the operator sets for a connection, and its schema.
use hub_plugin_sdk::Algorithm;
use serde::Deserialize;
use serde_json::{Value, json};

/// Where Sumsub's API is, for production and sandbox alike: the App Token decides which it is.
const API_BASE: &str = "https://api.sumsub.com";

/// The connection's settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default = "api_base")]
    api_base: String,
    /// What the webhook manager in the dashboard is set to.
    #[serde(default)]
    pub(crate) digest: Digest,
    /// Which webhook carries the decision.
    #[serde(default)]
    pub(crate) decision: Decision,
}

fn api_base() -> String {
    API_BASE.to_owned()
}

impl Settings {
    /// The URL of a path of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api_base.trim_end_matches('/'))
    }
}

/// How webhooks are signed. It is set here because `x-payload-digest-alg` comes from the sender.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Digest {
    #[default]
    Sha256,
    Sha512,
    Sha1,
}

impl Digest {
    pub(crate) fn algorithm(self) -> Algorithm {
        match self {
            Self::Sha256 => Algorithm::Sha256,
            Self::Sha512 => Algorithm::Sha512,
            Self::Sha1 => Algorithm::Sha1,
        }
    }
    /// What `x-payload-digest-alg` calls it.
    pub(crate) fn header_value(self) -> &'static str {
        match self {
            Self::Sha256 => "HMAC_SHA256_HEX",
            Self::Sha512 => "HMAC_SHA512_HEX",
            Self::Sha1 => "HMAC_SHA1_HEX",
        }
    }
}

/// Which webhook decides.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Decision {
    /// `applicantReviewed`: a level was reviewed.
    #[default]
    Level,
    /// `applicantWorkflowCompleted`: a workflow of several levels came to its end.
    Workflow,
}

/// JSON Schema 2020-12 of [`Settings`].
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "api_base": {
                "type": "string",
                "format": "uri",
                "default": API_BASE,
                "description": "Where Sumsub's API is. Sandbox and production share it; the App \
                                Token decides which one answers."
            },
            "digest": {
                "enum": ["sha256", "sha512", "sha1"],
                "default": "sha256",
                "description": "The signature algorithm of the webhook, as chosen in the Sumsub \
                                dashboard. A delivery that is signed in another way is refused. \
                                sha1 is for old webhooks only."
            },
            "decision": {
                "enum": ["level", "workflow"],
                "default": "level",
                "description": "Which webhook decides on a client: the review of a level \
                                (applicantReviewed), or, if you use Sumsub workflows with several \
                                levels, the end of the workflow (applicantWorkflowCompleted)."
            }
        }
    })
}
