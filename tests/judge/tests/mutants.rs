//! The judges bite: every planted fault is found.

use judge::mutated::{Mutant, Mutated, plant};
use reference::judge::compare;
use std::panic::{AssertUnwindSafe, catch_unwind};

const SEEDS: u64 = 300;
const COMMANDS: u64 = 3_000;

/// The seed of the first stream that shows the fault.
fn caught_at(mutant: Option<Mutant>) -> Option<u64> {
    (1..=SEEDS).find(|seed| {
        plant(mutant);
        // A fault may also end in a broken invariant inside the engine: caught too.
        let judged = catch_unwind(AssertUnwindSafe(|| compare(*seed, COMMANDS, Mutated::new)));
        plant(None);
        !matches!(judged, Ok(Ok(_)))
    })
}

#[test]
fn every_planted_fault_is_caught() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        match caught_at(Some(*mutant)) {
            Some(seed) => println!("{mutant:?}: caught by stream {seed}"),
            None => missed.push(mutant),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

#[test]
fn without_a_planted_fault_the_same_source_agrees() {
    plant(None);
    for seed in 1..=20 {
        if let Err(divergence) = compare(seed, COMMANDS, Mutated::new) {
            panic!("{divergence}");
        }
    }
}
