//! The demo's `hub.toml`, and the files of its secrets.
use super::world::{KYC_LEVEL, MANAGER, MERCHANT, PROP_GROUP, RETAIL_GROUP, World};
use super::{DemoError, connection};
use crate::vault::MasterKey;
use jiff::tz::TimeZone;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The zone of the evaluation's trading day.
const ZONE: &str = "Europe/Prague";
/// The evaluation that the demo's clients buy.
pub(super) const PROGRAMME: &str = "100k-two-step";
/// Where its accounts begin.
pub(super) const INITIAL_BALANCE: i64 = 100_000;
/// The entity of retail clients.
pub(super) const RETAIL_ENTITY: &str = "acme-eu";
/// The entity of prop clients.
pub(super) const PROP_ENTITY: &str = "acme-prop";

/// The rogue's vendor: a port that nobody listens on (RFC 863, discard).
const NOWHERE: &str = "http://127.0.0.1:9";

/// A connection as the file has it.
struct Written<'a> {
    id: &'a str,
    plugin: &'a str,
    settings: String,
    secrets: Vec<(&'a str, &'a str)>,
    host: String,
    poll_every_ms: Option<u32>,
}

impl World {
    /// Writes `hub.toml`, the master key and the files of the secrets into `dir`, each for its
    /// owner alone; gives the path of `hub.toml`. The hub will listen on `listen`. `rogue` is the
    /// component of a connector that misbehaves, if there shall be one.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_config(
        &self,
        dir: &Path,
        listen: SocketAddr,
        rogue: Option<&Path>,
    ) -> Result<PathBuf, DemoError> {
        private_dir(dir)?;
        private_dir(&dir.join("secrets"))?;
        let rogue = rogue.map(|path| path.to_string_lossy().into_owned());
        let mut text = head(listen, &reset());
        for connection in self.connections(rogue.as_deref()) {
            let mut references = Vec::new();
            for (name, secret) in &connection.secrets {
                let file = format!("secrets/{}.{name}", connection.id);
                private_file(&dir.join(&file), secret)?;
                references.push(format!("{name} = \"file:{file}\""));
            }
            push(&mut text, &connection, &references.join(", "));
        }
        let key = dir.join("hub.key");
        if !key.exists() {
            MasterKey::create(&key)?;
        }
        let path = dir.join("hub.toml");
        private_file(&path, &text)?;
        Ok(path)
    }

    fn connections<'a>(&'a self, rogue: Option<&'a str>) -> Vec<Written<'a>> {
        let secrets = &self.secrets;
        let (stripe, adyen) = (self.stripe.base_url(), self.adyen.base_url());
        let (sumsub, mt5) = (self.sumsub.base_url(), self.mt5.base_url());
        let mut all = vec![
            Written {
                id: connection::STRIPE,
                plugin: "stripe",
                settings: format!("api_base = \"{stripe}\""),
                secrets: vec![
                    ("api_key", &secrets.stripe_api_key),
                    ("webhook_secret", &secrets.stripe_webhook),
                ],
                host: stripe,
                poll_every_ms: None,
            },
            Written {
                id: connection::ADYEN,
                plugin: "adyen",
                settings: format!("api_base = \"{adyen}/v71\", merchant_account = \"{MERCHANT}\""),
                secrets: vec![
                    ("api_key", &secrets.adyen_api_key),
                    ("hmac_key", &secrets.adyen_hmac_hex),
                ],
                host: adyen,
                poll_every_ms: None,
            },
            Written {
                id: connection::SUMSUB,
                plugin: "sumsub",
                settings: format!("api_base = \"{sumsub}\""),
                secrets: vec![
                    ("app_token", &secrets.sumsub_app_token),
                    ("secret_key", &secrets.sumsub_secret),
                    ("webhook_secret", &secrets.sumsub_webhook),
                ],
                host: sumsub,
                poll_every_ms: None,
            },
            Written {
                id: connection::MT5,
                plugin: "mt5",
                settings: format!(
                    "api_base = \"{mt5}\", manager_login = \"{MANAGER}\", \
                     groups = ['{RETAIL_GROUP}', '{PROP_GROUP}']"
                ),
                secrets: vec![("password", &secrets.mt5_password)],
                host: mt5,
                poll_every_ms: Some(300),
            },
        ];
        if let Some(plugin) = rogue {
            all.push(Written {
                id: connection::ROGUE,
                plugin,
                settings: format!("api_base = \"{NOWHERE}\""),
                secrets: vec![("webhook_secret", &secrets.rogue_webhook)],
                host: NOWHERE.to_owned(),
                poll_every_ms: None,
            });
        }
        all
    }
}

