//! `Engine::apply`, one kind of command at a time, in a market of 1,000 and of 100,000 resting
//! orders. Funds are checked and events told, to a sink that only counts them. What brings the book
//! into place for the timed commands, and back, is not timed.

use criterion::{BenchmarkId, Criterion, Throughput};
use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use std::time::{Duration, Instant};
use wire::codes::{MarketState, OrderType, Side, TimeInForce};
use wire::command::{Amend, Cancel, Command, CurrencySet, Funds, MarketSet, MemberSet, NewOrder};
use wire::command::{flag, kind};
use wire::event::{Event, EventSink, kind as event};
use wire::record::Header;
use wire::units::Amount;

const MEMBERS: u32 = 64;
const MIDDLE: u64 = 30_000;
/// Levels of each side.
const LEVELS: u64 = 1_000;
/// Commands timed at a stretch.
const STRETCH: u64 = 512;
/// Client order ids from here on are those of the stretch.
const FRESH: u64 = 1 << 20;
const LOTS: u64 = 5;
const SWEPT: u64 = 16;

/// Counts events, and what was refused.
#[derive(Default)]
struct Counts {
    events: u64,
    rejects: u64,
}

impl EventSink for Counts {
    #[inline]
    fn put<E: Event>(&mut self, told: &E) {
        self.events += 1;
        self.rejects += u64::from(wire::words_of(told)[0] as u8 == event::REJECTED);
        std::hint::black_box(told);
    }
}

/// A market with resting orders, and random numbers.
struct Scene {
    engine: Engine,
    counts: Counts,
    resting: u64,
    /// Prices the amended orders have now.
    prices: Vec<u64>,
    state: u64,
}

impl Scene {
    fn new(resting: u64) -> Self {
        let engine = Engine::new(&Capacity {
            orders: (resting + 4 * STRETCH * SWEPT) as u32,
            members: MEMBERS + 1,
            accounts: 4 * MEMBERS,
            lists: 4,
            ladder_ticks: 1 << 14,
        });
        let mut scene =
            Self { engine, counts: Counts::default(), resting, prices: Vec::new(), state: 1 };
        scene.prices = vec![0; resting as usize + 1];
        scene.apply(&setting());
        let orders: Vec<_> = (0..resting).map(|id| scene.passive(1 + id)).collect();
        for order in &orders {
            let order = order.view::<NewOrder>();
            scene.prices[order.client_order_id as usize] = order.price_ticks;
        }
        scene.apply(&orders);
        scene
    }

    fn apply(&mut self, commands: &[Command]) {
        for command in commands {
            self.engine.apply(command, &mut self.counts);
        }
    }

    /// A random number below `count`.
    fn below(&mut self, count: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % count
    }

    fn away_from_middle(&mut self, id: u64) -> u64 {
        let away = 1 + self.below(LEVELS);
        if side_of(id) == Side::Buy { MIDDLE - away } else { MIDDLE + away }
    }

    /// An order that rests, somewhere on its side.
    fn passive(&mut self, id: u64) -> Command {
        let price = self.away_from_middle(id);
        limit(id, side_of(id), price, LOTS, TimeInForce::Gtc)
    }
}

/// The side a passive order of this id is on.
fn side_of(id: u64) -> Side {
    if id.is_multiple_of(2) { Side::Buy } else { Side::Sell }
}

fn member_of(id: u64) -> u32 {
    1 + (id % u64::from(MEMBERS)) as u32
}

fn limit(id: u64, side: Side, price: u64, lots: u64, time_in_force: TimeInForce) -> Command {
    Command::new(&NewOrder {
        header: Header::new(kind::NEW_ORDER, 1, 1),
        member: member_of(id),
        client_order_id: id,
        price_ticks: price,
        quantity_lots: lots,
        side: side.code(),
        order_type: OrderType::Limit.code(),
        time_in_force: time_in_force.code(),
        ..NewOrder::default()
    })
}

fn by_client_id(kind: u8) -> Header {
    let mut header = Header::new(kind, 1, 1);
    header.flags = flag::BY_CLIENT_ID;
    header
}

fn cancel(id: u64) -> Command {
    let (header, member) = (by_client_id(kind::CANCEL), member_of(id));
    Command::new(&Cancel { header, member, target: id, ..Cancel::default() })
}

/// Makes a stretch of so many timed steps: what goes before, what is timed, what goes after.
type Stretch = fn(&mut Scene, u64) -> [Vec<Command>; 3];

/// New orders that rest.
fn add(scene: &mut Scene, steps: u64) -> [Vec<Command>; 3] {
    let ids = FRESH..FRESH + steps;
    let timed = ids.clone().map(|id| scene.passive(id)).collect();
    [Vec::new(), timed, ids.map(cancel).collect()]
}

