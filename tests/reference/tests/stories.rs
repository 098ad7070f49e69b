//! The stories, told to the reference. `STORIES=write` writes its answers into the files instead of
//! comparing them; what changed is then read in the diff.

use reference::events::Events;
use reference::inspect::Level;
use reference::judge::Machine;
use reference::{Config, Reference, scenario};
use wire::command::Command;
use wire::event::{EventSink, Rejected, Repeated};

/// The reference, with every invariant checked after every command.
struct Checked(Reference);

impl Machine for Checked {
    fn apply(&mut self, command: &Command, out: &mut impl EventSink) {
        let before = self.0.canonical();
        let mut events = Events::default();
        self.0.apply(command, &mut events);
        let refused = events.0.iter().any(|event| {
            let kind = event.header().kind;
            kind == <Rejected as wire::event::Event>::KIND
                || kind == <Repeated as wire::event::Event>::KIND
        });
        assert!(!refused || before == self.0.canonical(), "I21 broken by {command:?}");
        self.0.invariants().unwrap();
        for event in &events.0 {
            event.put(out);
        }
    }

    fn tick_due(&self, now_ns: u64) -> bool {
        self.0.tick_due(now_ns)
    }

    fn state_hash(&self) -> u64 {
        self.0.state_hash()
    }

    fn state_hash_is_cheap(&self) -> bool {
        false
    }

    fn balance(&self, member: u32, currency: u16) -> (i128, i128, i128) {
        self.0.balance(member, currency)
    }

    fn best(&self, market: u16) -> (Option<Level>, Option<Level>) {
        self.0.best(market)
    }
}

fn check(file: &str) {
    let (_, text) = scenario::FILES.iter().find(|(name, _)| *name == file).unwrap();
    let machine = |config: Config| Checked(Reference::new(config));
    if std::env::var_os("STORIES").is_some() {
        let path = format!("{}/scenarios/{file}.txt", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, scenario::answer(text, machine)).unwrap();
    } else if let Err(failures) = scenario::check(text, machine) {
        panic!("{failures}");
    }
}

macro_rules! files {
    ($($test:ident: $file:literal,)+) => {
        $(#[test]
        fn $test() {
            check($file);
        })+

        #[test]
        fn every_file_is_told() {
            let told = [$($file),+];
            let known: Vec<&str> = scenario::FILES.iter().map(|(name, _)| *name).collect();
            assert_eq!(told.as_slice(), known.as_slice());
        }
    };
}

files! {
    orders_are_checked_and_held_at_entry: "entry",
    settings_are_checked_and_told: "settings",
    money_moves_only_as_it_may: "funds",
    takers_meet_the_book_in_order: "matching",
    nobody_trades_with_himself: "self_trade",
    triggers_are_collected_and_released: "triggers",
    lists_live_and_end_together: "lists",
    orders_are_amended_and_replaced: "amend",
    works_visit_every_order_once: "works",
    auctions_uncross_at_one_price: "auction",
    turns_are_bounded: "limits",
    profiles_keep_the_old_rules: "peatio",
}
