//! Random streams: deterministic, varied, and without a broken invariant.

use reference::Reference;
use reference::events::Events;
use reference::generate::{Generator, Swarm};
use reference::judge::{Stats, compare};
use wire::command::Command;
use wire::reason::RejectReason;

fn stats(seeds: std::ops::Range<u64>, commands: u64) -> Stats {
    let mut total = Stats::default();
    for seed in seeds {
        total.add(&compare(seed, commands, Reference::new).unwrap());
    }
    total
}

#[test]
fn the_reference_agrees_with_itself_and_keeps_every_invariant() {
    let total = stats(1..101, 2_000);
    assert!(total.accepted * 3 >= total.commands, "{total:#?}");
    assert!(total.trades * 20 >= total.commands, "{total:#?}");
    assert!(total.invariants_checked >= 100 && total.hashes_compared > 0);
}

#[test]
fn streams_reach_every_event_and_nearly_every_reason() {
    let total = stats(1_000..1_300, 2_000);
    for kind in 64..=75 {
        assert!(total.events.contains_key(&kind), "no event of kind {kind}");
    }
    // The ring's and the log's reasons are not the matcher's. A work queue, a market's trailing
    // stops and a currency's supply do not fill up in a short stream.
    let out_of_reach = [
        RejectReason::RingSequence,
        RejectReason::JournalBehind,
        RejectReason::WorkQueueFull,
        RejectReason::TooManyTrailing,
        RejectReason::SupplyLimit,
    ];
    for reason in RejectReason::ALL {
        let reached = total.rejects.contains_key(reason);
        assert!(reached || out_of_reach.contains(reason), "{reason:?} was never reached");
    }
}

#[test]
fn a_seed_means_one_stream() {
    for seed in [1, 2, 3, 0xdead_beef] {
        let run = || {
            let (config, mut generator) = Generator::new(seed);
            let mut machine = Reference::new(config);
            let mut commands: Vec<Command> = Vec::new();
            for _ in 0..2_000 {
                let command = generator.next();
                let mut events = Events::default();
                machine.apply(&command, &mut events);
                generator.learn(&events.0);
                commands.push(command);
            }
            (commands, machine.canonical())
        };
        let (first, second) = (run(), run());
        assert!(first == second, "seed {seed} has two streams");
        assert_eq!(
            format!("{:?}", Swarm::from_seed(seed)),
            format!("{:?}", Swarm::from_seed(seed))
        );
    }
}
