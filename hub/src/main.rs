//! `hub`: see `hub --help`.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hub::cli::main()
}
