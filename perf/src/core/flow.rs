//! A workload file as commands of the whole state machine.
//!
//! Order ids are given by the engine, so the flow is run once through an engine of its own, which
//! tells the id and the fills of each order; the same commands, given to an engine with the same
//! capacity, get the same ids.

use crate::driver::window_for;
use crate::workload::{BUY, Record, Workload, kind};
use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use std::collections::HashMap;
use wire::codes::{MarketState, OrderType, SelfTrade, Side, TimeInForce};
use wire::command::{
    Amend, Cancel, Command, CurrencySet, FeeSet, Funds, MarketSet, MemberSet, NewOrder,
};
use wire::event::{Accepted, Event, EventSink, Trade, kind as event_kind};
use wire::limits::AMOUNT_MAX;
use wire::record::{Cell, Header};
use wire::units::Amount;

/// Base currencies; markets share them.
const BASES: u16 = 100;
const QUOTE: u16 = BASES + 1;
const START_NS: u64 = 1_700_000_000_000_000_000;

/// What an engine needs to run a flow.
pub struct Flow {
    /// Room.
    pub capacity: Capacity,
    /// Commands before the clock starts: settings, money, the first orders.
    pub before: Vec<Command>,
    /// Commands that are timed, one cell each, as they lie in a ring.
    pub timed: Vec<Cell>,
    /// Timed commands that were refused.
    pub refused: u64,
    /// Trades of the timed commands.
    pub trades: u64,
}

/// What the first run has to hear.
#[derive(Default)]
struct Ears {
    accepted: u64,
    refused: u64,
    trades: u64,
    filled: HashMap<u64, u64>,
}

impl EventSink for Ears {
    fn put<E: Event>(&mut self, event: &E) {
        match E::KIND {
            event_kind::REJECTED => self.refused += 1,
            event_kind::ACCEPTED => {
                let accepted: &Accepted = bytemuck::from_bytes(bytemuck::bytes_of(event));
                self.accepted = accepted.order_id;
            }
            event_kind::TRADE => {
                let trade: &Trade = bytemuck::from_bytes(bytemuck::bytes_of(event));
                self.trades += 1;
                for id in [trade.maker_order_id, trade.taker_order_id] {
                    *self.filled.entry(id).or_default() += trade.quantity_lots;
                }
            }
            _ => {}
        }
    }
}

/// Order id the engine gave, and owner, by the id of the file.
type Names = HashMap<u64, (u64, u32)>;

/// Makes the flow of a workload.
#[must_use]
pub fn make(workload: &Workload) -> Flow {
    let header = &workload.header;
    let span = header.price_max.abs_diff(header.price_min) + 1;
    let window = window_for(span, header.symbols);
    let capacity = Capacity {
        orders: header.live_max as u32 + (1 << 14),
        members: header.users + 1,
        accounts: (header.users + 1) * (u32::from(BASES) + 1),
        lists: 16,
        ladder_ticks: window * 2 * header.symbols,
    };
    let mut engine = Engine::new(&capacity);
    let (mut ears, mut names) = (Ears::default(), Names::new());
    let mut before = settings(header.symbols as u16, header.users, window);
    for command in &before {
        engine.apply(command, &mut ears);
    }
    assert_eq!(ears.refused, 0, "a setting was refused");
    let (prefill, timed, _) = workload.parts();
    let mut translate = |record: &Record, ears: &mut Ears, time_ns: u64| {
        let command = command(record, &names, ears, time_ns);
        ears.accepted = 0;
        engine.apply(&command, ears);
        if ears.accepted != 0 {
            names.insert(record.id, (ears.accepted, member_of(record)));
        }
        command
    };
    let mut time_ns = START_NS;
    for record in prefill {
        time_ns += 50;
        before.push(translate(record, &mut ears, time_ns));
    }
    (ears.refused, ears.trades) = (0, 0);
    let mut cells = Vec::with_capacity(timed.len());
    for record in timed {
        time_ns += 50;
        let command = translate(record, &mut ears, time_ns);
        cells.extend_from_slice(command.cells());
    }
    let Ears { refused, trades, .. } = ears;
    Flow { capacity, before, timed: cells, refused, trades }
}

