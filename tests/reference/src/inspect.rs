//! What a judge may ask a matcher, and the invariants it must keep.

use crate::Reference;
use crate::state::{Order, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use wire::codes::{MarketState, Side};

/// A live order as a judge sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// Its id in events, without slot bits.
    pub order_id: u64,
    /// Its serial.
    pub serial: u64,
    /// Its owner.
    pub member: u32,
    /// Its side.
    pub side: Side,
    /// Its limit price, 0 without one.
    pub price: u64,
    /// Lots shown.
    pub open: u64,
    /// Lots left, shown and hidden.
    pub leaves: u64,
    /// Money held for it.
    pub held: i128,
    /// Where it is.
    pub place: Place,
}

/// A price and the lots shown at it.
pub type Level = (u64, u128);

impl Reference {
    /// Available, held, and the part of held that withdrawals hold.
    #[must_use]
    pub fn balance(&self, member: u32, currency: u16) -> (i128, i128, i128) {
        let account = self.account(member, currency);
        (account.available, account.held, account.withdraw_held)
    }

    /// Best bid and best ask with the lots shown there.
    #[must_use]
    pub fn best(&self, market: u16) -> (Option<Level>, Option<Level>) {
        let best = |side| {
            let (price, queue) = self.markets.get(&market)?.levels(side).next()?;
            Some((price, queue.iter().map(|serial| u128::from(self.order(*serial).open)).sum()))
        };
        (best(Side::Buy), best(Side::Sell))
    }

    /// The live orders of a market in order of entry.
    pub fn orders(&self, market: u16) -> impl Iterator<Item = OrderView> {
        self.orders.values().filter(move |order| order.terms.market == market).map(view)
    }

    /// The state of a market.
    #[must_use]
    pub fn market_state(&self, market: u16) -> Option<MarketState> {
        self.markets.get(&market).map(|market| market.state)
    }

    /// The price of a market's last trade.
    #[must_use]
    pub fn last_price(&self, market: u16) -> Option<u64> {
        self.markets.get(&market)?.last
    }

