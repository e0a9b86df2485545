//! The one thing that a connector may do besides its answer: write a line to the hub's log. Lines
//! are cut and counted by the hub; personal data has no place in them.
pub use crate::bindings::base::hub::connector::log::Level;

/// Writes a line. Natively, where there is no hub, it goes to stderr.
pub fn write(level: Level, message: impl AsRef<str>) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::base::hub::connector::log::write(level, message.as_ref());
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {}", message.as_ref());
}

/// For those who develop the connector.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message);
}

/// Something that an operator may want to know.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message);
}

/// Something that an operator should look at.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message);
}

/// A panic is a bare trap to the hub; this leaves its message, which is what the author needs.
pub(crate) fn report_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| write(Level::Error, panic.to_string())));
}
