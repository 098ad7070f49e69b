//! Proof that the judge can fail: machines with one planted fault each.

use reference::Reference;
use reference::events::{Event, Events};
use reference::inspect::Level;
use reference::judge::{Machine, compare};
use wire::command::Command;
use wire::event::EventSink;
use wire::units::Amount;

/// What is wrong with a machine.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    FeeOfATrade,
    MissingDone,
    OrderOfEvents,
    Balance,
    Best,
    StateOfRejected,
    TickDue,
}

struct Faulty {
    machine: Reference,
    fault: Fault,
    hash: u64,
}

impl Machine for Faulty {
    fn apply(&mut self, command: &Command, out: &mut impl EventSink) {
        let mut events = Events::default();
        self.machine.apply(command, &mut events);
        let mut events = events.0;
        match self.fault {
            Fault::FeeOfATrade => {
                for event in &mut events {
                    if let Event::Trade(trade) = event {
                        trade.taker_fee = Amount::new(trade.taker_fee.get() + 1);
                    }
                }
            }
            Fault::MissingDone => events.retain(|event| !matches!(event, Event::Done(_))),
            Fault::OrderOfEvents => events.reverse(),
            Fault::StateOfRejected if matches!(events[..], [Event::Rejected(_)]) => self.hash += 1,
            _ => {}
        }
        for event in &events {
            event.put(out);
        }
    }

    fn tick_due(&self, now_ns: u64) -> bool {
        self.machine.tick_due(now_ns) != (self.fault == Fault::TickDue)
    }

    fn state_hash(&self) -> u64 {
        self.hash
    }

    fn state_hash_is_cheap(&self) -> bool {
        true
    }

    fn balance(&self, member: u32, currency: u16) -> (i128, i128, i128) {
        let (available, held, withdraw_held) = self.machine.balance(member, currency);
        let stolen = i128::from(self.fault == Fault::Balance && held > 0);
        (available - stolen, held, withdraw_held)
    }

    fn best(&self, market: u16) -> (Option<Level>, Option<Level>) {
        let (bid, ask) = self.machine.best(market);
        if self.fault == Fault::Best { (ask, bid) } else { (bid, ask) }
    }
}

fn is_found(fault: Fault) -> bool {
    (1..20).any(|seed| {
        let machine = |config| Faulty { machine: Reference::new(config), fault, hash: 0 };
        match compare(seed, 2_000, machine) {
            Ok(_) => false,
            Err(divergence) => {
                let report = divergence.to_string();
                assert!(report.contains("seed 0x") && report.contains("last commands"));
                true
            }
        }
    })
}

#[test]
fn the_judge_finds_every_planted_fault() {
    assert!(!is_found(Fault::None));
    for fault in [
        Fault::FeeOfATrade,
        Fault::MissingDone,
        Fault::OrderOfEvents,
        Fault::Balance,
        Fault::Best,
        Fault::StateOfRejected,
        Fault::TickDue,
    ] {
        assert!(is_found(fault), "{fault:?} was not noticed");
    }
}
