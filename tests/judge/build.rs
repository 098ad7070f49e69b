//! The engine is compiled here a second time, with its planted faults.
fn main() {
    println!("cargo::rustc-cfg=mutants");
}
