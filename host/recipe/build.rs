//! `include_dir!` follows files that were there, and not those that come: cargo is told to look.

fn main() {
    println!("cargo::rerun-if-changed=template");
}
