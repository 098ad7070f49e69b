//! No command is slow: what one turn may do is bounded, the rest waits for ticks or is cancelled.

use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use reference::events::{Event, Events};
use wire::codes::{DoneReason, MarketState, OrderType, Side, TimeInForce};
use wire::command::{
    Command, CurrencySet, Funds, MarketSet, MassCancel, MemberSet, NewOrder, OrderExtra, Tick, kind,
};
use wire::limits::{PRICE_MAX, RELEASES_PER_TURN, SWEEP_LIMIT_DEFAULT, WORK_PER_TURN};
use wire::record::Header;
use wire::units::Amount;

const ORDERS: u32 = 1_000_100;

struct Venue {
    engine: Engine,
    operation: u64,
}

impl Venue {
    /// One market, three members with more money than they can spend.
    fn new() -> Self {
        let capacity =
            Capacity { orders: ORDERS, members: 4, accounts: 16, lists: 4, ladder_ticks: 1 << 13 };
        let mut venue = Self { engine: Engine::new(&capacity), operation: 0 };
        for currency in [1, 2] {
            let header = Header::new(kind::CURRENCY_SET, 1, 0);
            let operation = venue.next();
            let set = CurrencySet { header, operation, currency, ..CurrencySet::default() };
            venue.apply(&Command::new(&set));
        }
        let market = MarketSet {
            header: Header::new(kind::MARKET_SET, 3, 1),
            operation: venue.next(),
            base: 1,
            quote: 2,
            state: MarketState::Continuous.code(),
            lot_units: Amount::new(1),
            tick_units: Amount::new(1),
            min_price_ticks: 1,
            max_price_ticks: PRICE_MAX,
            min_quantity_lots: 1,
            max_quantity_lots: 1 << 40,
            ..MarketSet::default()
        };
        venue.apply(&Command::new(&market));
        for member in [1, 2, 3] {
            let header = Header::new(kind::MEMBER_SET, 1, 0);
            let operation = venue.next();
            let set = MemberSet { header, operation, member, ..MemberSet::default() };
            venue.apply(&Command::new(&set));
            for currency in [1, 2] {
                let header = Header::new(kind::DEPOSIT, 1, 0);
                let operation = venue.next();
                let amount = Amount::new(1 << 98);
                let funds =
                    Funds { header, operation, member, currency, amount, ..Funds::default() };
                venue.apply(&Command::new(&funds));
            }
        }
        venue
    }

    fn next(&mut self) -> u64 {
        self.operation += 1;
        self.operation
    }

    /// The events of a command, none of which is a rejection.
    fn apply(&mut self, command: &Command) -> Vec<Event> {
        let mut out = Events::default();
        self.engine.apply(command, &mut out);
        let refused = out.0.iter().any(|event| matches!(event, Event::Rejected(_)));
        assert!(!refused, "{command:?} was refused: {:?}", out.0);
        out.0
    }

    fn order(&mut self, order: NewOrder) -> Vec<Event> {
        self.apply(&Command::new(&order))
    }

    /// Ticks until none is due; the most events of a kind that one of them caused, and how many
    /// there were.
    fn tick_through(&mut self, counts: impl Fn(&Event) -> bool) -> (usize, usize) {
        let (mut most, mut all) = (0, 0);
        while self.engine.tick_due(0) {
            let tick = Tick { header: Header::new(kind::TICK, 1, 0), ..Tick::default() };
            let count = self.apply(&Command::new(&tick)).iter().filter(|e| counts(e)).count();
            most = most.max(count);
            all += count;
        }
        (most, all)
    }
}

fn limit(member: u32, side: Side, price_ticks: u64, quantity_lots: u64) -> NewOrder {
    NewOrder {
        header: Header::new(kind::NEW_ORDER, 1, 1),
        member,
        price_ticks,
        quantity_lots,
        side: side.code(),
        order_type: OrderType::Limit.code(),
        ..NewOrder::default()
    }
}

