//! What can go wrong, by what the reader can do about it.

/// Why a component is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Too large.
    #[error("the component has {bytes} bytes; at most {bytes_max} are loaded")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Not WebAssembly.
    #[error("this is not WebAssembly: the file does not begin with \\0asm")]
    NotWasm,
    /// A core module.
    #[error("this is a core module, not a component; `hub plugin build` makes a component of it")]
    CoreModule,
    /// Does not validate or compile.
    #[error("the component is damaged or uses what the sandbox does not have: {0}")]
    Invalid(String),
    /// Built against another version of the contract.
    #[error(
        "the component is built against hub:connector@{found}; this hub serves {served}. \
         Build it with the SDK of that version, or upgrade the hub"
    )]
    Version {
        /// Its version.
        found: String,
        /// Served.
        served: &'static str,
    },
    /// Imports something that a connector may not have.
    #[error(
        "the component imports {0}, which no connector gets: connectors have no clock, no files, \
         no sockets and no WASI; build it for wasm32-unknown-unknown with the SDK"
    )]
    Import(String),
    /// Exports no `describe`.
    #[error("the component does not export hub:connector/describe@{0}: it is not a connector")]
    NotAConnector(&'static str),
    /// An export has another type than the contract's.
    #[error("the component's {interface} does not have the contract's type: {why}")]
    Type {
        /// Which interface.
        interface: &'static str,
        /// What is wrong.
        why: String,
    },
    /// `describe` failed.
    #[error("the component's describe failed: {0}")]
    Describe(CallError),
}

/// Why a call gave nothing. After each of these the instance is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It trapped.
    #[error("it trapped: {message}")]
    Trap {
        /// Why, and what it logged last.
        message: String,
    },
    /// It took too long.
    #[error("it was stopped after {ms} ms without an end")]
    TimedOut {
        /// The limit.
        ms: u64,
    },
    /// It wanted too much memory.
    #[error("it wanted more than {bytes_max} bytes of memory")]
    Memory {
        /// The limit.
        bytes_max: usize,
    },
    /// It said too much.
    #[error("it gave {bytes} bytes or more in one step; at most {bytes_max} are taken")]
    OutputTooLarge {
        /// How much; where there was no end, how much was looked at.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// It emitted too many events.
    #[error("it emitted {events} events in one call; at most {events_max} are taken")]
    TooManyEvents {
        /// How many.
        events: usize,
        /// The limit.
        events_max: usize,
    },
    /// It does not have this.
    #[error("it does not export {0}")]
    NoSuchEntry(&'static str),
    /// Too many calls at once.
    #[error("too many calls at once: no turn came within {ms} ms")]
    Busy {
        /// How long it waited.
        ms: u64,
    },
}

impl CallError {
    /// A stable word.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::TimedOut { .. } | Self::Memory { .. } => "limit",
            Self::OutputTooLarge { .. } | Self::TooManyEvents { .. } => "limit",
            Self::NoSuchEntry(_) => "unsupported",
            Self::Busy { .. } => "busy",
        }
    }
}
