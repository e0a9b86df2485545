//! A disk that is full: nothing is acknowledged that is not durable, and the hub goes on by itself
//! when there is space again.
use crate::harness::setup::NOWHERE;
use crate::harness::{Connection, Setup, wait_for};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

const ID: &str = "psp";
const SECRET: &str = "whsec_1";
/// The log keeps 64 MiB free; its files and the compiled connector need some more.
const DISK_MIB: u64 = 160;
/// What is left for the hub while the disk is full: less than the log keeps free.
const LEFT_BYTES: u64 = 40 << 20;

/// A small file system, gone at the end.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).ok()?;
        let size = format!("size={DISK_MIB}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output()
            .ok()?;
        mounted.status.success().then(|| Self(at.to_owned()))
    }
    /// Bytes that are free.
    fn free(&self) -> u64 {
        let output = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.0).output();
        let text = String::from_utf8(output.expect("df").stdout).expect("text");
        text.lines().last().and_then(|line| line.trim().parse().ok()).expect("a number")
    }
    /// Takes everything but what is left for the hub.
    fn fill(&self) {
        let size = self.free().saturating_sub(LEFT_BYTES);
        let zeroes = vec![0; usize::try_from(size).expect("it fits")];
        std::fs::write(self.0.join("filler"), zeroes).expect("the disk takes it");
    }
    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("the filler");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn delivery(n: usize) -> Vec<u8> {
    let amount = json!({ "amount": "12.50", "currency": "EUR" });
    json!({ "id": format!("evt_{n}"), "payment": format!("pay_{n}"), "amount": amount })
        .to_string()
        .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_says_why_and_is_got_over_without_a_restart() {
    let setup = Setup::new().with(Connection::hostile(ID, SECRET, NOWHERE));
    let Some(disk) = Disk::mount(&setup.data()) else {
        eprintln!("skipped: mounting a small tmpfs is not allowed here (needs root)");
        return;
    };
    let mut hub = setup.start().await;
    let mut acknowledged = Vec::new();
    for n in 0..20 {
        hub.api.hostile_hook(ID, SECRET, &delivery(n)).await.expect(200);
        acknowledged.push(format!("evt_{n}"));
    }
    disk.fill();
    // What is in the queue already may still be taken; then everything is refused.
    let mut n = 100;
    let refused = wait_for("a refusal", async || {
        n += 1;
        let answer = hub.api.hostile_hook(ID, SECRET, &delivery(n)).await;
        if answer.status == 200 {
            acknowledged.push(format!("evt_{n}"));
            return None;
        }
        Some(answer)
    })
    .await
    .expect(503);
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|s| s > 0));
    // Quarantine is not a way around it, and neither is the API.
    hub.api.hostile_hook(ID, SECRET, b"panic").await.expect(503);
    let registering = hub.api.register("cl-1", "acme").await.expect(503);
    assert!(!registering.header("retry-after").is_empty());
    let ready = hub.api.get("/readyz").await.expect(503).json();
    let why = ready["log"].as_str().expect("a reason");
    assert!(why.contains("disk full") && why.contains("free some space"), "{ready:#}");
    hub.api.get("/healthz").await.expect(200);
    // What is there can still be read.
    assert_eq!(hub.api.events("type=payment.succeeded").await.len(), acknowledged.len());
    assert!(hub.is_up());

    disk.make_room();
    wait_for("the hub to go on by itself", async || {
        (hub.api.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    hub.api.register("cl-1", "acme").await.expect(201);
    hub.api.hostile_hook(ID, SECRET, &delivery(n)).await.expect(200);
    acknowledged.push(format!("evt_{n}"));
    hub.kill9().await;
    hub.start_again().await;
    let events = hub.api.events("type=payment.succeeded").await;
    let kept: Vec<&str> = events.iter().filter_map(|e| e["vendorevent"].as_str()).collect();
    assert_eq!(kept, acknowledged, "acknowledged and kept are not the same");
    assert_eq!(hub.api.json("/v1/verify").await["ok"], true);
    // The disk goes before the directory that it is mounted in.
    hub.kill9().await;
    drop(disk);
}
