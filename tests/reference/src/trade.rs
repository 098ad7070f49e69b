//! A trade: section 5.

use crate::Reference;
use wire::codes::Side;
use wire::command::profile;
use wire::event::{Trade, trade_flag};
use wire::units::{Amount, fee_ceil};

impl Reference {
    /// `taker` meets `resting` in continuous trading.
    pub(crate) fn trade(&mut self, resting: u64, taker: u64, price: u64, lots: u64) {
        let by_id = self.market_of(taker).parameters.has(profile::MAKER_BY_ID);
        let resting_id = self.order(resting).terms.client_order_id;
        let taker_id = self.order(taker).terms.client_order_id;
        let roles_swap = by_id && resting_id != 0 && taker_id != 0 && taker_id < resting_id;
        if roles_swap {
            self.settle_trade(taker, resting, price, lots, resting, trade_flag::ROLES_SWAPPED);
        } else {
            self.settle_trade(resting, taker, price, lots, resting, 0);
        }
    }

    /// Two heads of the book meet in an uncross; the later one takes.
    pub(crate) fn uncross_trade(&mut self, bid: u64, ask: u64, price: u64, lots: u64) {
        let (maker, taker) = (bid.min(ask), bid.max(ask));
        self.settle_trade(maker, taker, price, lots, maker, trade_flag::UNCROSS);
    }

    /// Settles a trade between the orders in these roles. `rested` is the one that `resting_lots`
    /// of the event is about.
    fn settle_trade(
        &mut self,
        maker: u64,
        taker: u64,
        price: u64,
        lots: u64,
        rested: u64,
        mut flags: u8,
    ) {
        let parameters = self.market_of(taker).parameters.clone();
        let (base, quote) = (parameters.base(lots), parameters.quote(price, lots));
        let taker_side = self.order(taker).terms.side;
        let (maker_income, taker_income) = match taker_side {
            Side::Buy => (quote, base),
            Side::Sell => (base, quote),
        };
        let maker_fee = fee_ceil(maker_income, self.order(maker).rates.maker_ppm);
        let taker_fee = fee_ceil(taker_income, self.order(taker).rates.taker_ppm);
        let (buyer, seller, buyer_fee, seller_fee) = match taker_side {
            Side::Buy => (taker, maker, taker_fee, maker_fee),
            Side::Sell => (maker, taker, maker_fee, taker_fee),
        };

        let buyer_member = self.order(buyer).terms.member;
        let seller_member = self.order(seller).terms.member;
        self.pay(buyer_member, seller_member, parameters.quote, quote, seller_fee);
        self.pay(seller_member, buyer_member, parameters.base, base, buyer_fee);
        self.order_mut(buyer).held -= quote;
        self.order_mut(seller).held -= base;
        self.order_mut(seller).received += quote;
        for serial in [buyer, seller] {
            let order = self.order_mut(serial);
            order.filled += lots;
            // A taker shows nothing.
            order.open = order.open.saturating_sub(lots);
        }
        let buyer_released = self.release_improvement(buyer, price, lots);

        let market = self.market_mut(self.order(taker).terms.market);
        market.last = Some(price);
        market.trades += 1;
        let trade_id = market.trades;

        if self.order(maker).is_filled() {
            flags |= trade_flag::MAKER_FILLED;
        }
        if self.order(taker).is_filled() {
            flags |= trade_flag::TAKER_FILLED;
        }
        self.emit_about(
            self.order(taker).terms.market,
            Trade {
                trade_id,
                maker_order_id: self.order(maker).id(),
                taker_order_id: self.order(taker).id(),
                price_ticks: price,
                quantity_lots: lots,
                resting_lots: self.order(rested).leaves(),
                maker_fee: Amount::new(maker_fee),
                taker_fee: Amount::new(taker_fee),
                buyer_released: Amount::new(buyer_released),
                maker_member: self.order(maker).terms.member,
                taker_member: self.order(taker).terms.member,
                taker_side: taker_side.code(),
                flags,
                ..Trade::default()
            },
        );
    }

    /// A buy with a price held its own price for these lots; the difference comes back at once,
    /// unless the market holds improvement until the order ends.
    fn release_improvement(&mut self, buyer: u64, price: u64, lots: u64) -> i128 {
        let order = self.order(buyer);
        let parameters = &self.market_of(buyer).parameters;
        if !order.terms.order_type.has_price() || order.keeps_improvement {
            return 0;
        }
        let improvement = parameters.quote(order.terms.price - price, lots);
        self.set_hold(buyer, order.held - improvement)
    }
}
