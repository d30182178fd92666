//! `include_dir!` follows files that were there, and not those that come: cargo is told to look.

fn main() {
    for folder in ["templates", "../../plugins/sdk/src", "../../plugins/sdk/Cargo.toml"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
