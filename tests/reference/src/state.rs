//! What the matcher remembers: section 1.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::codes::{
    DoneReason, ListKind, MarketState, OrderType, SelfTrade, Side, SideFilter, TimeInForce,
};

/// A currency. Its supply is the sum of all balances in it.
#[derive(Clone, Debug, Hash)]
pub struct Currency {
    pub(crate) scale: u8,
    pub(crate) supply: i128,
}

/// One member's balance in one currency. An absent account is zero.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub struct Account {
    pub(crate) available: i128,
    pub(crate) held: i128,
    /// The part of `held` that withdrawals hold.
    pub(crate) withdraw_held: i128,
}

/// A member; the house is number 0.
#[derive(Clone, Debug, Default, Hash)]
pub struct Member {
    pub(crate) fee_group: u16,
    pub(crate) self_trade_group: u32,
    pub(crate) open_orders_max: u32,
    pub(crate) kill_switch: bool,
    pub(crate) dead_man: Option<u64>,
    /// Serials of its live orders.
    pub(crate) orders: BTreeSet<u64>,
}

/// A row of the fee table, or the rates an order froze at its entry.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub struct Rates {
    pub(crate) maker_ppm: u32,
    pub(crate) taker_ppm: u32,
}

/// What a market was set to.
#[derive(Clone, Debug, Hash)]
pub struct Parameters {
    pub(crate) base: u16,
    pub(crate) quote: u16,
    pub(crate) lot_units: i128,
    pub(crate) tick_units: i128,
    pub(crate) min_notional: i128,
    pub(crate) min_price: u64,
    pub(crate) max_price: u64,
    pub(crate) min_quantity: u64,
    pub(crate) max_quantity: u64,
    pub(crate) reference_ticks: u64,
    pub(crate) band_bips: u32,
    pub(crate) profile: u32,
    pub(crate) sweep_limit: u32,
    pub(crate) window_ticks: u32,
}

/// Orders by price, oldest first at each price. No price has an empty queue.
pub(crate) type Queues = BTreeMap<u64, Vec<u64>>;

/// A market and where its orders are.
#[derive(Clone, Debug, Hash)]
pub struct Market {
    pub(crate) parameters: Parameters,
    pub(crate) state: MarketState,
    /// Price of the last trade.
    pub(crate) last: Option<u64>,
    /// How many trades there were.
    pub(crate) trades: u64,
    /// Resting buy orders.
    pub(crate) bids: Queues,
    /// Resting sell orders.
    pub(crate) asks: Queues,
    /// Waiting orders that trigger when the last price rises to their stop price.
    pub(crate) upward: Queues,
    /// Waiting orders that trigger when it falls to their stop price.
    pub(crate) downward: Queues,
    /// Waiting trailing stops.
    pub(crate) trailing: BTreeSet<u64>,
    /// Highest and lowest price traded since triggers were last collected to the end.
    pub(crate) marks: Option<Marks>,
    /// Trailing stops that have triggered and wait to join the release queue.
    pub(crate) marked: Vec<u64>,
    /// The release queue.
    pub(crate) queue: VecDeque<u64>,
    /// The price of an unfinished uncross.
    pub(crate) uncross: Option<u64>,
}

/// The up mark and the down mark; they come and go together.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Marks {
    pub(crate) up: u64,
    pub(crate) down: u64,
}

/// What an order asks for, decoded: a new order, a leg of a list, or what an amend makes of one.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Terms {
    pub(crate) market: u16,
    pub(crate) member: u32,
    pub(crate) session: u32,
    pub(crate) client_order_id: u64,
    pub(crate) side: Side,
    pub(crate) order_type: OrderType,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) self_trade: SelfTrade,
    pub(crate) post_only: bool,
    pub(crate) cancel_on_disconnect: bool,
    pub(crate) price: u64,
    pub(crate) quantity: u64,
    pub(crate) stop_price: u64,
    pub(crate) display: u64,
    pub(crate) expire_ns: u64,
    pub(crate) quote_amount: i128,
    pub(crate) trail_bips: u32,
}

/// Where a live order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Between two places, or matching as the taker.
    Moving,
    /// In the book.
    Resting,
    /// In the trigger book.
    Waiting,
    /// A trailing stop that has triggered and joins the release queue with the next collection.
    Marked,
    /// In the release queue.
    Queued,
    /// Waits for another leg of its list.
    Pending,
}

/// A live order. `terms.quantity` = `filled` + `prevented` + leaves.
#[derive(Clone, Debug, Hash)]
pub struct Order {
    pub(crate) serial: u64,
    pub(crate) terms: Terms,
    pub(crate) rates: Rates,
    pub(crate) place: Place,
    pub(crate) filled: u64,
    /// Lots that self-trade prevention took.
    pub(crate) prevented: u64,
    /// Lots shown in the book; 0 when it does not rest.
    pub(crate) open: u64,
    /// Money held for it: quote for a buy, base for a sell.
    pub(crate) held: i128,
    /// A buy that keeps its price improvement held until it ends: the profile at its entry.
    pub(crate) keeps_improvement: bool,
    /// Quote it has received, for a market-by-quote sell.
    pub(crate) received: i128,
    /// A trailing stop that tracks: the best price since.
    pub(crate) extreme: Option<u64>,
    /// When it expires.
    pub(crate) deadline: Option<u64>,
    /// Its list, until that has ended.
    pub(crate) list: Option<u64>,
}

