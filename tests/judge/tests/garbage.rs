//! Nonsense is refused: with a reason, without a trace, without a panic.

use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use reference::events::{Event, Events};
use wire::codes::MarketState;
use wire::command::{Command, CurrencySet, Funds, MarketSet, MemberSet, kind};
use wire::limits::CELLS_MAX;
use wire::reason::RejectReason;
use wire::record::{Cell, Header};
use wire::units::Amount;

/// SplitMix64 (Steele et al., 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A word that is often small, so that ids and codes are often valid.
    fn word(&mut self) -> u64 {
        match self.next() % 4 {
            0 => self.next(),
            1 => self.next() % 8,
            2 => self.next() % 1_000,
            _ => self.next() & 0x0303_0303_0303_0303,
        }
    }
}

fn engine() -> Engine {
    let capacity =
        Capacity { orders: 64, members: 8, accounts: 32, lists: 8, ladder_ticks: 1 << 9 };
    let mut engine = Engine::new(&capacity);
    let mut out = Events::default();
    let mut operation = 0;
    for currency in [1, 2] {
        operation += 1;
        let header = Header::new(kind::CURRENCY_SET, 1, 0);
        let set = CurrencySet { header, operation, currency, scale: 2, ..CurrencySet::default() };
        engine.apply(&Command::new(&set), &mut out);
    }
    operation += 1;
    let market = MarketSet {
        header: Header::new(kind::MARKET_SET, 3, 1),
        operation,
        base: 1,
        quote: 2,
        state: MarketState::Continuous.code(),
        lot_units: Amount::new(1),
        tick_units: Amount::new(1),
        min_price_ticks: 1,
        max_price_ticks: 1 << 20,
        min_quantity_lots: 1,
        max_quantity_lots: 1 << 20,
        sweep_limit: 16,
        window_ticks: 256,
        ..MarketSet::default()
    };
    engine.apply(&Command::new(&market), &mut out);
    for member in 1..6 {
        let header = Header::new(kind::MEMBER_SET, 1, 0);
        operation += 1;
        let set = MemberSet { header, operation, member, ..MemberSet::default() };
        engine.apply(&Command::new(&set), &mut out);
        for currency in [1, 2] {
            let header = Header::new(kind::DEPOSIT, 1, 0);
            operation += 1;
            let amount = Amount::new(1 << 40);
            let deposit = Funds { header, operation, member, currency, amount, ..Funds::default() };
            engine.apply(&Command::new(&deposit), &mut out);
        }
    }
    assert!(!out.0.iter().any(|event| matches!(event, Event::Rejected(_))));
    engine
}

/// A command of random cells; most have a header that passes the first checks.
fn nonsense(random: &mut Random) -> Command {
    let mut cells = [Cell::ZERO; CELLS_MAX];
    for cell in &mut cells {
        for word in &mut cell.0 {
            *word = random.word();
        }
    }
    let mut command = Command::from_cells(&cells);
    let shape = random.next();
    let header = command.header_mut();
    if !shape.is_multiple_of(8) {
        header.version = wire::LAYOUT_VERSION as u8;
        header.kind = (shape >> 8) as u8 % 40;
        let (least, most) = matcher::engine::cells_allowed(header.kind);
        header.cells = if shape & 16 == 0 { least } else { most };
        header.market = (shape >> 16) as u16 % 3;
        header.source = (shape >> 32) as u16 % 70;
        header.flags &= 0x87;
    }
    command
}

fn run(seed: u64, commands: u64) {
    let mut random = Random(seed);
    let mut engine = engine();
    let mut out = Events::default();
    let mut hash = engine.state_hash();
    let mut refused = 0;
    for step in 0..commands {
        let command = nonsense(&mut random);
        out.0.clear();
        engine.apply(&command, &mut out);
        let rejected = matches!(out.0[..], [Event::Rejected(_)]);
        let silent = command.header().kind == kind::TICK;
        assert!(silent || !out.0.is_empty(), "seed {seed} step {step}: no answer to {command:?}");
        let after = engine.state_hash();
        if let [Event::Rejected(event)] = out.0[..] {
            refused += 1;
            assert!(RejectReason::decode(event.reason).is_some());
        }
        assert!(!rejected || after == hash, "seed {seed} step {step}: {command:?} left a trace");
        hash = after;
    }
    assert!(refused > commands / 2 && refused < commands);
}

#[test]
fn ten_million_random_commands_are_answered_and_leave_no_trace_when_refused() {
    let half = |seed| move || run(seed, 5_000_000);
    let other = std::thread::spawn(half(1));
    half(2)();
    other.join().unwrap();
}
