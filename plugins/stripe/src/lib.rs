//! Placeholder while the connector is written.
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::manifest::{Kind, Manifest};
/// Placeholder.
pub struct Stub;
impl Connector for Stub { fn manifest() -> Manifest { Manifest { name: "stub".into(), version: "0.0.0".into(), vendor: "stub".into(), kind: Kind::Psp, settings_schema: serde_json::json!({}), secrets: vec![], hosts: vec![], event_types: vec![], countries: vec![], currencies: vec![], methods: vec![], rate_limit: None, signature_tolerance_s: None, poll_every_ms: None } } }
hub_plugin_sdk::export!(Stub: );
