//! What an attempt's end means.
use crate::call::CallFailure;
use crate::vault::PersonalPath;
use hub_sandbox::types::Failure;
use hub_schemas::events::action::{ActionError, ActionKind, ErrorClass};
use hub_schemas::generate;
use serde_json::Value;
use std::collections::HashMap;

/// The longest message that is kept of an error, in characters.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// An attempt's error, and what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    /// For the log.
    pub error: ActionError,
    /// Another attempt makes sense.
    pub retry: bool,
    /// Not before so many milliseconds.
    pub after_ms: Option<u64>,
}

/// What a failure of a call means. `moved` says that a request that is unsafe to repeat may have
/// left: then nobody knows the outcome, whatever the connector thinks of it, unless the vendor
/// itself said no.
pub fn failed(failure: CallFailure, moved: bool) -> Failed {
    let connectors_fault = failure.is_connectors_fault();
    let mut after_ms = None;
    let mut decline = None;
    let mut class = match &failure {
        CallFailure::Failed(said) => match said {
            Failure::Transient((_, ms)) => {
                after_ms = *ms;
                ErrorClass::Transient
            }
            Failure::Declined(d) => {
                decline = Some(d.clone());
                ErrorClass::Declined
            }
            Failure::InvalidRequest(_) => ErrorClass::InvalidRequest,
            Failure::Unauthorised(_) => ErrorClass::Unauthorised,
            Failure::Unsupported(_) => ErrorClass::Unsupported,
            Failure::UnknownOutcome(_) => ErrorClass::UnknownOutcome,
            Failure::NotUnderstood(_) => ErrorClass::Connector,
        },
        CallFailure::Refused { unauthorised: true, .. } => ErrorClass::Unauthorised,
        CallFailure::Cancelled => ErrorClass::Transient,
        CallFailure::Sandbox { .. } | CallFailure::Steps { .. } | CallFailure::Refused { .. } => {
            ErrorClass::Connector
        }
    };
    let uncertain = matches!(class, ErrorClass::Transient | ErrorClass::Connector);
    if moved && uncertain {
        class = ErrorClass::UnknownOutcome;
    }
    let retry = match class {
        ErrorClass::Transient | ErrorClass::UnknownOutcome => true,
        // A trap may come from what the vendor answered this time.
        ErrorClass::Connector => connectors_fault,
        ErrorClass::Declined
        | ErrorClass::InvalidRequest
        | ErrorClass::Unauthorised
        | ErrorClass::Unsupported => false,
    };
    let word = |text: &str| serde_json::from_value(Value::String(text.to_owned())).ok();
    let error = ActionError {
        class,
        message: shortened(&failure.to_string()),
        vendor_code: decline.as_ref().map(|d| shortened(&d.code)),
        // A category or verdict that is no word of ours is treated as hard.
        category: decline
            .as_ref()
            .map(|d| word(&d.category).unwrap_or(hub_schemas::DeclineCategory::Unknown)),
        verdict: decline.as_ref().map(|d| {
            serde_json::from_value(Value::String(d.verdict.clone()))
                .unwrap_or(hub_schemas::Verdict::Stop)
        }),
    };
    Failed { error, retry, after_ms }
}

/// A result that does not fit: the connector is wrong, and the vendor may have acted.
pub fn unfit(message: &str, moved: bool) -> Failed {
    let class = if moved { ErrorClass::UnknownOutcome } else { ErrorClass::Connector };
    let error = ActionError {
        class,
        message: shortened(message),
        vendor_code: None,
        category: None,
        verdict: None,
    };
    Failed { error, retry: true, after_ms: None }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n').take(MESSAGE_CHARS_MAX).collect()
}

struct Known {
    validator: jsonschema::Validator,
    personal: Vec<PersonalPath>,
}

/// Schemas that results must fit.
pub struct ResultSchemas(HashMap<&'static str, Known>);

impl Default for ResultSchemas {
    fn default() -> Self {
        let compile = |schema: &Value| Known {
            validator: jsonschema::draft202012::new(schema)
                .expect("generated schemas are schemas: a test compiles each"),
            personal: crate::vault::personal_paths(schema),
        };
        let mut all: HashMap<&'static str, Known> = ActionKind::ALL
            .into_iter()
            .map(|kind| (kind.name(), compile(generate::action(kind).1.as_value())))
            .collect();
        for (name, _, result) in generate::lookups() {
            all.insert(name, compile(result.as_value()));
        }
        Self(all)
    }
}

impl ResultSchemas {
    /// Where a result of `name` holds personal data.
    pub fn personal(&self, name: &str) -> &[PersonalPath] {
        self.0.get(name).map_or(&[], |known| known.personal.as_slice())
    }

    /// Takes an output as the result of `name`, or says what is wrong with it.
    pub fn take(&self, name: &str, output: Option<String>) -> Result<Value, String> {
        let output = output.ok_or_else(|| format!("the connector gave no result for {name}"))?;
        let value: Value = serde_json::from_str(&output)
            .map_err(|e| format!("the connector's result for {name} is not JSON: {e}"))?;
        let known = self.0.get(name).ok_or_else(|| format!("no schema for {name}"))?;
        known.validator.validate(&value).map_err(|e| {
            format!(
                "the connector's result for {name} does not fit schemas/actions/{name}.result.json: \
                 {}: {}",
                e.instance_path(),
                e.masked()
            )
        })?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(failure: Failure) -> CallFailure {
        CallFailure::Failed(failure)
    }

    #[test]
    fn once_money_may_have_moved_only_the_vendors_no_is_certain() {
        let transient = || said(Failure::Transient(("503".into(), Some(7))));
        assert_eq!(failed(transient(), false).error.class, ErrorClass::Transient);
        assert_eq!(failed(transient(), false).after_ms, Some(7));
        assert_eq!(failed(transient(), true).error.class, ErrorClass::UnknownOutcome);
        let invalid = said(Failure::InvalidRequest("400".into()));
        assert_eq!(failed(invalid, true).error.class, ErrorClass::InvalidRequest);
    }

    #[test]
    fn an_unknown_verdict_is_hard() {
        let decline = hub_sandbox::types::Decline {
            category: "new_category".into(),
            verdict: "maybe".into(),
            code: "x1".into(),
            message: String::new(),
        };
        let failed = failed(said(Failure::Declined(decline)), true);
        assert_eq!(failed.error.verdict, Some(hub_schemas::Verdict::Stop));
        assert_eq!(failed.error.category, Some(hub_schemas::DeclineCategory::Unknown));
        assert!(!failed.retry);
    }

    #[test]
    fn a_result_that_does_not_fit_is_named() {
        let schemas = ResultSchemas::default();
        assert!(schemas.take("kyc.create-applicant", Some(r#"{"applicant":"a"}"#.into())).is_ok());
        let error = schemas.take("kyc.create-applicant", Some(r#"{"id":"a"}"#.into())).unwrap_err();
        assert!(error.contains("kyc.create-applicant"), "{error}");
        assert!(schemas.take("kyc.create-applicant", None).is_err());
    }
}
