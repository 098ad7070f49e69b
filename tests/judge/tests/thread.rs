//! The thread, its rings and its log together: what is in the log re-executes to the same bytes.

use journal::gate::Gate;
use journal::segment::SegmentReader;
use journal::stage::{GateMode, Limit, Stage, StageConfig, StageView};
use journal::uring::UringDirect;
use journal::writer::{JournalWriter, WriterConfig};
use matcher::cycle::{Clock, Matcher, Time};
use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wire::codes::{MarketState, OrderType, Side};
use wire::command::{Command, CurrencySet, Funds, MarketSet, MemberSet, NewOrder, kind};
use wire::event::{self, EventSink};
use wire::record::{Cell, Header, LAST_OF_GROUP};
use wire::region::BootId;
use wire::ring::{Producer, PushError, RingConfig, WaitStrategy, pair};
use wire::units::Amount;

const CAPACITY: Capacity =
    Capacity { orders: 4096, members: 4, accounts: 16, lists: 4, ladder_ticks: 1 << 13 };

fn setting() -> Vec<Command> {
    let mut commands = Vec::new();
    for (operation, currency) in [(1, 1), (2, 2)] {
        let header = Header::new(kind::CURRENCY_SET, 1, 0);
        let set = CurrencySet { header, operation, currency, ..CurrencySet::default() };
        commands.push(Command::new(&set));
    }
    commands.push(Command::new(&MarketSet {
        header: Header::new(kind::MARKET_SET, 3, 1),
        operation: 3,
        base: 1,
        quote: 2,
        state: MarketState::Continuous.code(),
        lot_units: Amount::new(1),
        tick_units: Amount::new(1),
        min_price_ticks: 1,
        max_price_ticks: 1 << 30,
        min_quantity_lots: 1,
        max_quantity_lots: 1 << 30,
        sweep_limit: 64,
        ..MarketSet::default()
    }));
    for member in [1, 2] {
        let header = Header::new(kind::MEMBER_SET, 1, 0);
        let operation = 3 + u64::from(member);
        commands.push(Command::new(&MemberSet {
            header,
            operation,
            member,
            ..MemberSet::default()
        }));
        for currency in [1, 2] {
            let header = Header::new(kind::DEPOSIT, 1, 0);
            let operation = 10 + 2 * u64::from(member) + u64::from(currency);
            let amount = Amount::new(1 << 50);
            commands.push(Command::new(&Funds {
                header,
                operation,
                member,
                currency,
                amount,
                ..Funds::default()
            }));
        }
    }
    commands
}

fn order(member: u32, round: u64) -> Command {
    let buys = (u64::from(member) + round).is_multiple_of(2);
    Command::new(&NewOrder {
        header: Header::new(kind::NEW_ORDER, 1, 1),
        member,
        price_ticks: 1_000 + round * 7 % 16,
        quantity_lots: 1 + round % 9,
        side: if buys { Side::Buy } else { Side::Sell }.code(),
        order_type: OrderType::Limit.code(),
        ..NewOrder::default()
    })
}

fn push(producer: &mut Producer, mut command: Command) {
    while producer.try_push(&mut command) == Err(PushError::Full) {
        std::thread::yield_now();
    }
}

/// Events as the log has them, without what the log adds.
#[derive(Default)]
struct Cells(Vec<Cell>);

impl EventSink for Cells {
    fn put<E: event::Event>(&mut self, event: &E) {
        self.0.extend(wire::words_of(event).chunks_exact(8).map(|words| {
            let mut cell = Cell::ZERO;
            cell.0.copy_from_slice(words);
            cell
        }));
    }
}

/// The record without sequence, source and the mark of the last in its group.
fn bare(record: &[Cell]) -> Vec<Cell> {
    let mut cells = record.to_vec();
    let mut header = *cells[0].header();
    header.flags &= !LAST_OF_GROUP;
    header.sequence = 0;
    header.source = 0;
    let words = wire::words_of(&header);
    cells[0].0[..2].copy_from_slice(words);
    cells
}

