//! What is sent: the settings of a market for the set, and one command for each of its rows.
//!
//! Buyers and sellers are two members, so that self-trade prevention never meets anybody. The
//! venue's order ids are client order ids, by which cancels, amends and cancel-and-new name them.

use super::dataset::{DataSet, Meta, Operation, Row};
use crate::decimal::Decimal;
use crate::failure::Failure;
use std::collections::HashMap;
use wire::codes::{MarketState, OrderType, ReplaceMode, Side, TimeInForce};
use wire::command::{
    Amend, Cancel, CancelNew, Command, CurrencySet, Funds, MarketSet, MemberSet, Message, NewOrder,
    OrderExtra, flag, kind,
};
use wire::limits::{AMOUNT_MAX, PRICE_MAX, QUANTITY_MAX};
use wire::record::Header;
use wire::units::Amount;

const MARKET: u16 = 1;
const BASE: u16 = 1;
const QUOTE: u16 = 2;
/// Deposits of the largest amount for each member.
const DEPOSITS: u64 = 64;
const SCALE_MAX: u32 = 18;

/// Who trades a side.
fn member(side: Side) -> u32 {
    match side {
        Side::Buy => 1,
        Side::Sell => 2,
    }
}

/// Members of a replay, the house included.
pub const MEMBERS: u32 = 3;

/// Places after the point that a decimal needs.
pub fn places(decimal: Decimal) -> u32 {
    let text = decimal.to_string();
    let part = text.split_once('.').map_or("", |(_, part)| part);
    part.trim_end_matches('0').len() as u32
}

/// The commands that make the market and fund its members, all numbered, at `time_ns`.
pub fn settings(meta: &Meta, time_ns: u64) -> Result<Vec<Command>, Failure> {
    let base_scale = places(meta.lot_size);
    let quote_scale = places(meta.tick_size) + base_scale;
    let units = |size: Decimal| size.0 / 10_i128.pow(SCALE_MAX - places(size));
    let (lot_units, tick) = (units(meta.lot_size), units(meta.tick_size));
    let is_valid = quote_scale <= SCALE_MAX && lot_units > 0 && tick > 0;
    let tick_units = if is_valid { tick.checked_mul(lot_units) } else { None };
    let tick_units = tick_units.ok_or_else(|| {
        let (tick, lot) = (meta.tick_size, meta.lot_size);
        Failure::input(format!("tick_size {tick} and lot_size {lot} of {} cannot be", meta.name))
    })?;
    let mut commands = Settings { commands: Vec::new(), time_ns };
    for (currency, scale, name) in
        [(BASE, base_scale, &meta.quantity_unit), (QUOTE, quote_scale, &meta.price_unit)]
    {
        let (code, scale) = (code(name), scale as u8);
        let set = CurrencySet { currency, scale, code, ..CurrencySet::default() };
        commands.add(kind::CURRENCY_SET, 0, |header, operation| CurrencySet {
            header,
            operation,
            ..set
        });
    }
    commands.add(kind::MARKET_SET, MARKET, |header, operation| MarketSet {
        header,
        operation,
        code: code(&meta.market),
        base: BASE,
        quote: QUOTE,
        state: MarketState::Continuous.code(),
        lot_units: Amount::new(lot_units),
        tick_units: Amount::new(tick_units),
        min_price_ticks: 1,
        max_price_ticks: PRICE_MAX,
        min_quantity_lots: 1,
        max_quantity_lots: QUANTITY_MAX,
        ..MarketSet::default()
    });
    for (side, currency) in [(Side::Buy, QUOTE), (Side::Sell, BASE)] {
        let member = member(side);
        let set = MemberSet { member, ..MemberSet::default() };
        commands.add(kind::MEMBER_SET, 0, |header, operation| MemberSet {
            header,
            operation,
            ..set
        });
        let amount = Amount::new(AMOUNT_MAX);
        let funds = Funds { member, currency, amount, ..Funds::default() };
        for _ in 0..DEPOSITS {
            commands.add(kind::DEPOSIT, 0, |header, operation| Funds {
                header,
                operation,
                ..funds
            });
        }
    }
    Ok(commands.commands)
}

/// As much of a name as fits.
fn code(name: &str) -> [u8; 16] {
    let mut code = [0; 16];
    for (to, from) in code.iter_mut().zip(name.bytes().filter(u8::is_ascii_graphic)) {
        *to = from;
    }
    code
}

