//! Market states and the uncross: section 11.

use crate::Reference;
use crate::decode::Refusal;
use crate::entry::{ensure, middle};
use crate::state::{Market, Queues};
use crate::triggers::Turn;
use std::collections::BTreeSet;
use wire::codes::{DoneReason, MarketState, Side};
use wire::command::MarketStateSet;
use wire::event::{MarketChanged, Uncrossed};
use wire::limits::WORK_PER_TURN;
use wire::reason::RejectReason;
use wire::units::Amount;

/// What would trade at a price.
struct Auction {
    price: u64,
    volume: u128,
    surplus: u128,
}

impl Reference {
    pub(crate) fn market_state_set(
        &mut self,
        message: &MarketStateSet,
        state: MarketState,
    ) -> Result<(), Refusal> {
        let id = message.header.market;
        self.check_market(id)?;
        let market = self.market(id);
        let previous = market.state;
        let may_go =
            previous != state && previous != MarketState::Delisted && market.uncross.is_none();
        ensure(may_go, RejectReason::MarketTransition)?;
        if state == MarketState::Delisted {
            self.check_works()?;
        }
        self.market_mut(id).state = state;
        self.emit(MarketChanged {
            operation: message.operation,
            state: state.code(),
            previous: previous.code(),
            command: message.header.kind,
            ..MarketChanged::default()
        });
        let trades = matches!(state, MarketState::Continuous | MarketState::PostOnly);
        if state == MarketState::Delisted {
            self.start_delisting(id);
        } else if trades && self.market(id).is_crossed() {
            self.begin_uncross(id);
            self.turn_of_uncross(id);
        }
        Ok(())
    }

    /// Finds the price for the book as it stands.
    fn begin_uncross(&mut self, id: u16) {
        let auction = self.auction(self.market(id));
        self.market_mut(id).uncross = Some(auction.price);
        self.emit_about(
            id,
            Uncrossed {
                price_ticks: auction.price,
                volume_lots: Amount::new(auction.volume.cast_signed()),
                surplus_lots: Amount::new(auction.surplus.cast_signed()),
                ..Uncrossed::default()
            },
        );
    }

    /// The price with the largest volume, then the smallest surplus, then closest to the reference,
    /// then lowest. Demand and supply only change at order prices, so the best price is one of
    /// those, a neighbour of one, or the reference moved inside the cross.
    fn auction(&self, market: &Market) -> Auction {
        let bid = market.best(Side::Buy).expect("the book is crossed");
        let ask = market.best(Side::Sell).expect("the book is crossed");
        let reference =
            market.last.or(market.reference_ticks()).unwrap_or_else(|| middle(ask, bid));
        let mut prices = BTreeSet::from([reference.clamp(ask, bid)]);
        for queues in [&market.bids, &market.asks] {
            for price in queues.range(ask..=bid).map(|(price, _)| *price) {
                prices.extend([price - 1, price, price + 1]);
            }
        }
        prices
            .range(ask..=bid)
            .map(|price| self.auction_at(market, *price))
            .min_by_key(|auction| {
                let distance = auction.price.abs_diff(reference);
                (u128::MAX - auction.volume, auction.surplus, distance, auction.price)
            })
            .expect("the reference is a candidate")
    }

    fn auction_at(&self, market: &Market, price: u64) -> Auction {
        let leaves = |queues: &mut dyn Iterator<Item = &Vec<u64>>| -> u128 {
            queues.flatten().map(|serial| u128::from(self.order(*serial).leaves())).sum()
        };
        let Market { bids, asks, .. } = market;
        let demand = leaves(&mut Queues::range(bids, price..).map(|(_, queue)| queue));
        let supply = leaves(&mut Queues::range(asks, ..=price).map(|(_, queue)| queue));
        Auction { price, volume: demand.min(supply), surplus: demand.abs_diff(supply) }
    }

    /// One turn: steps at the price, then at a new one if the book is still crossed.
    pub(crate) fn turn_of_uncross(&mut self, id: u16) {
        let mut steps_left = WORK_PER_TURN;
        loop {
            self.steps_of_uncross(id, &mut steps_left);
            let is_crossed = self.market(id).is_crossed();
            if is_crossed && steps_left == 0 {
                return;
            }
            if !is_crossed {
                break;
            }
            self.begin_uncross(id);
        }
        self.market_mut(id).uncross = None;
        self.collect_and_release(&mut Turn::of(id));
    }

    /// Steps at the uncross price while the heads meet at it; their trades are one run.
    fn steps_of_uncross(&mut self, id: u16, steps_left: &mut u32) {
        let price = self.market(id).uncross.expect("an uncross is unfinished");
        let trades_before = self.market(id).trades;
        while *steps_left > 0
            && let Some((bid_price, bid)) = self.market(id).head(Side::Buy)
            && let Some((ask_price, ask)) = self.market(id).head(Side::Sell)
            && bid_price >= price
            && price >= ask_price
        {
            *steps_left -= 1;
            if self.must_not_meet(&self.order(bid).terms, ask) {
                self.done(bid.max(ask), DoneReason::SelfTrade);
                continue;
            }
            let lots = self.order(bid).open.min(self.order(ask).open);
            self.sibling_is_done(bid);
            self.sibling_is_done(ask);
            self.uncross_trade(bid, ask, price, lots);
            self.after_trade(bid);
            self.after_trade(ask);
        }
        if self.market(id).trades > trades_before {
            self.mark(id, price, price);
        }
    }
}