/// Executes the log in `dir` again and compares every event: the engine, records and events.
fn re_execute(dir: &std::path::Path) -> (Engine, u64, u64) {
    let mut again = Engine::new(&CAPACITY);
    let (mut due, mut events, mut records) = (Vec::new(), 0, 0);
    let mut log = SegmentReader::open(dir, 0).unwrap();
    while let Some(record) = log.next_record().unwrap() {
        records += 1;
        if record[0].header().kind < event::kind::FIRST {
            assert!(due.is_empty(), "an event is missing from the log");
            let mut cells = Cells::default();
            again.apply(&Command::from_cells(record), &mut cells);
            due = cells.0;
        } else {
            events += 1;
            let bare = bare(record);
            assert_eq!(due[..bare.len()], bare[..]);
            due.drain(..bare.len());
        }
    }
    (again, records, events)
}

#[test]
fn two_producers_one_thread_and_the_log_re_executes_to_the_same_bytes() {
    let dir = std::env::temp_dir().join(format!("opex-thread-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let boot_id = BootId::current().unwrap();
    let config =
        StageConfig { bytes: 8 << 20, gate: GateMode::Disk, ..StageConfig::new(boot_id, 1) };
    let (stage, appender) = Stage::create(&dir.join("stage"), &config).unwrap();
    let writer_config =
        WriterConfig { segment_bytes: 16 << 20, ..WriterConfig::new(dir.clone(), boot_id) };
    let sink = Box::new(UringDirect::new().unwrap());
    let writer = JournalWriter::spawn(Arc::clone(&stage), writer_config, sink).unwrap();
    let ring = |source| {
        pair(&RingConfig { capacity: 256, source, boot_id, epoch: 1, wakes: true }).unwrap()
    };
    let ((mut first, first_end), (mut second, second_end)) = (ring(1), ring(2));
    let clock = Arc::new(Clock::default());
    clock.set(1_000);
    let wait =
        WaitStrategy::SpinYieldPark { spins: 100, yields: 10, park: Duration::from_millis(1) };
    let engine = Engine::new(&CAPACITY);
    let rings = vec![first_end, second_end];
    let matcher = Matcher::new(engine, appender, rings, Time::Clock(clock), wait);
    let counters = matcher.counters();
    let stop = AtomicBool::new(false);
    let settings = setting();
    let total = 10_000 + settings.len() as u64;
    let live = std::thread::scope(|scope| {
        let thread = scope.spawn(|| matcher.run(&stop));
        for command in settings {
            push(&mut first, command);
        }
        while counters.commands.load(Ordering::Relaxed) + 10_000 < total {
            std::thread::yield_now();
        }
        scope.spawn(move || (0..5_000).for_each(|round| push(&mut second, order(2, round))));
        (0..5_000).for_each(|round| push(&mut first, order(1, round)));
        while counters.commands.load(Ordering::Relaxed) < total {
            std::thread::yield_now();
        }
        stop.store(true, Ordering::Relaxed);
        thread.join().unwrap()
    });
    let view = StageView::open(&dir.join("stage"), boot_id).unwrap();
    let staged = view.staged().1;
    let gate = Gate::new(Arc::clone(&stage));
    while gate.open_to() < staged {
        std::thread::yield_now();
    }
    let mut reader = view.read_from_start();
    while reader.next_record(Limit::Gate).is_ok_and(|record| record.is_some()) {
        assert!(reader.next_sequence() - 1 <= gate.open_to());
    }
    writer.stop().unwrap();

    let (again, records, events) = re_execute(&dir);
    assert_eq!(records, staged);
    assert!(events > 10_000);
    assert_eq!(again.state_hash(), live.engine().state_hash());
    std::fs::remove_dir_all(dir).unwrap();
}
