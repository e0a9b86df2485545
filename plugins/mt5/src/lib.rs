//! MetaTrader 5, over its Web API: accounts, balance operations, positions, and a poll that tells
//! equity and deals.
//!
//! Where each fact comes from, and what could not be checked, is in `README.md`.

mod api;
mod balance;
mod cursor;
mod map;
mod poll;
mod positions;
mod reference;
mod retcode;
mod session;
mod settings;
mod time;
mod wire;

use hub_plugin_sdk::manifest::{Kind, Manifest, SecretSpec};
use hub_plugin_sdk::prelude::*;

/// The connector.
pub struct Mt5;

hub_plugin_sdk::export!(Mt5: poll, platform, platform_balance, platform_positions, probe);

impl Connector for Mt5 {
    fn manifest() -> Manifest {
        Manifest {
            name: "mt5".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            vendor: "MetaTrader 5 (MetaQuotes)".to_owned(),
            kind: Kind::Platform,
            settings_schema: settings::schema(),
            secrets: vec![SecretSpec {
                name: "password".to_owned(),
                about: "The Web API password of the manager account in manager_login. The \
                        account needs the rights to see and edit the accounts of the groups, to \
                        make balance operations, and to deal if positions are to be closed."
                    .to_owned(),
                required: true,
            }],
            hosts: vec!["{settings.api_base}".to_owned()],
            event_types: ["account.equity", "account.deal"].map(str::to_owned).to_vec(),
            countries: Vec::new(),
            currencies: Vec::new(),
            methods: Vec::new(),
            rate_limit: None,
            signature_tolerance_s: None,
            poll_every_ms: Some(1000),
        }
    }
}
