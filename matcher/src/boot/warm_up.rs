//! Runs the hot code once on a scratch engine, so that the first real command meets warm caches and
//! predictors.

use crate::engine::Engine;
use crate::engine::desk::Capacity;
use wire::codes::{MarketState, OrderType, Side};
use wire::command::{
    Amend, Cancel, Command, CurrencySet, Funds, MarketSet, MemberSet, NewOrder, flag, kind,
};
use wire::event::{Event, EventSink};
use wire::record::Header;
use wire::units::Amount;

const ROUNDS: u64 = 20_000;
const PRICES: u64 = 64;

struct Nowhere(u64);

impl EventSink for Nowhere {
    fn put<E: Event>(&mut self, _: &E) {
        self.0 += 1;
    }
}

/// Warms up; returns how many events the scratch engine told of.
#[must_use]
pub fn warm_up() -> u64 {
    let capacity =
        Capacity { orders: 4096, members: 4, accounts: 16, lists: 4, ladder_ticks: 1 << 13 };
    let mut engine = Engine::new(&capacity);
    let mut out = Nowhere(0);
    for command in setting() {
        engine.apply(&command, &mut out);
    }
    for round in 0..ROUNDS {
        let price = 1_000 + round * 7 % PRICES;
        let name = 1 + round % 512;
        let side = if round % 2 == 0 { Side::Buy } else { Side::Sell };
        let order = NewOrder {
            header: Header::new(kind::NEW_ORDER, 1, 1),
            member: 1 + (round % 2) as u32,
            client_order_id: name,
            price_ticks: price,
            quantity_lots: 1 + round % 5,
            side: side.code(),
            order_type: OrderType::Limit.code(),
            ..NewOrder::default()
        };
        engine.apply(&Command::new(&order), &mut out);
        let mut header = Header::new(kind::AMEND, 1, 1);
        header.flags = flag::BY_CLIENT_ID;
        let (member, target) = (order.member, name);
        let amend = Amend { header, member, target, price_ticks: price + 1, ..Amend::default() };
        engine.apply(&Command::new(&amend), &mut out);
        header.kind = kind::CANCEL;
        let cancel = Cancel { header, member, target: 1 + (round + 5) % 512, ..Cancel::default() };
        engine.apply(&Command::new(&cancel), &mut out);
    }
    out.0
}

/// Two currencies, a market, two members with money.
fn setting() -> Vec<Command> {
    let mut commands = Vec::new();
    let mut operation = 0;
    let mut next = || {
        operation += 1;
        operation
    };
    for currency in [1, 2] {
        let header = Header::new(kind::CURRENCY_SET, 1, 0);
        let set =
            CurrencySet { header, operation: next(), currency, scale: 8, ..CurrencySet::default() };
        commands.push(Command::new(&set));
    }
    let market = MarketSet {
        header: Header::new(kind::MARKET_SET, 3, 1),
        operation: next(),
        base: 1,
        quote: 2,
        state: MarketState::Continuous.code(),
        lot_units: Amount::new(1),
        tick_units: Amount::new(1),
        min_price_ticks: 1,
        max_price_ticks: 1 << 40,
        min_quantity_lots: 1,
        max_quantity_lots: 1 << 40,
        ..MarketSet::default()
    };
    commands.push(Command::new(&market));
    for member in [1, 2] {
        let header = Header::new(kind::MEMBER_SET, 1, 0);
        let set = MemberSet { header, operation: next(), member, ..MemberSet::default() };
        commands.push(Command::new(&set));
        for currency in [1, 2] {
            let header = Header::new(kind::DEPOSIT, 1, 0);
            let amount = Amount::new(1 << 60);
            let deposit =
                Funds { header, operation: next(), member, currency, amount, ..Funds::default() };
            commands.push(Command::new(&deposit));
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_warm_up_trades_and_is_never_refused_outright() {
        // Accepted, traded, amended or cancelled: far more events than commands it began with.
        assert!(super::warm_up() > super::ROUNDS * 2);
    }
}
