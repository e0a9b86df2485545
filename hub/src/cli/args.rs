//! What may be typed.
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The integration hub for brokers and prop firms.
#[derive(Parser)]
#[command(
    name = "hub",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  hub demo                 a day at a broker, with simulated vendors; then the console
  hub init && hub check    a commented hub.toml, and whether it holds
  hub serve                run the hub"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Every command.
#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for as long as the program starts")]
pub enum Command {
    /// Simulated vendors, the bundled connectors, and a day through the real pipeline.
    #[command(after_help = "Example:\n  hub demo --once --seed 7")]
    Demo(DemoArgs),
    /// Writes a commented hub.toml and the master key, and creates the data directory.
    #[command(after_help = "Example:\n  hub init /etc/hub")]
    Init(InitArgs),
    /// Says whether the configuration holds: file, line and remedy.
    #[command(after_help = "Example:\n  hub check --config /etc/hub/hub.toml")]
    Check(ConfigArgs),
    /// Runs the hub. SIGTERM or Ctrl-C finishes what is under way, then stops.
    #[command(after_help = "Example:\n  hub serve --config /etc/hub/hub.toml")]
    Serve(ConfigArgs),
    /// The event log of a running hub.
    #[command(subcommand)]
    Events(EventsCommand),
    /// Deliveries that could not be understood.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Clients: find, show, erase.
    #[command(subcommand)]
    Client(ClientCommand),
    /// Health of each connection.
    #[command(subcommand)]
    Connection(ConnectionCommand),
    /// Connectors.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Drops the snapshot, replays the log, and compares: needs the hub stopped.
    #[command(after_help = "Example:\n  hub rebuild --config /etc/hub/hub.toml")]
    Rebuild(RebuildArgs),
    /// Writes a backup of a running hub: the log, raw deliveries and the keys of clients. The
    /// master key is not in it.
    #[command(after_help = "Example:\n  hub backup /mnt/backup/hub-2026-11-21.tar.zst")]
    Backup(BackupArgs),
    /// Restores a backup into the empty data directory that the configuration names, and verifies
    /// it.
    #[command(after_help = "Example:\n  hub restore hub-2026-11-21.tar.zst --config hub.toml")]
    Restore(RestoreArgs),
    /// Measures this machine: ratios against a baseline in the same run.
    #[command(after_help = "Example:\n  hub bench log --seconds 5")]
    Bench(BenchArgs),
}

/// Which configuration.
#[derive(Args)]
pub struct ConfigArgs {
    /// The configuration file.
    #[arg(long, default_value = "hub.toml")]
    pub config: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    pub json: bool,
}

/// `hub demo`
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Exits after the summary: 0 only if every invariant held.
    #[arg(long)]
    pub once: bool,
    /// Port of API and console; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Where the demo's data goes; a temporary directory if absent.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// How fast the day passes; 1 takes about half a minute.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// Who does what on this day.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many clients register.
    #[arg(long, default_value_t = 200)]
    pub clients: usize,
}

/// `hub init`
#[derive(Args)]
pub struct InitArgs {
    /// Where.
    #[arg(default_value = ".")]
    pub dir: PathBuf,
}

