//! Who has a log open, for the message of a second open.

/// One line; the program's name without its arguments, which may hold secrets.
pub(crate) fn line() -> String {
    let since = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let program = std::env::current_exe().unwrap_or_default();
    let program = program.file_name().unwrap_or_default().to_string_lossy();
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    format!("process {}, since {since} ({program} on {host})\n", std::process::id())
}

pub(crate) fn pid_of(line: &str) -> Option<u32> {
    line.strip_prefix("process ")?.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_who_and_its_number_is_found_again() {
        let line = line();
        assert!(line.contains("hub_log") && line.ends_with(")\n"), "{line}");
        assert_eq!(pid_of(&line), Some(std::process::id()));
        assert_eq!(pid_of("nobody"), None);
    }
}
