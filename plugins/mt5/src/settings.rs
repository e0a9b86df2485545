//! What the operator sets for a connection, and its schema.
use serde::Deserialize;
use serde_json::{Value, json};

/// The connection's settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    api_base: String,
    /// The manager account that logs in.
    pub(crate) manager_login: String,
    groups: Vec<String>,
    /// How server time is read: see [`crate::time`].
    #[serde(default = "server_zone")]
    pub(crate) server_zone: String,
    /// How far back the first poll reads deals, in hours.
    #[serde(default = "deals_since_h")]
    pub(crate) deals_since_h: u32,
}

/// The zone is read from the server's time settings.
pub(crate) const FROM_TIME_SETTINGS: &str = "time-settings";
/// The zone is read from how far the server's clock is from ours.
pub(crate) const FROM_SERVER_CLOCK: &str = "server-clock";

fn server_zone() -> String {
    FROM_TIME_SETTINGS.to_owned()
}
fn deals_since_h() -> u32 {
    24
}

impl Settings {
    /// The URL of a path of the Web API, with this query.
    pub(crate) fn url(&self, path: &str, query: &[(&str, &str)]) -> String {
        let base = self.api_base.trim_end_matches('/');
        if query.is_empty() {
            return format!("{base}{path}");
        }
        // A space is `%20`: nothing says that the server reads `+` as one. A comma separates the
        // items of a list and stays as it is in the documentation's examples.
        let query = serde_urlencoded::to_string(query).unwrap_or_default();
        format!("{base}{path}?{}", query.replace('+', "%20").replace("%2C", ","))
    }
    /// The group masks to poll, as the Web API takes them.
    pub(crate) fn group_masks(&self) -> String {
        self.groups.join(",")
    }
}

/// JSON Schema 2020-12 of [`Settings`].
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "required": ["api_base", "manager_login", "groups"],
        "properties": {
            "api_base": {
                "type": "string",
                "format": "uri",
                "description": "Address and port of the Web API on your access server, such as \
                                https://mt5.example.com:443."
            },
            "manager_login": {
                "type": "string",
                "pattern": "^[0-9]{1,19}$",
                "description": "Login of the manager account that the hub uses. Give it a manager \
                                account of its own, limited to the hub's address."
            },
            "groups": {
                "type": "array",
                "minItems": 1,
                "items": { "type": "string", "minLength": 1, "pattern": "^[^,]+$" },
                "description": "Groups whose accounts and deals are watched: names or masks, \
                                such as real\\EU\\*; a mask that begins with ! leaves out."
            },
            "server_zone": {
                "type": "string",
                "minLength": 3,
                "default": FROM_TIME_SETTINGS,
                "description": "How the server's local time becomes UTC. time-settings reads zone \
                                and daylight saving from the server (daylight saving by the US \
                                calendar); server-clock compares its clock with the hub's, for \
                                managers that may not read the settings; or a POSIX zone, such as \
                                EET-2EEST,M3.5.0/3,M10.5.0/4."
            },
            "deals_since_h": {
                "type": "integer",
                "minimum": 0,
                "maximum": 8760,
                "default": 24,
                "description": "How many hours of deals the first poll reads. Later polls go on \
                                where the last one ended."
            }
        }
    })
}
