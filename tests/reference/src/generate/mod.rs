//! Seeded random streams of commands.
//!
//! A generator knows nothing of how a matcher works. It knows what it sent and learns from the
//! events of whoever it drives: which orders live, what their ids are, what state markets are in.
//! The same seed and the same events give the same stream.

mod orders;
mod rng;
mod swarm;

pub use rng::Rng;
pub use swarm::{Feature, Prices, Swarm};

use crate::Config;
use crate::events::Event;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::codes::{DisconnectScope, MarketState, OrderType, Side, SideFilter, TimeInForce};
use wire::command::{
    Cancel, Command, CurrencySet, DeadMan, FeeSet, Funds, KillSwitch, MarketSet, MarketStateSet,
    MassCancel, MemberSet, SessionDown, Tick, flag, kind, profile,
};
use wire::event::{Rejected, trade_flag};
use wire::limits::{DEAD_MAN_MAX_MS, GROUPS_MAX, PRICE_MAX, RATE_MAX_PPM, SLOT_BITS};
use wire::reason::RejectReason;
use wire::record::Header;
use wire::units::Amount;

const SECOND_NS: u64 = 1_000_000_000;

/// A live order as its owner knows it.
#[derive(Clone, Copy, Debug)]
struct Live {
    member: u32,
    client_order_id: u64,
    market: u16,
    side: Side,
    order_type: OrderType,
    time_in_force: TimeInForce,
    price: u64,
    stop_price: u64,
    quantity: u64,
    display: u64,
}

const UNKNOWN: Live = Live {
    member: 0,
    client_order_id: 0,
    market: 0,
    side: Side::Buy,
    order_type: OrderType::Limit,
    time_in_force: TimeInForce::Gtc,
    price: 0,
    stop_price: 0,
    quantity: 0,
    display: 0,
};

/// What a stream knows of a market.
#[derive(Clone, Debug)]
struct KnownMarket {
    id: u16,
    /// None until its creation was heard of.
    state: Option<MarketState>,
    /// The last trade, or where the market is supposed to be.
    price: u64,
    profile: u32,
    /// The message it was last set by.
    set: MarketSet,
}

/// A stream of commands.
#[derive(Clone, Debug)]
pub struct Generator {
    swarm: Swarm,
    rng: Rng,
    now: u64,
    /// The first commands create everything and are never spoiled.
    is_setting_up: bool,
    /// Commands decided on already.
    plan: VecDeque<Command>,
    /// Last operation number of each source.
    operations: BTreeMap<u16, u64>,
    /// Orders of the command sent last, to be accepted in this order.
    asked: VecDeque<Live>,
    live: BTreeMap<u64, Live>,
    markets: Vec<KnownMarket>,
    killed: BTreeSet<u32>,
    last_client_order_id: u64,
    last_market: u16,
}

impl Generator {
    /// The stream of a seed, and the capacities of the matcher it is for.
    #[must_use]
    pub fn new(seed: u64) -> (Config, Self) {
        let swarm = Swarm::from_seed(seed);
        let config = swarm.config();
        let mut generator = Self {
            rng: Rng::new(seed),
            now: 1_700_000_000 * SECOND_NS,
            is_setting_up: true,
            plan: VecDeque::new(),
            operations: BTreeMap::new(),
            asked: VecDeque::new(),
            live: BTreeMap::new(),
            markets: Vec::new(),
            killed: BTreeSet::new(),
            last_client_order_id: 0,
            last_market: 0,
            swarm,
        };
        generator.plan_setup();
        (config, generator)
    }

    /// What the stream is made of.
    #[must_use]
    pub fn swarm(&self) -> &Swarm {
        &self.swarm
    }

    /// A tick at the time of `command`.
    #[must_use]
    pub fn tick_before(command: &Command) -> Command {
        let header = Header::new(kind::TICK, 1, 0);
        Command::new(&Tick { header, time_ns: command.time_ns(), ..Tick::default() })
    }