/// An order list that has not ended.
#[derive(Clone, Debug, Hash)]
pub struct List {
    pub(crate) kind: ListKind,
    /// Serials of its legs in leg order; those that are gone are not in the orders any more.
    pub(crate) legs: Vec<u64>,
}

/// A mass cancel that has not come to its end.
#[derive(Clone, Debug, Hash)]
pub struct Work {
    pub(crate) scope: Scope,
    pub(crate) reason: DoneReason,
    /// Visited orders that it cancelled.
    pub(crate) cancelled: u64,
}

/// What a work visits.
#[derive(Clone, Debug, Hash)]
pub enum Scope {
    /// A member's live orders in order of ids.
    Member {
        /// Whose.
        member: u32,
        /// Which of them are cancelled.
        filter: Filter,
        /// Orders up to this serial were visited.
        visited: u64,
        /// Orders above this serial came later and are not visited.
        mark: u64,
    },
    /// Every order of a market.
    Market(u16),
}

/// Which visited orders a work cancels.
#[derive(Clone, Debug, Hash)]
pub struct Filter {
    /// 0 for all.
    pub(crate) market: u16,
    /// 0 for all.
    pub(crate) session: u32,
    pub(crate) side: SideFilter,
    /// Waiting, queued and pending orders too.
    pub(crate) include_stops: bool,
    /// Only orders with the cancel-on-disconnect instruction.
    pub(crate) instructed_only: bool,
}

impl Order {
    /// The id the order has in events. The reference has no slots.
    pub(crate) fn id(&self) -> u64 {
        order_id(self.serial)
    }

    /// What is left to trade, shown and in reserve. A market-by-quote order counts no lots.
    pub(crate) fn leaves(&self) -> u64 {
        match self.terms.order_type {
            OrderType::MarketQuote => 0,
            _ => self.terms.quantity - self.filled - self.prevented,
        }
    }

    /// What is left of the amount of a market-by-quote order.
    pub(crate) fn money_left(&self) -> i128 {
        match self.terms.side {
            Side::Buy => self.held,
            Side::Sell => self.terms.quote_amount - self.received,
        }
    }

    /// Whether nothing is left of it.
    pub(crate) fn is_filled(&self) -> bool {
        match self.terms.order_type {
            OrderType::MarketQuote => self.money_left() == 0,
            _ => self.leaves() == 0,
        }
    }

    /// Slices of a resting iceberg that are yet to be shown.
    pub(crate) fn hidden_slices(&self) -> u64 {
        match self.terms.display {
            0 => 0,
            display => (self.leaves() - self.open).div_ceil(display),
        }
    }

    /// What it shows when it comes to rest.
    pub(crate) fn slice(&self) -> u64 {
        match self.terms.display {
            0 => self.leaves(),
            display => display.min(self.leaves()),
        }
    }
}

/// The id in events of the order with this serial.
pub(crate) fn order_id(serial: u64) -> u64 {
    serial << wire::limits::SLOT_BITS
}

impl Terms {
    /// Whether the order can live on after its command.
    pub(crate) fn may_rest(&self) -> bool {
        matches!(self.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd | TimeInForce::Day)
    }

    /// A limit order that may rest.
    pub(crate) fn is_resting_limit(&self) -> bool {
        self.order_type == OrderType::Limit && self.may_rest()
    }

    /// Whether a triggered order (not a trailing one) triggers when the price rises.
    pub(crate) fn triggers_upward(&self) -> bool {
        match self.order_type {
            OrderType::TakeProfit | OrderType::TakeProfitLimit => self.side == Side::Sell,
            _ => self.side == Side::Buy,
        }
    }
}

impl Parameters {
    /// Whether the market keeps this rule of Peatio's.
    pub(crate) fn has(&self, profile_bit: u32) -> bool {
        self.profile & profile_bit != 0
    }

    /// Base units of `lots`. Larger than any amount becomes the largest number.
    pub(crate) fn base(&self, lots: u64) -> i128 {
        i128::from(lots).saturating_mul(self.lot_units)
    }

    /// Quote units that `lots` cost at `price`. Larger than any amount becomes the largest number.
    pub(crate) fn quote(&self, price: u64, lots: u64) -> i128 {
        i128::from(price).saturating_mul(i128::from(lots)).saturating_mul(self.tick_units)
    }

    /// The currency an order of this side holds.
    pub(crate) fn pays(&self, side: Side) -> u16 {
        match side {
            Side::Buy => self.quote,
            Side::Sell => self.base,
        }
    }
}
