//! Queues of orders by price: the book and the trigger book.

use crate::Reference;
use crate::state::{Market, Order, Place, Queues};
use wire::codes::{OrderType, Side};

impl Market {
    /// The resting orders of a side.
    pub(crate) fn side(&self, side: Side) -> &Queues {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut Queues {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The best price of a side, and the order that is first there.
    pub(crate) fn head(&self, side: Side) -> Option<(u64, u64)> {
        let (price, queue) = match side {
            Side::Buy => self.bids.last_key_value()?,
            Side::Sell => self.asks.first_key_value()?,
        };
        Some((*price, queue[0]))
    }

    /// The best price of a side.
    pub(crate) fn best(&self, side: Side) -> Option<u64> {
        self.head(side).map(|(price, _)| price)
    }

    /// The prices of a side with their queues, best first.
    pub(crate) fn levels(&self, side: Side) -> Box<dyn Iterator<Item = (u64, &Vec<u64>)> + '_> {
        let levels = self.side(side).iter().map(|(price, queue)| (*price, queue));
        match side {
            Side::Buy => Box::new(levels.rev()),
            Side::Sell => Box::new(levels),
        }
    }

    /// Whether the best bid meets the best ask.
    pub(crate) fn is_crossed(&self) -> bool {
        match (self.best(Side::Buy), self.best(Side::Sell)) {
            (Some(bid), Some(ask)) => bid >= ask,
            _ => false,
        }
    }

    /// Whether an order of this side at this price would meet the other side's best.
    pub(crate) fn meets(&self, side: Side, price: u64) -> bool {
        self.best(side.opposite()).is_some_and(|best| !is_worse(side, best, price))
    }
}

/// Whether `price` is worse than `limit` for somebody on this side.
pub(crate) fn is_worse(side: Side, price: u64, limit: u64) -> bool {
    match side {
        Side::Buy => price > limit,
        Side::Sell => price < limit,
    }
}

fn push(queues: &mut Queues, price: u64, serial: u64) {
    queues.entry(price).or_default().push(serial);
}

fn remove(queues: &mut Queues, price: u64, serial: u64) {
    let queue = queues.get_mut(&price).expect("the order's price has a queue");
    let index = queue.iter().position(|other| *other == serial);
    queue.remove(index.expect("the order is in its queue"));
    if queue.is_empty() {
        queues.remove(&price);
    }
}

impl Reference {
    pub(crate) fn order(&self, serial: u64) -> &Order {
        &self.orders[&serial]
    }

    pub(crate) fn order_mut(&mut self, serial: u64) -> &mut Order {
        self.orders.get_mut(&serial).expect("the order is live")
    }

    pub(crate) fn market(&self, market: u16) -> &Market {
        &self.markets[&market]
    }

    pub(crate) fn market_mut(&mut self, market: u16) -> &mut Market {
        self.markets.get_mut(&market).expect("the market exists")
    }

    /// The market an order is in.
    pub(crate) fn market_of(&self, serial: u64) -> &Market {
        self.market(self.order(serial).terms.market)
    }

    /// Puts an order at the back of its price's queue in the book, showing its slice.
    pub(crate) fn rest(&mut self, serial: u64) {
        let order = self.order_mut(serial);
        order.place = Place::Resting;
        order.open = order.slice();
        let (market, side, price) = (order.terms.market, order.terms.side, order.terms.price);
        push(self.market_mut(market).side_mut(side), price, serial);
    }

    /// Puts an order at the back of its stop price's queue in the trigger book.
    pub(crate) fn await_trigger(&mut self, serial: u64) {
        let order = self.order_mut(serial);
        order.place = Place::Waiting;
        let terms = order.terms.clone();
        let market = self.market_mut(terms.market);
        if terms.order_type == OrderType::TrailingStop {
            market.trailing.insert(serial);
        } else if terms.triggers_upward() {
            push(&mut market.upward, terms.stop_price, serial);
        } else {
            push(&mut market.downward, terms.stop_price, serial);
        }
    }

    /// Takes an order out of wherever it is. It is then moving.
    pub(crate) fn take_out(&mut self, serial: u64) {
        let order = self.order_mut(serial);
        let place = order.place;
        order.place = Place::Moving;
        order.open = 0;
        let terms = order.terms.clone();
        let market = self.market_mut(terms.market);
        match place {
            Place::Moving | Place::Pending => {}
            Place::Resting => remove(market.side_mut(terms.side), terms.price, serial),
            Place::Waiting if terms.order_type == OrderType::TrailingStop => {
                market.trailing.remove(&serial);
            }
            Place::Waiting if terms.triggers_upward() => {
                remove(&mut market.upward, terms.stop_price, serial);
            }
            Place::Waiting => remove(&mut market.downward, terms.stop_price, serial),
            Place::Marked => market.marked.retain(|other| *other != serial),
            Place::Queued => market.queue.retain(|other| *other != serial),
        }
    }
}
