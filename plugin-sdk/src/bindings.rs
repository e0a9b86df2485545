//! What wit-bindgen makes of `wit/0.1.0`: one small world an interface, so that a component
//! exports just those that it has.
#![allow(missing_docs, reason = "generated; the WIT file is the documentation")]
#![allow(unsafe_code, reason = "generated: the canonical ABI passes pointers")]
#![allow(clippy::all, clippy::unwrap_used, rust_2018_idioms, reason = "generated")]

/// Where the shared types are generated; the other worlds take them from here.
pub mod webhook {
    wit_bindgen::generate!({
        world: "with-webhook", path: "wit/0.1.0", pub_export_macro: true,
        default_bindings_module: "hub_plugin_sdk::bindings::webhook",
    });
}
pub use webhook::hub::connector::types;

pub mod base {
    wit_bindgen::generate!({
        world: "base", path: "wit/0.1.0", pub_export_macro: true,
        default_bindings_module: "hub_plugin_sdk::bindings::base",
    });
}

macro_rules! worlds {
    ($($module:ident = $world:literal at $bindings:literal;)*) => {$(
        pub mod $module {
            wit_bindgen::generate!({
                world: $world, path: "wit/0.1.0", pub_export_macro: true,
                default_bindings_module: $bindings,
                with: { "hub:connector/types@0.1.0": crate::bindings::types },
            });
        }
    )*};
}

worlds! {
    poll = "with-poll" at "hub_plugin_sdk::bindings::poll";
    psp = "with-psp" at "hub_plugin_sdk::bindings::psp";
    psp_lookup = "with-psp-lookup" at "hub_plugin_sdk::bindings::psp_lookup";
    psp_refund = "with-psp-refund" at "hub_plugin_sdk::bindings::psp_refund";
    psp_payout = "with-psp-payout" at "hub_plugin_sdk::bindings::psp_payout";
    kyc = "with-kyc" at "hub_plugin_sdk::bindings::kyc";
    platform = "with-platform" at "hub_plugin_sdk::bindings::platform";
    platform_balance = "with-platform-balance" at "hub_plugin_sdk::bindings::platform_balance";
    platform_positions = "with-platform-positions" at "hub_plugin_sdk::bindings::platform_positions";
    probe = "with-probe" at "hub_plugin_sdk::bindings::probe";
}
