//! Everything about orders, members, markets and money that is not the book.

use super::accounts::Accounts;
use super::clients::Clients;
use super::far::{Queue, Tree};
use super::lists::Lists;
use super::mutant::{self, Mutant};
use super::pool::{NIL, Node};
use super::timers::Timers;
use super::works::Works;
use wire::codes::{DoneReason, MarketState, OrderType, SelfTrade, TimeInForce};
use wire::limits::{CURRENCIES_MAX, GROUPS_MAX, MARKETS_MAX, SOURCES_MAX};

/// The part of an order that matching does not read.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Detail {
    /// Lots asked for, as last amended.
    pub quantity: u64,
    /// Lots taken off by self-trade prevention.
    pub prevented: u64,
    /// Lots not shown.
    pub reserve: u64,
    /// Lots shown at a time; 0 for all.
    pub display: u64,
    /// What it holds, if [`super::pool::bit::HELD_STORED`].
    pub held: i128,
    /// Session it came through.
    pub session: u32,
    /// Its list, or [`NIL`].
    pub list: u32,
    /// Older order of the same member.
    pub older: u32,
    /// Younger order of the same member.
    pub younger: u32,
    /// Stop price; of a trailing stop the price that starts the tracking.
    pub stop_price: u64,
    /// Best last trade since a trailing stop began to track.
    pub extreme: u64,
    /// When it expires; 0 for never.
    pub expire_ns: u64,
    /// The amount of a market-by-quote order.
    pub quote_amount: i128,
    /// Distance of a trailing stop.
    pub trail_bips: u32,
    /// Type as entered.
    pub order_type: OrderType,
    /// Time in force as entered.
    pub time_in_force: TimeInForce,
    /// Mode as entered.
    pub self_trade: SelfTrade,
    /// Whether a trailing stop tracks.
    pub tracking: bool,
}

impl Detail {
    const FREE: Self = Self {
        quantity: 0,
        prevented: 0,
        reserve: 0,
        display: 0,
        held: 0,
        session: 0,
        list: NIL,
        older: NIL,
        younger: NIL,
        stop_price: 0,
        extreme: 0,
        expire_ns: 0,
        quote_amount: 0,
        trail_bips: 0,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        self_trade: SelfTrade::CancelNewest,
        tracking: false,
    };

    /// Lots traded so far, given the lots shown.
    #[must_use]
    #[inline]
    pub fn filled(&self, open: u64) -> u64 {
        self.quantity - self.prevented - self.reserve - open
    }
}

const _: () = assert!(size_of::<Detail>() == 128);

/// One member.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Whether it was ever set.
    pub known: bool,
    /// Whether its kill switch is pulled.
    pub killed: bool,
    /// Fee group.
    pub fee_group: u16,
    /// Self-trade group.
    pub self_trade_group: u32,
    /// Most live orders; 0 for no limit.
    pub open_orders_max: u32,
    /// Live orders.
    pub open_orders: u32,
    /// Its oldest live order.
    pub oldest: u32,
    /// Its youngest live order.
    pub youngest: u32,
}

impl Member {
    const UNKNOWN: Self = Self {
        known: false,
        killed: false,
        fee_group: 0,
        self_trade_group: 0,
        open_orders_max: 0,
        open_orders: 0,
        oldest: NIL,
        youngest: NIL,
    };
}

/// One currency.
#[derive(Clone, Copy, Debug, Default)]
pub struct Currency {
    /// Whether it was ever set.
    pub known: bool,
    /// Decimal places.
    pub scale: u8,
    /// Sum of all balances.
    pub supply: i128,
    /// Place of the house's account.
    pub house: u32,
}

/// A fee row.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeeRow {
    /// Whether the row exists.
    pub known: bool,
    /// Rate of a maker.
    pub maker_ppm: u32,
    /// Rate of a taker.
    pub taker_ppm: u32,
}

