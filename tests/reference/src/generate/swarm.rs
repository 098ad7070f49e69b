//! What a stream is made of: a random half of everything, so that rare mixtures occur.

use super::rng::Rng;
use crate::Config;
use std::collections::BTreeSet;
use wire::limits::{AMOUNT_MAX, PRICE_MAX};

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A switch of a stream.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Feature { $($(#[$doc])* $name,)+ }

        impl Feature {
            /// Every switch.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

features! {
    /// Market orders.
    Market,
    /// Market orders by quote amount.
    MarketQuote,
    /// Stops.
    Stop,
    /// Stop-limit orders.
    StopLimit,
    /// Take-profits.
    TakeProfit,
    /// Take-profit-limit orders.
    TakeProfitLimit,
    /// Trailing stops.
    Trailing,
    /// Immediate or cancel.
    Ioc,
    /// Fill or kill.
    Fok,
    /// Good till a time.
    Gtd,
    /// Good till midnight.
    Day,
    /// Post-only.
    PostOnly,
    /// Icebergs.
    Iceberg,
    /// Self-trade mode cancel-oldest.
    SelfTradeOldest,
    /// Self-trade mode cancel-both.
    SelfTradeBoth,
    /// Self-trade mode decrement.
    SelfTradeDecrement,
    /// Self-trade mode allow.
    SelfTradeAllow,
    /// Members that share a self-trade group.
    SelfTradeGroups,
    /// One cancels the other.
    Oco,
    /// One triggers the other.
    Oto,
    /// One triggers an OCO.
    Otoco,
    /// Amends of the price.
    AmendPrice,
    /// Amends of the quantity.
    AmendQuantity,
    /// Amends of display, expiry, name and stop price.
    AmendOther,
    /// Cancel-and-new.
    CancelNew,
    /// Mass cancels.
    MassCancel,
    /// Sessions that go down.
    Disconnect,
    /// Dead-man timers.
    DeadMan,
    /// Kill switches.
    KillSwitch,
    /// Bands.
    Band,
    /// Market states and auctions.
    States,
    /// Markets are delisted and replaced.
    Delisting,
    /// Market profiles of random bits.
    Profiles,
    /// Market parameters that change while orders rest.
    MarketChanges,
    /// Fees.
    Fees,
    /// Fee rows and members that change while orders rest.
    FeeChanges,
    /// Withdrawals, transfers, adjustments.
    Funds,
    /// Members with little money.
    Poor,
    /// Little room for orders.
    SmallPool,
    /// Little room for lists.
    FewLists,
    /// Little room for accounts.
    FewAccounts,
    /// Members with few live orders allowed.
    OrderLimits,
    /// Small sweep limits.
    SmallSweep,
    /// Random bytes in some commands.
    Garbage,
    /// Operation numbers that come again.
    Repeats,
    /// Hours pass between commands, and clocks go back.
    TimeJumps,
    /// Many orders that stay, so that works and collections take several turns.
    Crowd,
    /// Units of more than one.
    Units,
}

/// Where prices lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prices {
    /// A handful of prices: everything crosses.
    Tight,
    /// Some hundreds of prices.
    Medium,
    /// Any power of ten between 1 and the largest price.
    Wide,
    /// At the upper edge of what a price may be.
    High,
}

/// What one stream is made of.
#[derive(Clone, Debug)]
pub struct Swarm {
    /// The seed it came from.
    pub seed: u64,
    /// The switches that are on.
    pub features: BTreeSet<Feature>,
    /// Where prices lie.
    pub prices: Prices,
    /// Members besides the house.
    pub members: u32,
    /// Markets.
    pub markets: u16,
    /// Currencies; the markets share them.
    pub currencies: u16,
    /// Largest quantity of an order.
    pub quantity_max: u64,
    /// Units of a lot.
    pub lot_units: i128,
    /// Units of a tick on a lot.
    pub tick_units: i128,
}

impl Swarm {
    /// The swarm of a seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let rng = &mut Rng::new(seed ^ 0x5eed_5eed_5eed_5eed);
        // A few switches are worth more when they are rare.
        let rare = [
            Feature::Crowd,
            Feature::Poor,
            Feature::SmallPool,
            Feature::FewAccounts,
            Feature::FewLists,
            Feature::SmallSweep,
            Feature::MarketChanges,
            Feature::Profiles,
        ];
        let features: BTreeSet<Feature> = Feature::ALL
            .iter()
            .copied()
            .filter(|feature| rng.percent(if rare.contains(feature) { 25 } else { 50 }))
            .collect();
        let prices =
            rng.pick(&[Prices::Tight, Prices::Tight, Prices::Medium, Prices::Wide, Prices::High]);
        let units: &[i128] = if features.contains(&Feature::Units) && prices != Prices::High {
            &[1, 3, 10, 1_000, 1_000_000_007]
        } else {
            &[1]
        };
        let markets = rng.pick(&[1, 1, 2, 3]);
        Self {
            seed,
            prices,
            members: rng.pick(&[2, 3, 4, 8]),
            markets,
            currencies: rng.between(2, u64::from(markets) + 1) as u16,
            quantity_max: rng.pick(&[3, 10, 1_000, 1 << 20]),
            lot_units: rng.pick(units),
            tick_units: rng.pick(units),
            features,
        }
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// The capacities of the matcher this stream is for.
    #[must_use]
    pub fn config(&self) -> Config {
        let accounts = (self.members + 1) * u32::from(self.currencies);
        let has = |feature, yes, no| if self.has(feature) { yes } else { no };
        Config {
            orders: has(Feature::SmallPool, 12, has(Feature::Crowd, 20_000, 4_000)),
            members: self.members,
            accounts: has(Feature::FewAccounts, accounts - 2, accounts + 8),
            lists: has(Feature::FewLists, 3, 500),
            ladder_ticks: 8192 * (u64::from(self.markets) + 2),
        }
    }

    /// Lowest price, usual price and half the usual width of the book.
    #[must_use]
    pub fn price_range(&self) -> (u64, u64, u64) {
        match self.prices {
            Prices::Tight => (1, 20, 4),
            Prices::Medium => (1, 10_000, 150),
            Prices::Wide => (1, 1 << 31, 1 << 30),
            Prices::High => (1, PRICE_MAX - 20, 12),
        }
    }

    /// What a member gets at first, in lots and in quote units.
    #[must_use]
    pub fn purse(&self) -> (i128, i128) {
        let orders = if self.has(Feature::Poor) { 3 } else { 200 };
        let (_, price, _) = self.price_range();
        let base = i128::from(self.quantity_max) * self.lot_units;
        let quote = base.saturating_mul(i128::from(price)) / self.lot_units * self.tick_units;
        let wide = if self.prices == Prices::Wide { 1 << 25 } else { 1 };
        (
            base.saturating_mul(orders).min(AMOUNT_MAX),
            quote.saturating_mul(orders * wide).min(AMOUNT_MAX),
        )
    }
}
