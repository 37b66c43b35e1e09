//! Tells the program whether it was built for this processor alone.

fn main() {
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let native = flags.replace('\u{1f}', " ").contains("target-cpu=native");
    println!("cargo:rustc-env=RIVALS_NATIVE={native}");
    println!("cargo:rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
}
