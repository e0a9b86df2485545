//! The README's own lines, as a reader would type them.
//!
//! The shell blocks between `<!-- tour:begin -->` and `<!-- tour:end -->` run in order, in one
//! `sh -eu`, in an empty directory, with `hub` in the PATH. They start the hub themselves, send a
//! signed delivery, and the same with a byte changed. Their address 127.0.0.1:8080 is replaced by
//! a free one, and Stripe's by one where nobody listens.
use crate::harness::setup::NOWHERE;
use crate::harness::{Api, count, wait_for};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const ADDRESS: &str = "127.0.0.1:8080";

/// The commands of the fenced shell blocks between the markers.
fn tour(readme: &str) -> Option<String> {
    let (_, rest) = readme.split_once("<!-- tour:begin -->")?;
    let (tour, _) = rest.split_once("<!-- tour:end -->").expect("tour:begin without tour:end");
    let mut script = String::new();
    let mut inside = false;
    for line in tour.lines() {
        match line.trim_start() {
            "```sh" | "```bash" | "```shell" | "```console" => inside = true,
            fence if fence.starts_with("```") => inside = false,
            _ if inside => {
                script += line.strip_prefix("$ ").unwrap_or(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    Some(script)
}

/// A tour under way: the shell, and the hub that it started, are one process group.
struct Tour(Child);

impl Drop for Tour {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).status());
        drop(self.0.wait());
    }
}

fn set_out(dir: &Path, script: &str, address: &str) -> Tour {
    let bin = dir.join("bin");
    let home = dir.join("home");
    for made in [&bin, &home] {
        std::fs::create_dir(made).expect("a directory");
    }
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hub"), bin.join("hub")).expect("a link");
    let script = script
        .replace("cargo run --release --", "hub")
        .replace("./target/release/hub", "hub")
        .replace("https://api.stripe.com", NOWHERE)
        .replace(ADDRESS, address);
    // What the tour started goes on after its last line, until the test has looked.
    let script = format!("{script}\ntouch '{}'\nwait\n", dir.join("done").display());
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let log = std::fs::File::create(dir.join("tour.log")).expect("a file");
    let mut command = Command::new("sh");
    command.args(["-eu", "-c", &script]).current_dir(&home).env("PATH", path);
    command.env("HUB__SERVER__LISTEN", address).env("HUB_URL", format!("http://{address}"));
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
    Tour(command.process_group(0).spawn().expect("sh"))
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_works_as_it_is_written_and_a_changed_byte_is_refused() {
    let readme = std::fs::read_to_string(README).expect("README.md");
    let script = tour(&readme).expect("README.md has <!-- tour:begin -->");
    let dir = tempfile::tempdir().expect("a directory");
    let address = free_address();
    let mut tour = set_out(dir.path(), &script, &address);
    let log = || std::fs::read_to_string(dir.path().join("tour.log")).unwrap_or_default();
    wait_for("the tour's last line", async || {
        if dir.path().join("done").exists() {
            return Some(());
        }
        let ended = tour.0.try_wait().expect("the shell");
        assert!(ended.is_none(), "the tour ended early ({ended:?}); it said:\n{}", log());
        None
    })
    .await;
    let said = log();
    for line in ["signed: 200", "one byte changed: 401"] {
        assert!(said.lines().any(|l| l == line), "{line:?} is not in:\n{said}");
    }
    let api = Api::new(&format!("http://{address}"));
    let events = api.events("").await;
    let verified: Vec<_> = events.iter().filter(|e| e["verified"] == "signature").collect();
    assert_eq!(verified.len(), 1, "one delivery was signed: {events:#?}");
    assert_eq!(count(&events, "delivery.quarantined"), 0, "{said}");
    let (kind, subject) = (verified[0]["type"].as_str(), verified[0]["subject"].as_str());
    let shown = said.lines().any(|l| l.contains(kind.unwrap()) && l.contains(subject.unwrap()));
    assert!(shown, "the tour does not show the event:\n{said}");
}
