//! Tells rustc that `--cfg loom` is ours: the ring is model-checked under it.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rerun-if-changed=build.rs");
}
