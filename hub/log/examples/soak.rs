//! Appends for long, and prints memory and space as the log grows: both should level off, or
//! grow as the payload does.
//!
//! `cargo run --release -p hub-log --example soak -- DIR [EVENTS [REPORT_EVERY]]`

use hub_log::bench::{SoakOptions, soak};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("give an empty directory on the disk to soak")?.into();
    let events = args.next().map_or(Ok(10_000_000), |events| events.parse())?;
    let report_every = args.next().map_or(Ok(events / 20), |every| every.parse())?;
    soak(&SoakOptions { dir, events, report_every }, &mut |step| println!("{step}"))?;
    Ok(())
}