/// One market, without its book.
#[derive(Clone, Debug)]
pub struct Market {
    /// State.
    pub state: MarketState,
    /// Bits of [`wire::command::profile`].
    pub profile: u32,
    /// Base currency.
    pub base: u16,
    /// Quote currency.
    pub quote: u16,
    /// Base units in one lot.
    pub lot_units: u128,
    /// Quote units of one tick on one lot.
    pub tick_units: u128,
    /// Smallest notional.
    pub min_notional: i128,
    /// Lowest price.
    pub min_price: u64,
    /// Highest price.
    pub max_price: u64,
    /// Smallest quantity.
    pub min_quantity: u64,
    /// Largest quantity.
    pub max_quantity: u64,
    /// Reference price until something trades; 0 for none.
    pub reference: u64,
    /// Half width of the band.
    pub band_bips: u32,
    /// Resting orders one taker may meet.
    pub sweep_limit: u32,
    /// Last trade price; 0 for none.
    pub last_price: u64,
    /// Trades so far.
    pub trades: u64,
    /// Price of an unfinished uncross; 0 for none.
    pub uncross_price: u64,
    /// Stops that trigger at or above their price.
    pub up: Tree,
    /// Stops that trigger at or below their price, by reversed price.
    pub down: Tree,
    /// Highest price not yet collected for; 0 for none.
    pub up_mark: u64,
    /// Lowest price not yet collected for; 0 for none.
    pub down_mark: u64,
    /// Triggered and released orders, in order.
    pub queue: Queue,
    /// Waiting trailing stops, by id.
    pub trailing: Queue,
    /// How many.
    pub trailing_count: u32,
    /// Trailing stops that triggered and are not yet in the release queue, by id.
    pub marked: Queue,
}

impl Market {
    /// Whether orders match as they come.
    #[must_use]
    #[inline]
    pub fn is_continuous(&self) -> bool {
        let halted = self.state == MarketState::Halted && mutant::is(Mutant::StopIgnoresHalt);
        (self.state == MarketState::Continuous || halted) && self.uncross_price == 0
    }

    /// Whether a rule of another system applies here.
    #[must_use]
    #[inline]
    pub fn keeps(&self, rule: u32) -> bool {
        self.profile & rule != 0
    }

    /// Remembers that something traded at `price`: stops it reaches are to be collected.
    #[inline]
    pub fn mark(&mut self, price: u64) {
        self.up_mark = self.up_mark.max(price);
        let low = if self.down_mark == 0 { price } else { self.down_mark };
        self.down_mark = low.min(price);
    }

    /// Whether triggers or releases wait to be worked off.
    #[must_use]
    #[inline]
    pub fn has_releases(&self) -> bool {
        self.queue.head != NIL || self.up_mark != 0 || self.marked.head != NIL
    }
}

/// Capacities; all memory is taken at boot.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Live orders.
    pub orders: u32,
    /// Member ids run below this.
    pub members: u32,
    /// (Member, currency) pairs.
    pub accounts: u32,
    /// Order lists.
    pub lists: u32,
    /// Ticks of all windows together: two windows a market.
    pub ladder_ticks: u32,
}

/// The state without the book.
pub struct Desk {
    /// Engine time.
    pub now: u64,
    /// Per slot.
    pub details: Box<[Detail]>,
    /// Per id.
    pub members: Box<[Member]>,
    /// Per id.
    pub currencies: Box<[Currency]>,
    /// Per id; `None` until set.
    pub markets: Box<[Option<Market>]>,
    /// One more than the largest market id set.
    pub markets_end: u16,
    /// One more than the largest fee group set.
    pub groups_end: u16,
    /// Row of (group, market) at `group * MARKETS_MAX + market`.
    pub fees: Box<[FeeRow]>,
    /// Balances.
    pub accounts: Accounts,
    /// Orders by client order id.
    pub clients: Clients,
    /// Expiries and dead men.
    pub timers: Timers,
    /// Order lists.
    pub lists: Lists,
    /// Unfinished mass cancels.
    pub works: Works,
    /// Whether a market may have something for a tick to go on with.
    pub busy: bool,
    /// Last operation number of each source.
    pub operations: [u64; SOURCES_MAX as usize],
}

