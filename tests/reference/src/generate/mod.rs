//! Seeded random streams of commands.
//!
//! A generator knows nothing of how a matcher works. It knows what it sent and learns from the
//! events of whoever it drives: which orders live, what their ids are, what state markets are in.
//! The same seed and the same events give the same stream.

mod orders;
mod rng;
mod settings;
mod swarm;

pub use rng::Rng;
pub use swarm::{Feature, Prices, Swarm};

use crate::Config;
use crate::events::Event;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::codes::{DisconnectScope, MarketState, OrderType, Side, SideFilter, TimeInForce};
use wire::command::{
    Cancel, Command, DeadMan, KillSwitch, MarketSet, MassCancel, SessionDown, Tick, flag, kind,
};
use wire::event::{Rejected, trade_flag};
use wire::limits::{DEAD_MAN_MAX_MS, SLOT_BITS};
use wire::reason::RejectReason;
use wire::record::Header;

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
    #[expect(clippy::should_implement_trait, reason = "it never ends and is not iterated")]
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
            RejectReason::PoolFull | RejectReason::TooManyOrders | RejectReason::ListsFull
                if self.rng.percent(60) =>
            {
                let command = self.cancel();
                self.plan.push_back(command);
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

    fn market(&mut self) -> KnownMarket {
        let index = self.rng.below(self.markets.len() as u64) as usize;
        self.markets[index].clone()
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