struct Settings {
    commands: Vec<Command>,
    time_ns: u64,
}

impl Settings {
    fn add<M: Message>(&mut self, kind: u8, market: u16, make: impl FnOnce(Header, u64) -> M) {
        let header = Header::new(kind, M::CELLS as u8, market);
        let mut command = Command::new(&make(header, self.commands.len() as u64 + 1));
        command.set_time_ns(self.time_ns);
        self.commands.push(command);
    }
}

/// The most orders that can rest at once.
pub fn orders_max(set: &DataSet) -> u32 {
    let (mut live, mut most) = (0_i64, 0);
    for row in &set.rows {
        live += match row.operation {
            Operation::Add | Operation::Post | Operation::Ioc | Operation::Market => 1,
            Operation::Cancel => -1,
            Operation::Reduce | Operation::Replace => 0,
        };
        most = most.max(live);
    }
    u32::try_from(most).unwrap_or(u32::MAX).clamp(1 << 10, wire::limits::ORDERS_MAX - (1 << 10))
        + (1 << 10)
}

/// Makes commands of rows, in order.
pub struct Feed {
    /// See [`DataSet::lift`].
    lift: u64,
    /// Quantity with which an order stands, as an amend has to name it.
    quantities: HashMap<u64, u64>,
}

impl Feed {
    /// For the rows of `set`.
    pub fn new(set: &DataSet) -> Self {
        Self { lift: set.lift, quantities: HashMap::new() }
    }

    /// The command for a row.
    pub fn command(&mut self, row: &Row) -> Command {
        let mut command = match row.operation {
            Operation::Cancel => {
                self.quantities.remove(&row.order_id);
                cancel(row)
            }
            Operation::Reduce => self.reduce(row),
            Operation::Replace => {
                self.quantities.remove(&row.target);
                self.quantities.insert(row.order_id, row.lots);
                self.replace(row)
            }
            Operation::Add | Operation::Post => {
                self.quantities.insert(row.order_id, row.lots);
                Command::new(&self.order(row))
            }
            Operation::Ioc | Operation::Market => Command::new(&self.order(row)),
        };
        command.set_time_ns(row.time_ns);
        command
    }

    fn reduce(&mut self, row: &Row) -> Command {
        let quantity = self.quantities.entry(row.order_id).or_default();
        *quantity = quantity.saturating_sub(row.lots);
        let mut header = Header::new(kind::AMEND, 1, MARKET);
        header.flags = flag::BY_CLIENT_ID | flag::KEEP_PRIORITY;
        Command::new(&Amend {
            header,
            member: member(row.side),
            target: row.order_id,
            // Not 0, which would keep it: an order cannot become larger, so this is refused.
            quantity_lots: if *quantity == 0 { QUANTITY_MAX } else { *quantity },
            ..Amend::default()
        })
    }

    fn order(&self, row: &Row) -> NewOrder {
        let (order_type, time_in_force) = match row.operation {
            Operation::Market => (OrderType::Market, TimeInForce::Ioc),
            Operation::Ioc => (OrderType::Limit, TimeInForce::Ioc),
            _ => (OrderType::Limit, TimeInForce::Gtc),
        };
        let mut header = Header::new(kind::NEW_ORDER, 1, MARKET);
        header.flags = if row.operation == Operation::Post { flag::POST_ONLY } else { 0 };
        NewOrder {
            header,
            member: member(row.side),
            client_order_id: row.order_id,
            price_ticks: match order_type {
                OrderType::Market => 0,
                _ => row.price.saturating_add(self.lift),
            },
            quantity_lots: row.lots,
            side: row.side.code(),
            order_type: order_type.code(),
            time_in_force: time_in_force.code(),
            ..NewOrder::default()
        }
    }

    fn replace(&self, row: &Row) -> Command {
        let mut order = self.order(row);
        order.header = Header::new(kind::CANCEL_NEW, 3, MARKET);
        Command::new(&CancelNew {
            order,
            extra: OrderExtra::default(),
            target: row.target,
            mode: ReplaceMode::AllowFailure.code(),
            by_client_id: 1,
            reserved: [0; 6],
            reserved_words: [0; 6],
        })
    }
}

fn cancel(row: &Row) -> Command {
    let mut header = Header::new(kind::CANCEL, 1, MARKET);
    header.flags = flag::BY_CLIENT_ID;
    let (member, target) = (member(row.side), row.order_id);
    Command::new(&Cancel { header, member, target, ..Cancel::default() })
}