fn push(text: &mut String, connection: &Written<'_>, secrets: &str) {
    let Written { id, plugin, settings, host, poll_every_ms, .. } = connection;
    // Through the library, since a path may hold anything.
    let plugin = toml::Value::String((*plugin).to_owned());
    let mut table = format!(
        "\n[[connection]]\nid       = \"{id}\"\nplugin   = {plugin}\n\
         settings = {{ {settings} }}\nsecrets  = {{ {secrets} }}\n\
         grants   = {{ hosts = [\"{host}\"] }}\n"
    );
    if let Some(ms) = poll_every_ms {
        table += &format!("poll_every_ms = {ms}\n");
    }
    text.push_str(&table);
}

/// The evaluation's day begins at midnight, unless that is near: then at noon, so that a demo's
/// day never runs over a reset and the seed alone says who breaches.
fn reset() -> String {
    // Without a zone database an hour too few is near enough for "near".
    let zone = TimeZone::get(ZONE).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(1)));
    let hour = jiff::Timestamp::now().to_zoned(zone).hour();
    let near = !(2..22).contains(&hour);
    if near { "12:00" } else { "00:00" }.to_owned()
}

fn head(listen: SocketAddr, reset: &str) -> String {
    let mut text = String::from(
        "# The configuration of `hub demo`: simulated vendors on loopback, which are gone when the\n\
         # demo ends. Serve its log again with: hub serve --config <this file>\n",
    );
    let rules = format!(
        r#"
[server]
listen = "{listen}"

[log]
dir = "data"

[vault]
key_file = "hub.key"

[dispatch]                     # a day in half a minute: everything waits shorter than it would
attempts_max = 20
backoff_min_ms = 100
backoff_max_ms = 2000
request_timeout_ms = 2000
circuit_failures = 200         # the day's faults are meant to be retried, not to open a circuit
circuit_open_ms = 2000

[[kyc]]
name = "everyone"
connection = "{sumsub}"
level = "{KYC_LEVEL}"
at_registration = true

[[route]]
name = "cards"
when = {{ kind = "deposit", method = "card" }}
use  = {{ strategy = "ordered", connections = ["{stripe}", "{adyen}"] }}
fallback = {{ attempts_max = 2, within = "300s" }}

[[provisioning]]
name = "retail"
on   = "kyc.approved"
when = {{ entity = "{RETAIL_ENTITY}" }}
account = {{ connection = "{mt5}", group = '{RETAIL_GROUP}', currency = "EUR", leverage = 30 }}

[[provisioning]]
name = "prop"
on   = "challenge.purchased"
when = {{ entity = "{PROP_ENTITY}", programme = "{PROGRAMME}" }}
account = {{ connection = "{mt5}", group = '{PROP_GROUP}', currency = "USD", leverage = 100 }}

[[programme]]
id = "{PROGRAMME}"
currency = "USD"
initial_balance = "{INITIAL_BALANCE}"
day = {{ reset = "{reset}", zone = "{ZONE}" }}
[[programme.phase]]
name = "challenge"
rules = [
  {{ rule = "daily-loss", anchor = "balance", allowance = {{ of = "initial", share = "0.05" }}, compare = "equity", on_breach = "close-and-disable" }},
  {{ rule = "max-loss", mode = "static", allowance = {{ of = "initial", share = "0.10" }} }},
]
"#,
        sumsub = connection::SUMSUB,
        stripe = connection::STRIPE,
        adyen = connection::ADYEN,
        mt5 = connection::MT5,
    );
    text.push_str(&rules);
    text
}

fn private_dir(path: &Path) -> Result<(), DemoError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path).map_err(DemoError::file(path))
}

fn private_file(path: &Path, text: &str) -> Result<(), DemoError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(DemoError::file(path))?;
    file.write_all(text.as_bytes()).map_err(DemoError::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[tokio::test]
    async fn the_file_holds_and_shows_no_secret() {
        crate::install_crypto();
        let dir = tempfile::tempdir().unwrap();
        let world = World::start(1).await.unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let rogue = Path::new("a \"quoted\" name.wasm");
        let path = world.write_config(dir.path(), listen, Some(rogue)).unwrap();
        let loaded = crate::config::load(&path).unwrap();
        assert_eq!(crate::config::check(&loaded.config), []);
        assert_eq!(loaded.config.connection.len(), 5);
        assert_eq!(loaded.config.connection[4].plugin, rogue.to_str().unwrap());
        let secrets = loaded.config.connection.iter().flat_map(|c| c.secrets.values());
        for reference in secrets.flat_map(|references| references.all()) {
            let secret = crate::vault::resolve(reference, dir.path()).unwrap();
            let secret = std::str::from_utf8(secret.expose()).unwrap().to_owned();
            assert!(!loaded.text.contains(&secret), "{reference} stands in hub.toml");
            let file = dir.path().join(reference.strip_prefix("file:").unwrap());
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        crate::vault::MasterKey::read(&loaded.config.key_file(loaded.base())).unwrap();
    }
}