impl Desk {
    /// The empty state.
    #[must_use]
    pub fn new(capacity: &Capacity) -> Self {
        let markets = usize::from(MARKETS_MAX);
        let mut members = vec![Member::UNKNOWN; capacity.members.max(1) as usize];
        if let Some(house) = members.first_mut() {
            house.known = true;
        }
        Self {
            now: 0,
            details: super::huge::filled(Detail::FREE, capacity.orders as usize),
            members: members.into(),
            currencies: vec![Currency::default(); usize::from(CURRENCIES_MAX)].into(),
            markets: (0..markets).map(|_| None).collect(),
            markets_end: 0,
            groups_end: 0,
            fees: vec![FeeRow::default(); markets * usize::from(GROUPS_MAX)].into(),
            accounts: Accounts::new(capacity.accounts),
            clients: Clients::new(capacity.orders),
            timers: Timers::new(capacity.orders + capacity.members),
            lists: Lists::new(capacity.lists),
            works: Works::new(),
            busy: false,
            operations: [0; SOURCES_MAX as usize],
        }
    }

    /// A market that exists.
    #[must_use]
    #[inline]
    pub fn market(&self, id: u16) -> Option<&Market> {
        self.markets.get(usize::from(id))?.as_ref()
    }

    /// As [`Self::market`], to be changed.
    #[inline]
    pub fn market_mut(&mut self, id: u16) -> Option<&mut Market> {
        self.markets.get_mut(usize::from(id))?.as_mut()
    }

    /// A member that exists, the house too.
    #[must_use]
    #[inline]
    pub fn member(&self, id: u32) -> Option<&Member> {
        self.members.get(id as usize).filter(|member| member.known)
    }

    /// Rates for a member's order in a market, by the row with the largest weight.
    #[must_use]
    #[inline]
    pub fn rates(&self, group: u16, market: u16) -> (u32, u32) {
        let row = |group: u16, market: u16| {
            let index = usize::from(group) * usize::from(MARKETS_MAX) + usize::from(market);
            self.fees.get(index).filter(|row| row.known)
        };
        let grouped = if group == 0 { None } else { row(group, market).or_else(|| row(group, 0)) };
        let found = grouped.or_else(|| row(0, market)).or_else(|| row(0, 0));
        found.map_or((0, 0), |row| (row.maker_ppm, row.taker_ppm))
    }

    /// Whether two members must not trade with each other.
    #[must_use]
    #[inline]
    pub fn same_party(&self, a: u32, b: u32) -> bool {
        if mutant::is(Mutant::SelfTradeSkipped) {
            return false;
        }
        if a == b {
            return true;
        }
        let group = self.members[a as usize].self_trade_group;
        group != 0 && group == self.members[b as usize].self_trade_group
    }

    /// Puts a new order at the young end of its member's orders.
    #[inline]
    pub fn join_member(&mut self, member: u32, slot: u32) {
        let record = &mut self.members[member as usize];
        let older = record.youngest;
        record.youngest = slot;
        record.open_orders += 1;
        if older == NIL {
            record.oldest = slot;
        } else {
            self.details[older as usize].younger = slot;
        }
        let detail = &mut self.details[slot as usize];
        detail.older = older;
        detail.younger = NIL;
    }

    /// Takes an order out of its member's orders.
    #[inline]
    pub fn leave_member(&mut self, member: u32, slot: u32) {
        let Detail { older, younger, .. } = self.details[slot as usize];
        let record = &mut self.members[member as usize];
        record.open_orders -= 1;
        if older == NIL {
            record.oldest = younger;
        }
        if younger == NIL {
            record.youngest = older;
        }
        if older != NIL {
            self.details[older as usize].younger = younger;
        }
        if younger != NIL {
            self.details[younger as usize].older = older;
        }
        self.works.passed(slot, younger);
    }

    /// Handle of an order's timer.
    #[must_use]
    pub fn timer_of_member(&self, member: u32) -> u32 {
        self.details.len() as u32 + member
    }

    /// The account that pays for an order: quote for a buy, base for a sell.
    #[must_use]
    #[inline]
    pub fn payer(node: &Node) -> u32 {
        if node.sells() { node.base_account } else { node.quote_account }
    }

    /// Moves money of an order from held back to available; negative holds more.
    #[inline]
    pub fn release(&mut self, place: u32, amount: i128) {
        let account = self.accounts.at(place);
        account.held -= amount;
        account.available += amount;
    }
}

/// What ends with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub reason: DoneReason,
    /// Reject reason, when refused.
    pub refusal: u8,
}

impl From<DoneReason> for Ending {
    fn from(reason: DoneReason) -> Self {
        Self { reason, refusal: 0 }
    }
}
