//! A directory with a `hub.toml`, a master key and files of secrets.
use super::Hub;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A port that nobody listens on (RFC 863, discard).
pub const NOWHERE: &str = "http://127.0.0.1:9";

/// A `[[connection]]`.
pub struct Connection {
    pub id: String,
    pub plugin: String,
    /// The inside of `settings = { … }`.
    pub settings: String,
    /// Name, and its values: several while one is rotated.
    pub secrets: Vec<(String, Vec<String>)>,
    pub hosts: Vec<String>,
    /// `grants.private_addresses`
    pub private_addresses: bool,
    /// Further lines.
    pub extra: String,
}

impl Connection {
    /// A connection with nothing but a name and a connector.
    pub fn new(id: &str, plugin: &str) -> Self {
        Self {
            id: id.to_owned(),
            plugin: plugin.to_owned(),
            settings: String::new(),
            secrets: Vec::new(),
            hosts: Vec::new(),
            private_addresses: false,
            extra: String::new(),
        }
    }
    /// Where its API is, granted.
    pub fn api_base(mut self, base: &str) -> Self {
        self.settings = format!("api_base = \"{base}\"");
        self.hosts = vec![base.to_owned()];
        self
    }
    /// More inside of `settings = { … }`.
    pub fn setting(mut self, setting: &str) -> Self {
        self.settings = format!("{}, {setting}", self.settings);
        self
    }
    /// A secret with one value.
    pub fn secret(self, name: &str, value: &str) -> Self {
        self.rotated(name, &[value])
    }
    /// A secret with several values, the new one first.
    pub fn rotated(mut self, name: &str, values: &[&str]) -> Self {
        self.secrets.push((name.to_owned(), values.iter().map(|v| (*v).to_owned()).collect()));
        self
    }
    /// A further line, such as `poll_every_ms = 100`.
    pub fn line(mut self, line: &str) -> Self {
        self.extra += line;
        self.extra.push('\n');
        self
    }
    /// Stripe, with nobody at its API.
    pub fn stripe(id: &str, webhook_secret: &str) -> Self {
        Self::new(id, "stripe")
            .api_base(NOWHERE)
            .secret("webhook_secret", webhook_secret)
            .secret("api_key", "sk_test_nobody")
    }
    /// The connector that does what its deliveries say (`tests/hostile`).
    pub fn hostile(id: &str, webhook_secret: &str, api_base: &str) -> Self {
        Self::new(id, Setup::HOSTILE).api_base(api_base).secret("webhook_secret", webhook_secret)
    }
}

/// A configuration on disk, before and between the runs of a hub.
pub struct Setup {
    dir: tempfile::TempDir,
    /// `[server] listen`
    pub listen: String,
    pub connections: Vec<Connection>,
    /// Tables beside `[server]` and the connections.
    pub rules: String,
    /// Further lines of `[server]`.
    pub server: String,
    /// Variables that the hub starts with.
    pub env: Vec<(String, String)>,
}

impl Setup {
    /// The hostile component, beside `hub.toml`.
    pub const HOSTILE: &'static str = "hostile.wasm";

    /// With a master key and no connection.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("hub-it-").tempdir().expect("a directory");
        let setup = Self {
            dir,
            listen: "127.0.0.1:0".to_owned(),
            connections: Vec::new(),
            rules: String::new(),
            server: String::new(),
            env: Vec::new(),
        };
        fs::create_dir(setup.path("secrets")).expect("a directory for secrets");
        let digits: String = (0..32).map(|n| format!("{:02x}", n * 7 + 1)).collect();
        setup.write_private("hub.key", &digits);
        fs::write(setup.path(Self::HOSTILE), hub::plugins::ROGUE).expect("the hostile component");
        setup
    }
    /// Adds a connection.
    pub fn with(mut self, connection: Connection) -> Self {
        self.connections.push(connection);
        self
    }
    /// Adds rules and other tables.
    pub fn rules(mut self, toml: &str) -> Self {
        self.rules += toml;
        self.rules.push('\n');
        self
    }
    /// Adds a line to `[server]`.
    pub fn server(mut self, line: &str) -> Self {
        self.server += line;
        self.server.push('\n');
        self
    }
    /// Starts the hub with a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder of `hub.toml`.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }
    /// A path beside `hub.toml`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }
    /// Writes a file that only its owner reads.
    pub fn write_private(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode");
    }

    /// Writes `hub.toml` and the secrets' files.
    pub fn write(&self) -> PathBuf {
        let mut text = format!("[server]\nlisten = \"{}\"\n{}\n", self.listen, self.server);
        text += "[log]\ndir = \"data\"\n\n";
        text += &self.rules;
        for connection in &self.connections {
            self.push(&mut text, connection);
        }
        let path = self.path("hub.toml");
        fs::write(&path, text).expect("hub.toml");
        path
    }

    fn push(&self, text: &mut String, connection: &Connection) {
        let Connection { id, plugin, settings, secrets, hosts, private_addresses, extra } =
            connection;
        let mut references = Vec::new();
        for (name, values) in secrets {
            let files: Vec<String> =
                (0..values.len()).map(|n| format!("secrets/{id}.{name}.{n}")).collect();
            for (file, value) in files.iter().zip(values) {
                self.write_private(file, value);
            }
            let quoted: Vec<String> = files.iter().map(|f| format!("\"file:{f}\"")).collect();
            references.push(match quoted.as_slice() {
                [one] => format!("{name} = {one}"),
                several => format!("{name} = [{}]", several.join(", ")),
            });
        }
        let hosts: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
        write!(
            text,
            "\n[[connection]]\nid = \"{id}\"\nplugin = \"{plugin}\"\nsettings = {{ {settings} }}\n\
             secrets = {{ {} }}\n\
             grants = {{ hosts = [{}], private_addresses = {private_addresses} }}\n{extra}",
            references.join(", "),
            hosts.join(", "),
        )
        .expect("a String takes everything");
    }

    /// A command of the binary, in the folder of `hub.toml`, with nothing of this test's own
    /// environment that would change what it does.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hub"));
        command.current_dir(self.root());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HUB_") {
                command.env_remove(name);
            }
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command of the binary to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().expect("the binary runs")
    }

    /// Writes the configuration and starts a hub with it.
    pub async fn start(self) -> Hub {
        Hub::start(self).await
    }
}

/// What a command printed, both ways.
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}