    /// All business state as bytes: equal if and only if the states are. Without the clock and the
    /// last operation numbers.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Bytes(Vec::new());
        self.write_state(&mut bytes);
        bytes.0
    }

    /// A hash of what [`Reference::canonical`] says.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.write_state(&mut hasher);
        hasher.finish()
    }

    fn write_state(&self, to: &mut impl Hasher) {
        self.currencies.hash(to);
        self.members.hash(to);
        self.accounts.hash(to);
        self.markets.hash(to);
        self.fees.hash(to);
        self.orders.hash(to);
        self.last_serial.hash(to);
        self.lists.hash(to);
        self.timers.hash(to);
        self.works.hash(to);
    }

    /// Checks everything that must hold between two commands.
    ///
    /// # Errors
    /// What is broken first, in words.
    pub fn invariants(&self) -> Result<(), String> {
        self.balances_are_not_negative()?;
        self.supply_is_conserved()?;
        self.holds_are_explained()?;
        self.books_are_not_crossed()?;
        self.orders_add_up()?;
        self.orders_are_in_their_places()
    }

    /// I1.
    fn balances_are_not_negative(&self) -> Result<(), String> {
        for (key, account) in &self.accounts {
            let rest = account.held - account.withdraw_held;
            if account.available < 0 || account.withdraw_held < 0 || rest < 0 {
                return Err(format!("I1: account {key:?} is {account:?}"));
            }
        }
        Ok(())
    }

    /// I2.
    fn supply_is_conserved(&self) -> Result<(), String> {
        let mut sums: BTreeMap<u16, i128> = BTreeMap::new();
        for ((_, currency), account) in &self.accounts {
            *sums.entry(*currency).or_default() += account.available + account.held;
        }
        for (id, currency) in &self.currencies {
            let sum = sums.get(id).copied().unwrap_or(0);
            if sum != currency.supply {
                return Err(format!("I2: currency {id} adds up to {sum}, not {}", currency.supply));
            }
        }
        Ok(())
    }

    /// I3.
    fn holds_are_explained(&self) -> Result<(), String> {
        let mut holds: BTreeMap<(u32, u16), i128> = BTreeMap::new();
        for order in self.orders.values() {
            if order.held < 0 {
                return Err(format!("I3: order {} holds {}", order.serial, order.held));
            }
            let currency = self.market(order.terms.market).parameters.pays(order.terms.side);
            *holds.entry((order.terms.member, currency)).or_default() += order.held;
        }
        for (key, account) in &self.accounts {
            let orders = holds.remove(key).unwrap_or(0);
            if orders + account.withdraw_held != account.held {
                return Err(format!("I3: orders hold {orders} of account {key:?} {account:?}"));
            }
        }
        match holds.into_iter().find(|(_, held)| *held != 0) {
            Some((key, held)) => Err(format!("I3: orders hold {held} of absent account {key:?}")),
            None => Ok(()),
        }
    }

    /// I4.
    fn books_are_not_crossed(&self) -> Result<(), String> {
        for (id, market) in &self.markets {
            let matches = matches!(market.state, MarketState::Continuous | MarketState::PostOnly);
            if matches && market.uncross.is_none() && market.is_crossed() {
                return Err(format!("I4: the book of market {id} is crossed"));
            }
        }
        Ok(())
    }

    /// I6: quantity = filled + leaves + prevented, and no more is shown than is left.
    fn orders_add_up(&self) -> Result<(), String> {
        for order in self.orders.values() {
            let gone = u128::from(order.filled) + u128::from(order.prevented);
            let rests = order.place == Place::Resting;
            if u128::from(order.terms.quantity) < gone
                || order.open > order.leaves()
                || rests != (order.open > 0)
                || order.leaves() == 0
            {
                return Err(format!("I6: {order:?}"));
            }
        }
        Ok(())
    }

    /// Every live order is in exactly one place, its member, its list and its timer know it, and
    /// nobody knows an order that is gone.
    fn orders_are_in_their_places(&self) -> Result<(), String> {
        let mut placed: BTreeMap<u64, Place> = BTreeMap::new();
        for market in self.markets.values() {
            let flat = |queues: &BTreeMap<u64, Vec<u64>>| -> Vec<u64> {
                queues.values().flatten().copied().collect()
            };
            placed.extend(flat(&market.bids).into_iter().map(|serial| (serial, Place::Resting)));
            placed.extend(flat(&market.asks).into_iter().map(|serial| (serial, Place::Resting)));
            placed.extend(flat(&market.upward).into_iter().map(|serial| (serial, Place::Waiting)));
            placed
                .extend(flat(&market.downward).into_iter().map(|serial| (serial, Place::Waiting)));
            placed.extend(market.trailing.iter().map(|serial| (*serial, Place::Waiting)));
            placed.extend(market.marked.iter().map(|serial| (*serial, Place::Marked)));
            placed.extend(market.queue.iter().map(|serial| (*serial, Place::Queued)));
        }
        let mut known = BTreeSet::new();
        for (id, list) in &self.lists {
            let live = list.legs.iter().filter_map(|leg| self.orders.get(leg));
            known.extend(live.filter(|order| order.list == Some(*id)).map(|order| order.serial));
        }
        for order in self.orders.values() {
            let place = placed.remove(&order.serial).unwrap_or(Place::Pending);
            let owner = &self.members[&order.terms.member];
            let timer = order.deadline.map(|deadline| (deadline, 0, order.serial));
            if place != order.place
                || !owner.orders.contains(&order.serial)
                || known.contains(&order.serial) != order.list.is_some()
                || timer.is_some_and(|timer| !self.timers.contains(&timer))
            {
                return Err(format!("an order is not where it should be: {order:?}"));
            }
        }
        let members: usize = self.members.values().map(|member| member.orders.len()).sum();
        let timers = self.orders.values().filter(|order| order.deadline.is_some()).count()
            + self.members.values().filter(|member| member.dead_man.is_some()).count();
        if !placed.is_empty() || members != self.orders.len() || timers != self.timers.len() {
            return Err(format!("orders are known that are gone: {placed:?}"));
        }
        Ok(())
    }
}

fn view(order: &Order) -> OrderView {
    OrderView {
        order_id: order.id(),
        serial: order.serial,
        member: order.terms.member,
        side: order.terms.side,
        price: order.terms.price,
        open: order.open,
        leaves: order.leaves(),
        held: order.held,
        place: order.place,
    }
}

/// A hasher that keeps what it is fed.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