fn member_of(record: &Record) -> u32 {
    record.user + 1
}

fn command(record: &Record, names: &Names, ears: &Ears, time_ns: u64) -> Command {
    if record.kind <= kind::MARKET {
        return Command::new(&new_order(record, time_ns));
    }
    let (target, member) = names.get(&record.id).copied().unwrap_or((1, 1));
    if record.kind == kind::CANCEL {
        let header = Header::new(wire::command::kind::CANCEL, 1, 0);
        return Command::new(&Cancel { header, time_ns, member, target, ..Cancel::default() });
    }
    // The file says what is to be left; the command says what was asked for in all.
    let quantity_lots = match record.quantity {
        0 => 0,
        left => u64::from(left) + ears.filled.get(&target).copied().unwrap_or(0),
    };
    Command::new(&Amend {
        header: Header::new(wire::command::kind::AMEND, 1, 0),
        time_ns,
        member,
        target,
        price_ticks: record.price.cast_unsigned(),
        quantity_lots,
        ..Amend::default()
    })
}

fn new_order(record: &Record, time_ns: u64) -> NewOrder {
    let (order_type, time_in_force) = match record.kind {
        kind::LIMIT => (OrderType::Limit, TimeInForce::Gtc),
        kind::IMMEDIATE => (OrderType::Limit, TimeInForce::Ioc),
        _ => (OrderType::Market, TimeInForce::Ioc),
    };
    let side = if record.side == BUY { Side::Buy } else { Side::Sell };
    NewOrder {
        header: Header::new(wire::command::kind::NEW_ORDER, 1, record.symbol as u16 + 1),
        time_ns,
        member: member_of(record),
        client_order_id: record.id,
        price_ticks: record.price.cast_unsigned(),
        quantity_lots: u64::from(record.quantity),
        side: side.code(),
        order_type: order_type.code(),
        time_in_force: time_in_force.code(),
        self_trade: SelfTrade::CancelNewest.code(),
        ..NewOrder::default()
    }
}

/// Currencies, markets, fees, members and their money.
fn settings(markets: u16, users: u32, window_ticks: u32) -> Vec<Command> {
    use wire::command::kind;
    let mut commands = Vec::new();
    let mut operation = 0;
    let mut number = || {
        operation += 1;
        operation
    };
    let head = |kind, cells, market| Header::new(kind, cells, market);
    for currency in 1..=QUOTE {
        let header = head(kind::CURRENCY_SET, 1, 0);
        let operation = number();
        let set = CurrencySet { header, operation, currency, scale: 8, ..CurrencySet::default() };
        commands.push(Command::new(&set));
    }
    for market in 1..=markets {
        commands.push(Command::new(&MarketSet {
            header: head(kind::MARKET_SET, 3, market),
            operation: number(),
            base: 1 + (market - 1) % BASES,
            quote: QUOTE,
            state: MarketState::Continuous.code(),
            lot_units: Amount::new(10_000),
            tick_units: Amount::new(100),
            min_price_ticks: 1,
            max_price_ticks: 1 << 40,
            min_quantity_lots: 1,
            max_quantity_lots: 1 << 40,
            window_ticks,
            ..MarketSet::default()
        }));
    }
    let header = head(kind::FEE_SET, 1, 0);
    let fees = FeeSet {
        header,
        operation: number(),
        maker_ppm: 1_000,
        taker_ppm: 2_000,
        ..FeeSet::default()
    };
    commands.push(Command::new(&fees));
    for member in 1..=users {
        let header = head(kind::MEMBER_SET, 1, 0);
        let set = MemberSet { header, operation: number(), member, ..MemberSet::default() };
        commands.push(Command::new(&set));
        for currency in (1..=BASES.min(markets)).chain([QUOTE]) {
            let header = head(kind::DEPOSIT, 1, 0);
            let (operation, amount) = (number(), Amount::new(AMOUNT_MAX >> 20));
            let deposit = Funds { header, operation, member, currency, amount, ..Funds::default() };
            commands.push(Command::new(&deposit));
        }
    }
    commands
}
