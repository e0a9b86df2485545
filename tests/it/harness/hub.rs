//! A hub as a child process, which may be killed and started again.
use super::http::{Api, raw_get};
use super::setup::Setup;
use super::wait_for;
use std::fs::{self, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How long a hub may take to listen: a debug build compiles its connectors first.
const START_MAX: Duration = Duration::from_secs(120);
/// How long a hub may take to stop in order.
const STOP_MAX: Duration = Duration::from_secs(40);
/// Lines and events that a failed test shows.
const SHOWN_MAX: usize = 60;

/// A running hub. When a test fails, it shows what it logged and its last events.
pub struct Hub {
    pub setup: Setup,
    pub api: Api,
    child: Child,
    address: SocketAddr,
}

impl Hub {
    /// Writes the configuration and starts a hub with it.
    pub async fn start(setup: Setup) -> Self {
        setup.write();
        Self::start_written(setup).await
    }

    /// Starts a hub with the configuration that is there.
    pub async fn start_written(mut setup: Setup) -> Self {
        let (child, address) = spawn(&setup).await;
        // The next start takes the same port, as vendors and clients expect.
        setup.listen = address.to_string();
        let api = Api::new(&format!("http://{address}"));
        Self { setup, api, child, address }
    }

    /// `http://127.0.0.1:<port>`
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that it logged so far, over all its runs.
    pub fn stderr(&self) -> String {
        let bytes = fs::read(self.setup.path("stderr.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Still there?
    pub fn is_up(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL: no warning, no last words.
    pub async fn kill9(&mut self) {
        self.child.kill().await.expect("it was running");
    }

    /// SIGTERM, and waits for the end.
    pub async fn stop(&mut self) -> ExitStatus {
        let pid = self.pid().to_string();
        let sent = std::process::Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.expect("kill runs").success(), "kill -TERM {pid}");
        let ended = tokio::time::timeout(STOP_MAX, self.child.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("the hub did not stop within {STOP_MAX:?}"))
            .expect("its end")
    }

    /// Starts again on the same data and port.
    pub async fn start_again(&mut self) {
        self.setup.write();
        self.start_written_again().await;
    }

    /// As [`Self::start_again`], with the configuration as it was written by others.
    pub async fn start_written_again(&mut self) {
        // While it was down, a connection of somebody else may have got its port.
        let address = self.address;
        wait_for("its port to be free", async || TcpListener::bind(address).ok()).await;
        let (child, address) = spawn(&self.setup).await;
        assert_eq!(address, self.address, "the same port");
        self.child = child;
    }
}

async fn spawn(setup: &Setup) -> (Child, SocketAddr) {
    let log = OpenOptions::new().create(true).append(true).open(setup.path("stderr.log"));
    let mut command = Command::from(setup.command());
    command.args(["serve", "--config", "hub.toml"]).stdout(Stdio::piped()).kill_on_drop(true);
    command.stderr(log.expect("a file for its log"));
    let mut child = command.spawn().expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let listening = async {
        while let Some(line) = lines.next_line().await.expect("its output") {
            if let Some(url) = line.strip_prefix("listening on http://") {
                return url.parse::<SocketAddr>().expect("an address");
            }
        }
        let log = fs::read_to_string(setup.path("stderr.log")).unwrap_or_default();
        panic!("the hub ended before it listened; it said:\n{}", tail(&log));
    };
    let address = tokio::time::timeout(START_MAX, listening)
        .await
        .unwrap_or_else(|_| panic!("the hub did not listen within {START_MAX:?}"));
    // A pipe that nobody reads would make it fail.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, address)
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_MAX)..].join("\n")
}

impl Drop for Hub {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- the hub's log, its end ----\n{}", tail(&self.stderr()));
            let path = format!("/v1/events?limit={SHOWN_MAX}");
            match raw_get(self.address, &path, self.api.token.as_deref()) {
                Some(events) => eprintln!("---- its last events, newest first ----\n{events}"),
                None => eprintln!("---- it does not tell its last events: is it down? ----"),
            }
        }
    }
}
