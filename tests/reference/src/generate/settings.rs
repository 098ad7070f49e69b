//! Settings and money of a stream.

use super::{Feature, Generator, KnownMarket};
use wire::codes::MarketState;
use wire::command::{
    Command, CurrencySet, FeeSet, Funds, MarketSet, MarketStateSet, MemberSet, kind, profile,
};
use wire::limits::{GROUPS_MAX, PRICE_MAX, RATE_MAX_PPM};
use wire::record::Header;
use wire::units::Amount;

impl Generator {
    /// Currencies, members, markets, fees and the first money.
    pub(super) fn plan_setup(&mut self) {
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

    pub(super) fn member_set(&mut self, member: u32) -> Command {
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

    pub(super) fn fee_set(&mut self, market: u16) -> Command {
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

    pub(super) fn fee_rate(&mut self) -> u32 {
        let is_odd = !self.is_setting_up && self.rng.below(20) == 0;
        if is_odd { RATE_MAX_PPM + 1 } else { self.rng.pick(&[0, 2_000, 250_000, RATE_MAX_PPM]) }
    }

    /// A fee group; rarely one there is not.
    pub(super) fn fee_group(&mut self) -> u16 {
        let is_odd = !self.is_setting_up && self.rng.below(20) == 0;
        if is_odd { GROUPS_MAX } else { self.rng.below(3) as u16 }
    }

    /// A known currency again; sometimes it may not be like that.
    pub(super) fn currency_set(&mut self) -> Command {
        let mut header = Header::new(kind::CURRENCY_SET, 1, 0);
        let operation = self.numbered(&mut header);
        let currency = self.rng.below(u64::from(self.swarm.currencies) + 1) as u16;
        let scale = self.rng.pick(&[8, 8, 7, 19]);
        Command::new(&CurrencySet { header, operation, currency, scale, ..CurrencySet::default() })
    }

    pub(super) fn settings_change(&mut self) -> Command {
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

    pub(super) fn market_create(&mut self) -> Command {
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
    pub(super) fn vary(&mut self, mut set: MarketSet) -> MarketSet {
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
    pub(super) fn market_change(&mut self) -> Command {
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

    pub(super) fn state_change(&mut self) -> Command {
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
    pub(super) fn may_delist(&self) -> bool {
        self.last_market < self.swarm.markets + 2
    }

    pub(super) fn delist(&mut self) -> Command {
        let market = self.market().id;
        self.market_state(market, MarketState::Delisted)
    }

    pub(super) fn market_state(&mut self, market: u16, state: MarketState) -> Command {
        let mut header = Header::new(kind::MARKET_STATE, 1, market);
        let operation = self.numbered(&mut header);
        let state = state.code();
        Command::new(&MarketStateSet { header, operation, state, ..MarketStateSet::default() })
    }

    pub(super) fn funds(&mut self, kind: u8, member: u32, currency: u16, amount: i128) -> Command {
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

    pub(super) fn random_funds(&mut self) -> Command {
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
}