/// A sell of everything meets the default sweep limit and no order more.
fn sweep_is_cut(mut venue: Venue, resting: u64) {
    let mut taker = limit(2, Side::Sell, 1, resting);
    taker.time_in_force = TimeInForce::Ioc.code();
    let events = venue.order(taker);
    let trades = events.iter().filter(|event| matches!(event, Event::Trade(_))).count();
    assert_eq!(trades, SWEEP_LIMIT_DEFAULT as usize);
    assert_eq!(events.len(), trades + 2);
    let Some(Event::Done(done)) = events.last() else { panic!("the rest is cancelled") };
    assert_eq!(done.reason, DoneReason::SweepLimit.code());
    assert_eq!(done.leaves_lots, resting - u64::from(SWEEP_LIMIT_DEFAULT));
    assert_eq!(u64::from(venue.engine.live_orders()), resting - u64::from(SWEEP_LIMIT_DEFAULT));
}

#[test]
fn a_taker_into_a_million_orders_at_one_price_meets_no_more_than_the_sweep_limit() {
    let mut venue = Venue::new();
    for _ in 0..1_000_000 {
        venue.order(limit(1, Side::Buy, 1_000, 1));
    }
    sweep_is_cut(venue, 1_000_000);
}

#[test]
fn a_sweep_of_a_hundred_thousand_levels_meets_no_more_than_the_sweep_limit() {
    let mut venue = Venue::new();
    for level in 0..100_000 {
        venue.order(limit(1, Side::Buy, 1 + level * 40_000_000_000, 1));
    }
    sweep_is_cut(venue, 100_000);
}

#[test]
fn prices_from_one_to_the_largest_rest_in_order_and_leave_in_order() {
    let mut venue = Venue::new();
    for bit in (0..=62).rev().chain(0..=62) {
        venue.order(limit(1, Side::Buy, 1 << bit, 1));
    }
    for bit in (0..=62).rev().flat_map(|bit| [bit, bit]) {
        assert_eq!(venue.engine.top(1, Side::Buy).map(|top| top.0), Some(1 << bit));
        let events = venue.order(limit(2, Side::Sell, 1, 1));
        let price = events.iter().find_map(|event| match event {
            Event::Trade(trade) => Some(trade.price_ticks),
            _ => None,
        });
        assert_eq!(price, Some(1 << bit));
    }
    assert_eq!(venue.engine.live_orders(), 0);
}

#[test]
fn a_cascade_of_stops_is_released_a_few_at_a_turn() {
    let mut venue = Venue::new();
    venue.order(limit(1, Side::Buy, 1_000, 1));
    for _ in 0..20_000 {
        let mut order = limit(2, Side::Sell, 0, 1);
        order.order_type = OrderType::Stop.code();
        let extra = OrderExtra { stop_price_ticks: 1_000, ..OrderExtra::default() };
        venue.apply(&Command::with_extra(&order, &extra));
    }
    let triggered = |event: &Event| matches!(event, Event::Triggered(_));
    let events = venue.order(limit(3, Side::Sell, 1_000, 1));
    let at_once = events.iter().filter(|event| triggered(event)).count();
    assert_eq!(at_once, RELEASES_PER_TURN as usize);
    let (most, later) = venue.tick_through(triggered);
    assert_eq!(most, RELEASES_PER_TURN as usize);
    assert_eq!(at_once + later, 20_000);
}

#[test]
fn a_mass_cancel_of_a_million_orders_takes_turns() {
    let mut venue = Venue::new();
    for price in 0..1_000_000 {
        venue.order(limit(1, Side::Buy, 1 + price, 1));
    }
    let mass = MassCancel {
        header: Header::new(kind::MASS_CANCEL, 1, 0),
        member: 1,
        include_stops: 1,
        ..MassCancel::default()
    };
    let done = |event: &Event| matches!(event, Event::Done(_));
    let first = venue.apply(&Command::new(&mass)).iter().filter(|event| done(event)).count();
    let (most, later) = venue.tick_through(done);
    assert_eq!((first, most), (WORK_PER_TURN as usize, WORK_PER_TURN as usize));
    assert_eq!(first + later, 1_000_000);
    assert_eq!(venue.engine.live_orders(), 0);
}
