//! Crates that are built for real, and what is said of those that cannot be.
use hub_plugin_build::{Build, BuildError, Component};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const CDYLIB: &str = "[lib]\ncrate-type = [\"cdylib\"]\n";

/// A package `acme` outside of any workspace, without a dependency.
fn package(lib: &str, source: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("src")).expect("our directory");
    let manifest = format!("[package]\nname = \"acme\"\nedition = \"2024\"\n{lib}[workspace]\n");
    fs::write(dir.path().join("Cargo.toml"), manifest).expect("our file");
    fs::write(dir.path().join("src/lib.rs"), source).expect("our file");
    dir
}

fn build(dir: &Path, target: &str) -> Result<Vec<u8>, BuildError> {
    let built = Build::new(dir, dir.join(target)).run()?;
    let path = dir.join(target).join("components/acme.wasm");
    assert_eq!(built, [Component { package: "acme".to_owned(), path: path.clone() }]);
    Ok(fs::read(path).expect("it was built"))
}

const SOURCE: &str = "#[unsafe(no_mangle)] pub extern \"C\" fn f(n: u32) -> u32 {
    assert!(n < 7, \"n is {n}\"); n }";

#[test]
fn a_crate_becomes_a_component_and_always_the_same() {
    let dir = package(CDYLIB, SOURCE);
    let first = build(dir.path(), "one").expect("it builds");
    // The preamble of a component: version 13, layer 1.
    assert_eq!(first[..8], *b"\0asm\x0d\0\x01\0");
    assert_eq!(first, build(dir.path(), "two").expect("it builds"), "from nothing");
    let elsewhere = package(CDYLIB, SOURCE);
    let third = build(elsewhere.path(), "one").expect("it builds");
    assert_eq!(first, third, "no path of this machine is in it");
}

#[test]
fn a_connector_with_much_static_data_gets_the_memory_it_needs() {
    let source = "static TABLE: [u8; 1_000_000] = [7; 1_000_000];
        #[unsafe(no_mangle)] pub extern \"C\" fn f(n: usize) -> u8 {
            std::hint::black_box(&TABLE)[n] }";
    build(package(CDYLIB, source).path(), "target").expect("it builds");
}

#[test]
fn what_the_compiler_says_is_shown() {
    let dir = package(CDYLIB, "pub fn f() -> u32 { \"words\" }");
    let error = build(dir.path(), "target").expect_err("it does not compile").to_string();
    assert!(error.contains("mismatched types") && error.contains("src/lib.rs"), "{error}");
}

#[test]
fn a_crate_that_is_no_cdylib_is_told_what_it_lacks() {
    let dir = package("[lib]\n", "pub fn f() {}");
    let error = build(dir.path(), "target").expect_err("it gives no module");
    assert!(matches!(error, BuildError::NoModule(_)), "{error}");
    assert!(error.to_string().contains("crate-type"), "{error}");
}

#[test]
fn a_folder_without_a_manifest_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let error = build(dir.path(), "target").expect_err("there is nothing").to_string();
    assert!(error.contains("Cargo.toml"), "{error}");
}
