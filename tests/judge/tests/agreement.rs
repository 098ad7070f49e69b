//! Fast and slow do the same, event by event.

use judge::Fast;
use reference::judge::{Stats, compare};
use reference::scenario;

/// Commands of one stream.
const COMMANDS: u64 = 5_000;

/// Runs `count` streams from `first`, so that the parts run beside each other.
fn streams(first: u64, count: u64) -> Stats {
    let mut total = Stats::default();
    for seed in first..first + count {
        match compare(seed, COMMANDS, Fast::new) {
            Ok(stats) => total.add(&stats),
            Err(divergence) => panic!("{divergence}"),
        }
    }
    total
}

/// A quarter of the five million commands: 250 streams of 5,000.
fn quarter(index: u64) {
    let stats = streams(1 + index * 250, 250);
    println!("{stats:?}");
    assert!(stats.commands >= 1_250_000);
    // A stream that trades nothing or rejects nothing judges nothing.
    assert!(stats.trades > 50_000);
    assert!(stats.rejects.len() > 30);
}

#[test]
fn the_first_quarter_of_five_million_commands_has_equal_events() {
    quarter(0);
}

#[test]
fn the_second_quarter_of_five_million_commands_has_equal_events() {
    quarter(1);
}

#[test]
fn the_third_quarter_of_five_million_commands_has_equal_events() {
    quarter(2);
}

#[test]
fn the_last_quarter_of_five_million_commands_has_equal_events() {
    quarter(3);
}

#[test]
fn the_fast_matcher_tells_every_story_as_it_is_written() {
    for (name, text) in scenario::FILES {
        if let Err(difference) = scenario::check(text, Fast::new) {
            panic!("{name}: {difference}");
        }
    }
}
