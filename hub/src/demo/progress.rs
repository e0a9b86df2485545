//! How far the day has come, on a terminal and elsewhere.
use super::view::View;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Between two lines where they cannot overwrite each other.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// How far the day has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What is going on.
    pub phase: &'static str,
    /// Since the day began.
    pub elapsed: Duration,
    /// Clients whose day is over.
    pub done: usize,
    /// All clients.
    pub clients: usize,
    /// Clients registered.
    pub registered: u64,
    /// Clients verified.
    pub verified: u64,
    /// Deposits credited.
    pub credited: u64,
    /// Deposits that failed.
    pub failed: u64,
    /// Accounts opened.
    pub accounts: u64,
    /// Breaches detected.
    pub breaches: u64,
    /// Events in the hub's log.
    pub events: u64,
}

impl Progress {
    pub(super) fn of(
        view: &View,
        phase: &'static str,
        elapsed: Duration,
        done: usize,
        clients: usize,
    ) -> Self {
        Self {
            phase,
            elapsed,
            done,
            clients,
            registered: view.count("client.registered"),
            verified: view.count("kyc.approved"),
            credited: view.count("deposit.credited"),
            failed: view.count("deposit.failed"),
            accounts: view.count("account.opened"),
            breaches: view.count("breach.detected"),
            events: view.last,
        }
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:5.1} s  {}  {}/{} clients done · {} registered · {} verified · deposits {} credited, \
             {} failed · {} accounts · {} breaches · {} events",
            self.elapsed.as_secs_f64(),
            self.phase,
            self.done,
            self.clients,
            self.registered,
            self.verified,
            self.credited,
            self.failed,
            self.accounts,
            self.breaches,
            self.events
        )
    }
}

/// One line that is written again and again on a terminal; a line now and then elsewhere.
pub(super) struct Shown {
    terminal: bool,
    last: Option<(Instant, &'static str)>,
}

impl Shown {
    pub fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last: None }
    }

    /// Shows how far it has come. A terminal that is gone stops nothing.
    pub fn show(&mut self, progress: &Progress) {
        let mut out = std::io::stderr().lock();
        if self.terminal {
            // Back to the beginning of the line, and clear it (ECMA-48: CR, EL).
            let _ = write!(out, "\r\x1b[2K{progress}");
            let _ = out.flush();
            return;
        }
        let due = self
            .last
            .is_none_or(|(at, phase)| at.elapsed() >= LINE_EVERY || phase != progress.phase);
        if due {
            self.last = Some((Instant::now(), progress.phase));
            let _ = writeln!(out, "{progress}");
        }
    }

    /// Ends the line.
    pub fn end(&self) {
        if self.terminal {
            let _ = writeln!(std::io::stderr());
        }
    }
}
