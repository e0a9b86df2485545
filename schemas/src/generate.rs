//! JSON Schema 2020-12 of everything in this crate.
use crate::events::action::ActionKind;
use crate::{CloudEvent, actions, manifest::Manifest};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::Value;

/// Where the schemas say they live.
pub const BASE: &str = "https://hub.invalid/schemas";

/// The mark of a field that holds personal data (`"x-personal": true`).
pub const PERSONAL: &str = "x-personal";

/// The JSON Schema of a type, with references inlined so that each file stands alone.
pub fn schema_of<T: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<T>()
}

/// `dataschema` of an event type. Within a version, schemas only ever grow optional fields.
pub fn dataschema(event_type: &str) -> String {
    format!("urn:hub:event:{event_type}:{}", crate::evolution::data_version(event_type))
}

/// Every file of `schemas/`: its path below that folder, and its content.
pub fn files() -> Vec<(String, Value)> {
    let mut all = vec![
        named("envelope", schema_of::<CloudEvent>()),
        named("manifest", schema_of::<Manifest>()),
    ];
    all.extend(
        crate::catalogue::event_schemas()
            .into_iter()
            .map(|(name, schema)| named(&format!("events/{name}"), schema)),
    );
    for kind in ActionKind::ALL {
        let (request, result) = action(kind);
        all.push(named(&format!("actions/{}.request", kind.name()), request));
        all.push(named(&format!("actions/{}.result", kind.name()), result));
    }
    for (name, request, result) in lookups() {
        all.push(named(&format!("actions/{name}.request"), request));
        all.push(named(&format!("actions/{name}.result"), result));
    }
    all
}

fn named(path: &str, schema: Schema) -> (String, Value) {
    let mut value = schema.to_value();
    value["$id"] = Value::String(format!("{BASE}/{path}.json"));
    (format!("{path}.json"), value)
}

/// Schemas of an action's request and result.
pub fn action(kind: ActionKind) -> (Schema, Schema) {
    use actions::{kyc::*, platform::*, psp::*};
    match kind {
        ActionKind::PspCreatePayment => {
            (schema_of::<CreatePayment>(), schema_of::<PaymentResult>())
        }
        ActionKind::PspRefund => (schema_of::<Refund>(), schema_of::<RefundResult>()),
        ActionKind::PspPayout => (schema_of::<Payout>(), schema_of::<PayoutResult>()),
        ActionKind::KycCreateApplicant => {
            (schema_of::<CreateApplicant>(), schema_of::<Applicant>())
        }
        ActionKind::KycAccessLink => (schema_of::<AccessLink>(), schema_of::<Link>()),
        ActionKind::KycGetResult => (schema_of::<GetResult>(), schema_of::<KycResult>()),
        ActionKind::PlatformCreateAccount => {
            (schema_of::<CreateAccount>(), schema_of::<OpenedAccount>())
        }
        ActionKind::PlatformDisableAccount => (schema_of::<DisableAccount>(), schema_of::<Done>()),
        ActionKind::PlatformClosePositions => {
            (schema_of::<ClosePositions>(), schema_of::<ClosedPositions>())
        }
        ActionKind::PlatformChangeGroup => (schema_of::<ChangeGroup>(), schema_of::<Done>()),
        ActionKind::PlatformBalance => {
            (schema_of::<BalanceOperation>(), schema_of::<BalanceDone>())
        }
    }
}

/// The look-ups that a connector may export beside its actions: name, request, result.
pub fn lookups() -> [(&'static str, Schema, Schema); 2] {
    use actions::{platform::*, psp::*};
    [
        ("psp.find-payment", schema_of::<FindPayment>(), schema_of::<FoundPayment>()),
        ("platform.find-account", schema_of::<FindAccount>(), schema_of::<FoundAccount>()),
    ]
}
