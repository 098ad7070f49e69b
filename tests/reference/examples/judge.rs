//! Runs the reference against itself: `judge [first seed] [seeds] [commands]`. What it prints tells
//! how good the streams are; what it checks are the invariants and the audit.

use reference::Reference;
use reference::generate::Swarm;
use reference::judge::{Stats, compare};
use std::time::Instant;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let mut next = |default| arguments.next().and_then(Result::ok).unwrap_or(default);
    let (first, seeds, commands) = (next(1), next(20), next(10_000));
    let mut total = Stats::default();
    let start = Instant::now();
    for seed in first..first + seeds {
        match compare(seed, commands, Reference::new) {
            Ok(stats) => {
                if seeds <= 20 {
                    let swarm = Swarm::from_seed(seed);
                    println!(
                        "{seed}: accepted {} trades {} {:?} members {}",
                        stats.accepted, stats.trades, swarm.prices, swarm.members
                    );
                }
                total.add(&stats);
            }
            Err(divergence) => {
                println!("{divergence}");
                std::process::exit(1);
            }
        }
    }
    println!("{total:#?}");
    println!("{} commands in {:?}", total.commands, start.elapsed());
}
