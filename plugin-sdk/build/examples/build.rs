//! `cargo run -p hub-plugin-build --example build -- <manifest dir> <target dir> [package…]`:
//! builds connectors by hand.
use hub_plugin_build::Build;

fn main() -> Result<(), String> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: build <manifest dir> <target dir> [package…]";
    let (Some(manifest_dir), Some(target_dir)) = (args.next(), args.next()) else {
        return Err(usage.to_owned());
    };
    let build = Build { packages: args.collect(), ..Build::new(manifest_dir, target_dir) };
    for component in build.run().map_err(|error| error.to_string())? {
        println!("{} {}", component.package, component.path.display());
    }
    Ok(())
}
