//! Any number of random streams through the fast matcher and the reference.
//!
//! `cargo run --release -p judge --example streams -- FIRST_SEED STREAMS COMMANDS`. Exits with 1
//! and prints the divergence if two events, balances, best prices or a state hash differ.

use judge::Fast;
use reference::judge::{Stats, compare};
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "usage: streams FIRST_SEED STREAMS COMMANDS_OF_A_STREAM";

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().skip(1).map_while(|word| word.parse().ok()).collect();
    let [first, streams, commands] = numbers[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let (begun, mut total) = (Instant::now(), Stats::default());
    for (count, seed) in (1..).zip(first..first.saturating_add(streams)) {
        match compare(seed, commands, Fast::new) {
            Ok(stats) => total.add(&stats),
            Err(divergence) => {
                println!("{divergence}");
                return ExitCode::FAILURE;
            }
        }
        if count % 500 == 0 {
            eprintln!("{count} of {streams} streams, {} commands", total.commands);
        }
    }
    println!("{total:#?}\nin {} s, no difference", begun.elapsed().as_secs());
    ExitCode::SUCCESS
}
