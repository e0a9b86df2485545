//! How an event's data grew: stored events are never rewritten, older data is brought up on read.
//!
//! A change that only adds optional fields needs nothing. Any other gives the type a new version:
//! add an [`Upcast`] from the version before to [`UPCASTS`], regenerate the schemas, and keep a
//! sample of the old version under `hub/fixtures/stored/`. Steps are pure: the same data always
//! comes out the same, and nothing but the data goes in.
use serde_json::Value;

/// One step from a version of a type's data to the next.
#[derive(Debug, Clone, Copy)]
pub struct Upcast {
    /// The type.
    pub event_type: &'static str,
    /// The version that it takes; it gives the next.
    pub from: u32,
    /// What it does.
    pub step: fn(Value) -> Value,
}

/// Every step there is. Never remove one: what it takes is in somebody's log.
pub const UPCASTS: &[Upcast] = &[];

/// Data that no step brings up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "data of a {event_type} event has version {found}, and this version of the hub knows 1 to \
     {known}; it was written by a newer one"
)]
pub struct UpcastError {
    /// The type.
    pub event_type: String,
    /// The version found.
    pub found: u32,
    /// The current version.
    pub known: u32,
}

/// The version of a type's data that is written now.
pub fn data_version(event_type: &str) -> u32 {
    version_by(UPCASTS, event_type)
}

/// Brings data of version `from` up to the current version.
pub fn upcast(event_type: &str, from: u32, data: Value) -> Result<Value, UpcastError> {
    upcast_by(UPCASTS, event_type, from, data)
}

fn version_by(steps: &[Upcast], event_type: &str) -> u32 {
    let of_type = steps.iter().filter(|step| step.event_type == event_type);
    of_type.map(|step| step.from + 1).max().unwrap_or(1)
}

fn upcast_by(
    steps: &[Upcast],
    event_type: &str,
    from: u32,
    mut data: Value,
) -> Result<Value, UpcastError> {
    let known = version_by(steps, event_type);
    let failed = || UpcastError { event_type: event_type.to_owned(), found: from, known };
    if from == 0 || from > known {
        return Err(failed());
    }
    for version in from..known {
        let step = steps.iter().find(|s| s.event_type == event_type && s.from == version);
        data = (step.ok_or_else(failed)?.step)(data);
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A type that was changed twice: a field renamed, then a number made a string.
    const STEPS: &[Upcast] = &[
        Upcast {
            event_type: "thing.happened",
            from: 1,
            step: |mut data| {
                let old = data.as_object_mut().and_then(|fields| fields.remove("sum"));
                data["amount"] = old.unwrap_or_default();
                data
            },
        },
        Upcast {
            event_type: "thing.happened",
            from: 2,
            step: |mut data| {
                data["amount"] = data["amount"].to_string().into();
                data
            },
        },
    ];

    #[test]
    fn each_version_is_brought_up_step_by_step() {
        let up = |from, data| upcast_by(STEPS, "thing.happened", from, data);
        let now = json!({ "amount": "5" });
        assert_eq!(version_by(STEPS, "thing.happened"), 3);
        assert_eq!(up(1, json!({ "sum": 5 })), Ok(now.clone()));
        assert_eq!(up(2, json!({ "amount": 5 })), Ok(now.clone()));
        assert_eq!(up(3, now.clone()), Ok(now));
    }

    #[test]
    fn a_version_from_the_future_is_refused_by_name() {
        let error = upcast_by(STEPS, "thing.happened", 4, json!({})).unwrap_err();
        assert!(error.to_string().contains("thing.happened"), "{error}");
        assert!(error.to_string().contains("version 4"), "{error}");
        assert!(upcast_by(STEPS, "other", 2, json!({})).is_err());
        assert!(upcast_by(STEPS, "other", 0, json!({})).is_err());
    }

    #[test]
    fn every_type_with_steps_has_one_from_each_version() {
        for step in UPCASTS {
            for version in 1..data_version(step.event_type) {
                let found =
                    UPCASTS.iter().filter(|s| s.event_type == step.event_type && s.from == version);
                assert_eq!(found.count(), 1, "{} from version {version}", step.event_type);
            }
        }
    }
}