    /// The next command.
    pub fn next(&mut self) -> Command {
        self.asked.clear();
        let mut command = match self.plan.pop_front() {
            Some(command) => command,
            None => {
                self.is_setting_up = false;
                self.decide()
            }
        };
        if self.has(Feature::Garbage) && !self.is_setting_up && self.rng.percent(2) {
            command = self.spoil(command);
        }
        command.set_time_ns(self.pass_time());
        command
    }

    /// Takes in what the command sent last has caused.
    pub fn learn(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Accepted(accepted) => {
                    // A spoiled command may have become an order nobody asked for.
                    let order = self.asked.pop_front().unwrap_or(UNKNOWN);
                    self.live.insert(accepted.order_id, order);
                }
                Event::Rejected(rejected) => self.react(rejected),
                Event::Done(done) => {
                    self.live.remove(&done.order_id);
                }
                Event::Restated(restated) => {
                    if let Some(order) = self.live.get_mut(&restated.order_id) {
                        order.price = restated.price_ticks;
                    }
                }
                Event::Trade(trade) => {
                    if trade.flags & trade_flag::MAKER_FILLED != 0 {
                        self.live.remove(&trade.maker_order_id);
                    }
                    if trade.flags & trade_flag::TAKER_FILLED != 0 {
                        self.live.remove(&trade.taker_order_id);
                    }
                    let market = trade.header.market;
                    if let Some(known) = self.markets.iter_mut().find(|known| known.id == market) {
                        known.price = trade.price_ticks;
                    }
                }
                Event::MarketChanged(changed) => {
                    let market = changed.header.market;
                    if let Some(known) = self.markets.iter_mut().find(|known| known.id == market) {
                        known.state = MarketState::decode(changed.state);
                    }
                }
                _ => {}
            }
        }
    }

    /// Makes room or brings money after some refusals, so that a stream does not run dry.
    fn react(&mut self, rejected: &Rejected) {
        let Some(reason) = RejectReason::decode(rejected.reason) else { return };
        match reason {
            RejectReason::PoolFull | RejectReason::TooManyOrders | RejectReason::ListsFull => {
                if self.rng.percent(60) {
                    let command = self.cancel();
                    self.plan.push_back(command);
                }
            }
            RejectReason::InsufficientFunds => {
                let member = rejected.member;
                let rich = !self.has(Feature::Poor);
                if (1..=self.swarm.members).contains(&member)
                    && self.rng.percent(if rich { 50 } else { 15 })
                {
                    let (lots, quote) = self.swarm.purse();
                    let amount = self.rng.pick(&[lots, quote]);
                    let currency = self.currency();
                    let command = self.funds(kind::DEPOSIT, member, currency, amount);
                    self.plan.push_back(command);
                }
            }
            _ => {}
        }
    }

    fn has(&self, feature: Feature) -> bool {
        self.swarm.has(feature)
    }

    fn pass_time(&mut self) -> u64 {
        self.now += self.rng.below(2_000_000);
        if self.has(Feature::TimeJumps) {
            match self.rng.below(300) {
                0 => self.now += self.rng.below(3600) * SECOND_NS,
                1 => self.now += self.rng.below(40) * 3600 * SECOND_NS,
                2..10 => return self.now - self.rng.below(10 * SECOND_NS),
                _ => {}
            }
        }
        self.now
    }

    /// Currencies, members, markets, fees and the first money.
    fn plan_setup(&mut self) {
        for currency in 1..=self.swarm.currencies {
            let operation = self.operation(0);
            let header = Header::new(kind::CURRENCY_SET, 1, 0);
            let message =
                CurrencySet { header, operation, currency, scale: 8, ..CurrencySet::default() };
            self.plan.push_back(Command::new(&message));
        }
        for member in 1..=self.swarm.members {
            let command = self.member_set(member);
            self.plan.push_back(command);
        }
        for _ in 0..self.swarm.markets {
            let command = self.market_create();
            self.plan.push_back(command);
        }
        if self.has(Feature::Fees) {
            let command = self.fee_set(0);
            self.plan.push_back(command);
        }
        let (lots, quote) = self.swarm.purse();
        for member in 1..=self.swarm.members {
            for currency in 1..=self.swarm.currencies {
                for amount in [lots, quote] {
                    let command = self.funds(kind::DEPOSIT, member, currency, amount);
                    self.plan.push_back(command);
                }
            }
        }
    }

    /// A command for a matcher in full swing.
    fn decide(&mut self) -> Command {
        if let Some(command) = self.repair() {
            return command;
        }
        let lists = [Feature::Oco, Feature::Oto, Feature::Otoco];
        let amends = [Feature::AmendPrice, Feature::AmendQuantity, Feature::AmendOther];
        let crowd = self.has(Feature::Crowd);
        match self.rng.below(1000) {
            0..120 if !crowd => self.cancel(),
            120..240 if amends.iter().any(|feature| self.has(*feature)) => self.amend(),
            240..290 if self.has(Feature::CancelNew) => self.cancel_new(),
            290..380 if lists.iter().any(|feature| self.has(*feature)) => self.new_list(),
            380..385 if self.has(Feature::MassCancel) && !(crowd && self.rng.percent(80)) => {
                self.mass_cancel()
            }
            385..390 if self.has(Feature::Disconnect) && !(crowd && self.rng.percent(80)) => {
                self.session_down()
            }
            390..395 if self.has(Feature::DeadMan) => self.dead_man(),
            395..398 if self.has(Feature::KillSwitch) && !(crowd && self.rng.percent(80)) => {
                let member = self.member();
                self.kill_switch(member, 1)
            }
            400..405 if self.has(Feature::States) => self.state_change(),
            405..406 if self.has(Feature::Delisting) && self.may_delist() => self.delist(),
            410..415 if self.has(Feature::MarketChanges) => self.market_change(),
            415..420 if self.has(Feature::FeeChanges) => self.settings_change(),
            420..460 if self.has(Feature::Funds) => self.random_funds(),
            460..470 => {
                let (member, currency) = (self.member(), self.currency());
                let (lots, quote) = self.swarm.purse();
                let amount = self.rng.pick(&[lots, quote]) / 8 + 1;
                self.funds(kind::DEPOSIT, member, currency, amount)
            }
            _ => self.new_order(),
        }
    }

    /// Brings markets and members back that a stream cannot do without for long.
    fn repair(&mut self) -> Option<Command> {
        if self.rng.percent(90) {
            return None;
        }
        let market = self.rng.below(self.markets.len() as u64) as usize;
        let KnownMarket { id, state, mut set, .. } = self.markets[market].clone();
        match state {
            None => {
                set.operation = self.numbered(&mut set.header);
                return Some(Command::new(&set));
            }
            Some(MarketState::Delisted) => {
                self.markets.remove(market);
                return Some(self.market_create());
            }
            Some(MarketState::Continuous) => {}
            Some(_) => {
                let state = self.rng.pick(&[
                    MarketState::Continuous,
                    MarketState::Continuous,
                    MarketState::PostOnly,
                    MarketState::Auction,
                ]);
                return Some(self.market_state(id, state));
            }
        }
        let member = self.killed.pop_first()?;
        Some(self.kill_switch(member, 0))
    }

    fn member(&mut self) -> u32 {
        if self.rng.below(200) == 0 {
            return self.rng.pick(&[0, self.swarm.members + 1, u32::MAX]);
        }
        self.rng.between(1, u64::from(self.swarm.members)) as u32
    }

    fn session(&mut self) -> u32 {
        self.rng.below(3) as u32
    }

    fn currency(&mut self) -> u16 {
        self.rng.between(1, u64::from(self.swarm.currencies)) as u16
    }

    fn request(&mut self) -> u32 {
        self.rng.next() as u32
    }

    /// The next operation number of a source; sometimes one that came before.
    fn operation(&mut self, source: u16) -> u64 {
        let repeats = self.has(Feature::Repeats) && !self.is_setting_up;
        let last = self.operations.entry(source).or_default();
        if repeats && self.rng.below(10) == 0 {
            return self.rng.below(*last + 1);
        }
        *last += 1 + self.rng.below(2);
        *last
    }

    fn numbered(&mut self, header: &mut Header) -> u64 {
        header.source = self.rng.below(3) as u16;
        self.operation(header.source)
    }

    fn member_set(&mut self, member: u32) -> Command {
        let mut header = Header::new(kind::MEMBER_SET, 1, 0);
        let operation = self.numbered(&mut header);
        let groups = self.has(Feature::SelfTradeGroups);
        let limits = self.has(Feature::OrderLimits);
        Command::new(&MemberSet {
            header,
            operation,
            member,
            self_trade_group: if groups { self.rng.below(3) as u32 } else { 0 },
            open_orders_max: if limits { self.rng.pick(&[0, 3, 8]) } else { 0 },
            fee_group: self.fee_group(),
            ..MemberSet::default()
        })
    }

    fn fee_set(&mut self, market: u16) -> Command {
        let mut header = Header::new(kind::FEE_SET, 1, market);
        let operation = self.numbered(&mut header);
        Command::new(&FeeSet {
            header,
            operation,
            maker_ppm: self.rng.pick(&[0, 1, 1_000, 333_333, 500_000]),
            taker_ppm: self.fee_rate(),
            group: self.fee_group(),
            ..FeeSet::default()
        })
    }

    fn fee_rate(&mut self) -> u32 {
        let is_odd = !self.is_setting_up && self.rng.below(20) == 0;
        if is_odd { RATE_MAX_PPM + 1 } else { self.rng.pick(&[0, 2_000, 250_000, RATE_MAX_PPM]) }
    }

    /// A fee group; rarely one there is not.
    fn fee_group(&mut self) -> u16 {
        let is_odd = !self.is_setting_up && self.rng.below(20) == 0;
        if is_odd { GROUPS_MAX } else { self.rng.below(3) as u16 }
    }

    /// A known currency again; sometimes it may not be like that.
    fn currency_set(&mut self) -> Command {
        let mut header = Header::new(kind::CURRENCY_SET, 1, 0);
        let operation = self.numbered(&mut header);
        let currency = self.rng.below(u64::from(self.swarm.currencies) + 1) as u16;
        let scale = self.rng.pick(&[8, 8, 7, 19]);
        Command::new(&CurrencySet { header, operation, currency, scale, ..CurrencySet::default() })
    }

    fn settings_change(&mut self) -> Command {
        if self.rng.percent(10) {
            return self.currency_set();
        }
        if self.rng.percent(50) {
            let member = self.member();
            return self.member_set(member);
        }
        let market = self.market().id;
        let market = self.rng.pick(&[0, market]);
        self.fee_set(market)
    }

    fn market(&mut self) -> KnownMarket {
        let index = self.rng.below(self.markets.len() as u64) as usize;
        self.markets[index].clone()
    }

    fn market_create(&mut self) -> Command {
        self.last_market += 1;
        let mut header = Header::new(kind::MARKET_SET, 3, self.last_market);
        let operation = self.numbered(&mut header);
        let base = self.currency();
        let quote = base % self.swarm.currencies + 1;
        let (low, price, _) = self.swarm.price_range();
        let set = MarketSet {
            header,
            operation,
            base,
            quote,
            state: MarketState::Continuous.code(),
            lot_units: Amount::new(self.swarm.lot_units),
            tick_units: Amount::new(self.swarm.tick_units),
            min_price_ticks: low,
            max_price_ticks: PRICE_MAX,
            min_quantity_lots: 1,
            max_quantity_lots: self.swarm.quantity_max,
            window_ticks: self.rng.pick(&[0, 64, 1024]),
            ..MarketSet::default()
        };
        let set = self.vary(set);
        self.markets.push(KnownMarket {
            id: set.header.market,
            state: None,
            price,
            profile: set.profile,
            set,
        });
        Command::new(&set)
    }

    /// Chooses the parameters that may change.
    fn vary(&mut self, mut set: MarketSet) -> MarketSet {
        let (_, price, width) = self.swarm.price_range();
        if self.has(Feature::Band) {
            set.band_bips = self.rng.pick(&[0, 100, 2_000, 9_999, 20_000]);
            set.reference_ticks = self.rng.pick(&[0, price, price + width / 2]);
        }
        if self.has(Feature::Profiles) {
            let random = self.rng.next() as u32 & profile::ALL;
            set.profile = self.rng.pick(&[0, random, random, profile::PEATIO]);
        } else if self.has(Feature::SelfTradeAllow) {
            set.profile = self.rng.pick(&[0, profile::SELF_TRADE_ALLOWED]);
        }
        if self.has(Feature::SmallSweep) {
            set.sweep_limit = self.rng.between(1, 6) as u32;
        }
        set.min_notional = Amount::new(i128::from(self.rng.pick(&[0, 0, price / 2])));
        set
    }

    /// New parameters of a market; rarely such as it may not have.
    fn market_change(&mut self) -> Command {
        let known = self.market();
        let mut set = self.vary(known.set);
        set.operation = self.numbered(&mut set.header);
        match self.rng.below(20) {
            0 => set.max_price_ticks = PRICE_MAX + 1,
            1 => set.lot_units = Amount::new(7),
            2 => set.window_ticks = 128,
            3 => set.band_bips = 1_000_001,
            4 => set.min_quantity_lots = 2,
            5 => set.max_price_ticks = self.price(&known).max(1),
            6 => {
                // A new market with the widest windows, for which there is no room.
                set.header.market = 500;
                set.window_ticks = 1 << 18;
                return Command::new(&set);
            }
            _ => {}
        }
        if let Some(market) = self.markets.iter_mut().find(|market| market.id == known.id) {
            market.profile = set.profile;
        }
        Command::new(&set)
    }

    fn state_change(&mut self) -> Command {
        let market = self.market().id;
        let all: Vec<MarketState> = MarketState::ALL
            .iter()
            .copied()
            .filter(|state| *state != MarketState::Delisted)
            .collect();
        let state = self.rng.pick(&all);
        self.market_state(market, state)
    }

    /// Whether there is room for another market afterwards.
    fn may_delist(&self) -> bool {
        self.last_market < self.swarm.markets + 2
    }

    fn delist(&mut self) -> Command {
        let market = self.market().id;
        self.market_state(market, MarketState::Delisted)
    }

    fn market_state(&mut self, market: u16, state: MarketState) -> Command {
        let mut header = Header::new(kind::MARKET_STATE, 1, market);
        let operation = self.numbered(&mut header);
        let state = state.code();
        Command::new(&MarketStateSet { header, operation, state, ..MarketStateSet::default() })
    }

    fn funds(&mut self, kind: u8, member: u32, currency: u16, amount: i128) -> Command {
        let mut header = Header::new(kind, 1, 0);
        let operation = self.numbered(&mut header);
        let amount = Amount::new(amount);
        let request = self.request();
        Command::new(&Funds {
            header,
            amount,
            operation,
            member,
            currency,
            request,
            ..Funds::default()
        })
    }

    fn random_funds(&mut self) -> Command {
        let mut header = Header::new(self.rng.between(16, 21) as u8, 1, 0);
        let operation = self.numbered(&mut header);
        let (lots, quote) = self.swarm.purse();
        let most = self.rng.pick(&[lots, quote, 10, 1000]);
        let amount = match self.rng.below(40) {
            0 => 0,
            1 => -1,
            2 => wire::limits::AMOUNT_MAX,
            3 => wire::limits::AMOUNT_MAX + 1,
            4 => i128::MIN,
            _ => i128::from(self.rng.below(1 << 20)).saturating_mul(most) / (1 << 22) + 1,
        };
        let sign = if header.kind == kind::ADJUST && self.rng.percent(50) { -1 } else { 1 };
        let is_transfer = header.kind == kind::TRANSFER || self.rng.below(50) == 0;
        Command::new(&Funds {
            header,
            amount: Amount::new(amount.wrapping_mul(sign)),
            operation,
            member: self.member(),
            to_member: if is_transfer { self.member() } else { 0 },
            currency: if self.rng.below(50) == 0 { 99 } else { self.currency() },
            request: self.request(),
            ..Funds::default()
        })
    }

    fn cancel(&mut self) -> Command {
        let mut header = Header::new(kind::CANCEL, 1, 0);
        let (member, target, by_client_id) = self.target();
        header.flags = if by_client_id { flag::BY_CLIENT_ID } else { 0 };
        let request = self.request();
        Command::new(&Cancel { header, member, target, request, ..Cancel::default() })
    }

    /// An order to name: mostly a live one, by its owner. (member, target, by client id)
    fn target(&mut self) -> (u32, u64, bool) {
        let Some((id, order)) = self.any_live() else {
            return (self.member(), self.rng.below(1 << 20), self.rng.percent(50));
        };
        match self.rng.below(40) {
            0 => (self.member(), id, false),
            1 => (order.member, (self.rng.below(1 << 30) | 1 << 30) << SLOT_BITS, false),
            2 => (order.member, self.rng.below(2), true),
            3..20 if order.client_order_id != 0 => (order.member, order.client_order_id, true),
            _ => (order.member, id, false),
        }
    }

    fn any_live(&mut self) -> Option<(u64, Live)> {
        // Ids ascend with age; a random place between the oldest and the youngest is fair enough.
        let oldest = *self.live.first_key_value()?.0;
        let youngest = *self.live.last_key_value()?.0;
        let from = self.rng.between(oldest, youngest);
        self.live.range(from..).next().map(|(id, order)| (*id, *order))
    }

    fn mass_cancel(&mut self) -> Command {
        let market = self.market().id;
        let market = self.rng.pick(&[0, market, market, 4000]);
        Command::new(&MassCancel {
            header: Header::new(kind::MASS_CANCEL, 1, market),
            member: self.member(),
            session: self.session(),
            side: self.rng.pick(SideFilter::ALL).code(),
            include_stops: self.rng.below(2) as u8,
            request: self.request(),
            ..MassCancel::default()
        })
    }

    fn session_down(&mut self) -> Command {
        Command::new(&SessionDown {
            header: Header::new(kind::SESSION_DOWN, 1, 0),
            member: self.member(),
            session: self.session(),
            scope: self.rng.pick(DisconnectScope::ALL).code(),
            request: self.request(),
            ..SessionDown::default()
        })
    }

    fn dead_man(&mut self) -> Command {
        Command::new(&DeadMan {
            header: Header::new(kind::DEAD_MAN, 1, 0),
            member: self.member(),
            timeout_ms: self.rng.pick(&[0, 1, 50, 1_000, DEAD_MAN_MAX_MS, DEAD_MAN_MAX_MS + 1]),
            request: self.request(),
            ..DeadMan::default()
        })
    }

    fn kill_switch(&mut self, member: u32, active: u32) -> Command {
        if active == 1 {
            self.killed.insert(member);
        }
        let header = Header::new(kind::KILL_SWITCH, 1, 0);
        let request = self.request();
        Command::new(&KillSwitch { header, member, active, request, ..KillSwitch::default() })
    }

    /// Flips a few bits. An order id keeps its slot, which only one of two matchers looks at.
    fn spoil(&mut self, command: Command) -> Command {
        let mut bytes: Vec<u8> = bytemuck::cast_slice(command.cells()).to_vec();
        for _ in 0..self.rng.between(1, 3) {
            // Half of the flips hit the header and the small fields.
            let end = if self.rng.percent(50) { 8 } else { bytes.len() as u64 };
            let index = self.rng.below(end) as usize;
            bytes[index] ^= 1 << self.rng.below(8);
        }
        let cells: &[[u8; 64]] = bytemuck::cast_slice(&bytes);
        let cells: Vec<wire::record::Cell> =
            cells.iter().map(|cell| bytemuck::pod_read_unaligned(cell)).collect();
        let spoiled = Command::from_cells(&cells);
        let target = match spoiled.header().kind {
            kind::CANCEL | kind::AMEND => spoiled.view::<Cancel>().target,
            kind::CANCEL_NEW => spoiled.view::<wire::command::CancelNew>().target,
            _ => 0,
        };
        let same_serial = target >> SLOT_BITS << SLOT_BITS;
        let mut namesakes = self.live.range(same_serial..=same_serial | ((1 << SLOT_BITS) - 1));
        if namesakes.any(|(id, _)| *id != target) { command } else { spoiled }
    }
}