/// How to reach a running hub.
#[derive(Args, Clone)]
pub struct Remote {
    /// Address of the hub; taken from --config if absent.
    #[arg(long, env = "HUB_URL", global = true)]
    pub url: Option<String>,
    /// The configuration whose [server] listen is asked.
    #[arg(long, default_value = "hub.toml", global = true)]
    pub config: PathBuf,
    /// The bearer token, if the hub wants one.
    #[arg(long, env = "HUB_TOKEN", hide_env_values = true, global = true)]
    pub token: Option<String>,
    /// Prints JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// Which events.
#[derive(Args, Clone, Default)]
pub struct Filters {
    /// A type; `payment.` or `payment.*` takes all that begin so.
    #[arg(long = "type")]
    pub event_type: Option<String>,
    /// Such as payment/pay_1.
    #[arg(long)]
    pub subject: Option<String>,
    /// About a client, its payments and accounts.
    #[arg(long)]
    pub client: Option<String>,
    /// About an account.
    #[arg(long)]
    pub account: Option<String>,
    /// Over a connection.
    #[arg(long)]
    pub connection: Option<String>,
    /// Of an entity.
    #[arg(long)]
    pub entity: Option<String>,
    /// Happened at or after this (RFC 3339).
    #[arg(long)]
    pub since: Option<String>,
    /// Happened before this (RFC 3339).
    #[arg(long)]
    pub until: Option<String>,
    /// Goes on after this event.
    #[arg(long)]
    pub after: Option<String>,
    /// At most so many.
    #[arg(long)]
    pub limit: Option<usize>,
    /// Contains this text.
    #[arg(long)]
    pub text: Option<String>,
}

/// `hub events`
#[derive(Subcommand)]
pub enum EventsCommand {
    /// Lists events, newest first.
    #[command(after_help = "Example:\n  hub events list --type payment. --client cl_1 --limit 20")]
    List {
        /// Which.
        #[command(flatten)]
        filters: Filters,
        /// Oldest first.
        #[arg(long)]
        oldest_first: bool,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Shows one event, whole.
    #[command(after_help = "Example:\n  hub events show evt_42")]
    Show {
        /// The event's id.
        id: String,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Follows the live log.
    #[command(after_help = "Example:\n  hub events tail --type breach.")]
    Tail {
        /// Which.
        #[command(flatten)]
        filters: Filters,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Shows what caused an event, and what it caused.
    #[command(after_help = "Example:\n  hub events trace evt_42")]
    Trace {
        /// The event's id.
        id: String,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Walks the hash chain and its signed checkpoints, and names the first bad record; or verifies
    /// an exported file, without the hub.
    #[command(after_help = "\
Examples:
  hub events verify                                        a running hub's log
  hub events verify --offline --config hub.toml            the files themselves
  hub events verify --checkpoint last-month.txt            against a checkpoint kept elsewhere
  hub events verify november.jsonl --key hub-log/…+…+…     an export, anywhere")]
    Verify {
        /// A file that `hub events export --proof` wrote; `-` is standard input.
        file: Option<PathBuf>,
        /// Reads the log's files itself: the hub must be stopped.
        #[arg(long, conflicts_with = "file")]
        offline: bool,
        /// The public key that must have signed; the log's (or the file's) own if absent.
        #[arg(long)]
        key: Option<String>,
        /// A file with a checkpoint that was kept elsewhere: shows that the log is its continuation.
        #[arg(long, conflicts_with = "file")]
        checkpoint: Option<PathBuf>,
        /// Prints the verified file's events, one JSON object a line.
        #[arg(long, requires = "file")]
        print: bool,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Signs the end of the log, and prints it: keep it where the hub's administrators cannot
    /// write, and no rewriting of the log can go unseen.
    #[command(after_help = "Example:\n  hub events checkpoint >> /mnt/worm/checkpoints.txt")]
    Checkpoint {
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Says what events carry as their delivery's hash if this file is the delivery's raw body.
    #[command(after_help = "Example:\n  hub events digest kept-copy.json")]
    Digest {
        /// A copy of a raw body.
        file: PathBuf,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Writes events as one JSON object a line, oldest first.
    #[command(after_help = "\
Examples:
  hub events export --since 2026-11-01T00:00:00Z > november.jsonl
  hub events export --proof --client cl_1 > cl_1.jsonl     verifiable without the hub")]
    Export {
        /// Which.
        #[command(flatten)]
        filters: Filters,
        /// Writes what `hub events verify FILE` needs too: stored records, hashes, and a signed
        /// checkpoint. Events that no filter takes are there by their hash alone.
        #[arg(long)]
        proof: bool,
        /// The first event of a proof; the first of the log if absent.
        #[arg(long, requires = "proof")]
        from: Option<String>,
        /// The last event of a proof; the last of the log if absent.
        #[arg(long, requires = "proof")]
        to: Option<String>,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Counts events by type.
    #[command(after_help = "Example:\n  hub events stats")]
    Stats {
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
}

/// `hub quarantine`
#[derive(Subcommand)]
pub enum QuarantineCommand {
    /// Lists what is in quarantine.
    #[command(after_help = "Example:\n  hub quarantine list")]
    List {
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Shows one entry with its raw delivery.
    #[command(after_help = "Example:\n  hub quarantine show q_0123456789abcdef0123")]
    Show {
        /// The entry's id.
        id: String,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Runs an entry, or all, through the connector as it is now.
    #[command(after_help = "Example:\n  hub quarantine replay --all")]
    Replay {
        /// The entry's id.
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// Every entry.
        #[arg(long)]
        all: bool,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Drops an entry; who did it and why stays in the log.
    #[command(
        after_help = "Example:\n  hub quarantine discard q_0123456789abcdef0123 --reason 'vendor test ping'"
    )]
    Discard {
        /// The entry's id.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
}

/// `hub client`
#[derive(Subcommand)]
pub enum ClientCommand {
    /// Lists clients by id, or finds those of an e-mail address or telephone number.
    #[command(
        after_help = "Example:\n  hub client list\n  hub client list --email anna@example.com"
    )]
    List {
        /// Registered with this e-mail address.
        #[arg(long, conflicts_with = "phone")]
        email: Option<String>,
        /// Registered with this telephone number.
        #[arg(long)]
        phone: Option<String>,
        /// Past this client.
        #[arg(long)]
        after: Option<String>,
        /// At most so many.
        #[arg(long)]
        limit: Option<usize>,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Shows a client's card: state, deposits, accounts, wallet.
    #[command(after_help = "Example:\n  hub client show cl_1")]
    Show {
        /// Which.
        id: String,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Destroys the keys of a client's personal data, for good. Amounts, states and decisions stay.
    ///
    /// Refused while something of the client is under way or the wallet holds money. What backups
    /// made before hold, this cannot reach; deliveries that named no client go with their retention.
    #[command(
        after_help = "Example:\n  hub client erase cl_1 --reason 'request of 2026-11-21, ticket 4711'"
    )]
    Erase {
        /// Which.
        id: String,
        /// Why. It stays in the log for good: put nothing personal there.
        #[arg(long)]
        reason: String,
        /// What the wallet still shows was settled outside the hub.
        #[arg(long)]
        wallet_settled: bool,
        /// Does not ask first.
        #[arg(long)]
        yes: bool,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
}

/// `hub connection`
#[derive(Subcommand)]
pub enum ConnectionCommand {
    /// Lists connections and how they do.
    #[command(after_help = "Example:\n  hub connection list")]
    List {
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Shows one.
    #[command(after_help = "Example:\n  hub connection show stripe-eu")]
    Show {
        /// Which.
        id: String,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Makes a harmless authenticated call.
    #[command(after_help = "Example:\n  hub connection test stripe-eu")]
    Test {
        /// Which.
        id: String,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Stops all traffic with a vendor.
    #[command(after_help = "Example:\n  hub connection pause stripe-eu --reason 'incident 4711'")]
    Pause {
        /// Which.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
    /// Lets traffic flow again.
    #[command(after_help = "Example:\n  hub connection resume stripe-eu")]
    Resume {
        /// Which.
        id: String,
        /// The hub.
        #[command(flatten)]
        remote: Remote,
    },
}

/// `hub plugin`
#[derive(Subcommand)]
pub enum PluginCommand {
    /// Lists the bundled connectors.
    #[command(after_help = "Example:\n  hub plugin list")]
    List {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows what a connector is, can do and wants: before it runs.
    #[command(
        after_help = "Example:\n  hub plugin inspect stripe\n  hub plugin inspect ./acme-pay.wasm"
    )]
    Inspect {
        /// A bundled connector's name, or a path to a component.
        plugin: String,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `hub rebuild`
#[derive(Args)]
pub struct RebuildArgs {
    /// The configuration file.
    #[arg(long, default_value = "hub.toml")]
    pub config: PathBuf,
    /// Compares only: leaves the snapshot as it is.
    #[arg(long)]
    pub check: bool,
    /// Prints JSON.
    #[arg(long)]
    pub json: bool,
}

/// `hub backup`
#[derive(Args)]
pub struct BackupArgs {
    /// Where the backup goes: a new file, only its owner can read it.
    pub file: PathBuf,
    /// The hub.
    #[command(flatten)]
    pub remote: Remote,
}

/// `hub restore`
#[derive(Args)]
pub struct RestoreArgs {
    /// A file that `hub backup` wrote.
    pub file: PathBuf,
    /// The configuration file.
    #[arg(long, default_value = "hub.toml")]
    pub config: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    pub json: bool,
}

/// `hub bench`
#[derive(Args)]
pub struct BenchArgs {
    /// What to measure.
    #[arg(value_enum, default_value_t = BenchWhat::All)]
    pub what: BenchWhat,
    /// Sizes of the logs that are read and reopened, in events. `hub bench log` takes 1 and 10
    /// million, which needs some 15 GB of disk; `hub bench` 1 million.
    #[arg(long, value_delimiter = ',')]
    pub events: Vec<u64>,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 3)]
    pub seconds: u64,
    /// Where the files go; a temporary directory if absent. Use the disk that will hold the log.
    #[arg(long)]
    pub dir: Option<PathBuf>,
}

/// What `hub bench` can measure.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum BenchWhat {
    /// Everything.
    All,
    /// The event log: appends, reading, space, reopening and questions.
    Log,
    /// Normalisation in the sandbox against the same code native.
    Sandbox,
    /// Webhook to durable 200 against a bare handler.
    Webhook,
}