/// A random resting order is cancelled, and one comes in its place.
fn cancel_and_add(scene: &mut Scene, steps: u64) -> [Vec<Command>; 3] {
    let timed = (0..steps).flat_map(|_| {
        let id = 1 + scene.below(scene.resting);
        [cancel(id), scene.passive(id)]
    });
    [Vec::new(), timed.collect(), Vec::new()]
}

/// A random resting order gets another price.
fn amend(scene: &mut Scene, steps: u64) -> [Vec<Command>; 3] {
    let timed = (0..steps).map(|_| {
        let target = 1 + scene.below(scene.resting);
        let mut price_ticks = scene.away_from_middle(target);
        while price_ticks == scene.prices[target as usize] {
            // The price it has is refused.
            price_ticks = scene.away_from_middle(target);
        }
        scene.prices[target as usize] = price_ticks;
        let (header, member) = (by_client_id(kind::AMEND), member_of(target));
        Command::new(&Amend { header, member, target, price_ticks, ..Amend::default() })
    });
    [Vec::new(), timed.collect(), Vec::new()]
}

/// Takers that fill `makers` orders each, all at the best price.
fn take(steps: u64, makers: u64) -> [Vec<Command>; 3] {
    let (step, last) = (2 * makers, FRESH + 2 * makers * steps);
    let maker = |number| limit(FRESH + 2 * number, Side::Buy, MIDDLE, LOTS, TimeInForce::Gtc);
    let before = (0..steps * makers).map(maker).collect();
    // Odd ids, so that no member meets itself.
    let taker = |id| limit(id + 1, Side::Sell, MIDDLE, LOTS * makers, TimeInForce::Ioc);
    let timed = (FRESH..last).step_by(step as usize).map(taker).collect();
    [before, timed, Vec::new()]
}

fn fill_one(_: &mut Scene, steps: u64) -> [Vec<Command>; 3] {
    take(steps, 1)
}

fn sweep(_: &mut Scene, steps: u64) -> [Vec<Command>; 3] {
    take(steps, SWEPT)
}

/// Times `count` steps, a stretch at a time. `events` are what a step has to tell.
fn time(scene: &mut Scene, count: u64, stretch: Stretch, events: u64) -> Duration {
    let (mut left, mut time) = (count, Duration::ZERO);
    while left > 0 {
        let steps = left.min(STRETCH);
        left -= steps;
        let [before, timed, after] = stretch(scene, steps);
        scene.apply(&before);
        let told = scene.counts.events;
        let start = Instant::now();
        scene.apply(&timed);
        time += start.elapsed();
        assert_eq!(scene.counts.events - told, steps * events);
        scene.apply(&after);
    }
    assert_eq!(scene.counts.rejects, 0);
    time
}

fn operations(criterion: &mut Criterion) {
    let operations: [(&str, Stretch, u64); 5] = [
        ("add", add, 1),
        ("cancel and add", cancel_and_add, 2),
        ("amend price", amend, 1),
        ("fill one maker", fill_one, 2),
        ("sweep 16 makers", sweep, 1 + SWEPT),
    ];
    let mut group = criterion.benchmark_group("book");
    group.throughput(Throughput::Elements(1));
    for (name, stretch, events) in operations {
        for resting in [1_000, 100_000] {
            group.bench_function(BenchmarkId::new(name, resting), |bencher| {
                let mut scene = Scene::new(resting);
                bencher.iter_custom(|count| time(&mut scene, count, stretch, events));
            });
        }
    }
    group.finish();
}

/// Two currencies, a market, members with money.
fn setting() -> Vec<Command> {
    let mut commands = Vec::new();
    let mut operation = 0;
    let mut next = || {
        operation += 1;
        operation
    };
    for currency in [1, 2] {
        let (header, operation) = (Header::new(kind::CURRENCY_SET, 1, 0), next());
        let set = CurrencySet { header, operation, currency, scale: 8, ..CurrencySet::default() };
        commands.push(Command::new(&set));
    }
    commands.push(Command::new(&MarketSet {
        header: Header::new(kind::MARKET_SET, 3, 1),
        operation: next(),
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
    for member in 1..=MEMBERS {
        let (header, operation) = (Header::new(kind::MEMBER_SET, 1, 0), next());
        let set = MemberSet { header, operation, member, ..MemberSet::default() };
        commands.push(Command::new(&set));
        for currency in [1, 2] {
            let (header, operation) = (Header::new(kind::DEPOSIT, 1, 0), next());
            let amount = Amount::new(1 << 60);
            let funds = Funds { header, operation, member, currency, amount, ..Funds::default() };
            commands.push(Command::new(&funds));
        }
    }
    commands
}

/// Some seconds each, so that all of them fit into two minutes.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

fn main() {
    let mut criterion = short().configure_from_args();
    operations(&mut criterion);
    criterion.final_summary();
}
