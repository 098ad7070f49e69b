//! A third set of books, kept from commands and events alone.
//!
//! It knows what a trade must do to four accounts, what a hold is, and what a limit means, but not
//! how orders meet. What it finds wrong is wrong in both machines, or in the text.

use crate::events::Event;
use std::collections::{BTreeMap, BTreeSet};
use wire::codes::{MarketState, OrderType, Side};
use wire::command::{CancelNew, Command, Funds, MarketSet, NewList, NewOrder, flag, kind, profile};
use wire::event::{Accepted, Done, Restated, Trade, trade_flag};
use wire::limits::{MEMBER_HOUSE, SLOT_BITS};
use wire::units::fee_ceil;

/// The books.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    accounts: BTreeMap<(u32, u16), (i128, i128)>,
    markets: BTreeMap<u16, AuditedMarket>,
    orders: BTreeMap<u64, AuditedOrder>,
    /// Accounts that the command of now has touched.
    touched: BTreeSet<(u32, u16)>,
}

#[derive(Clone, Debug)]
struct AuditedMarket {
    set: MarketSet,
    state: MarketState,
    trades: u64,
}

#[derive(Clone, Copy, Debug)]
struct AuditedOrder {
    member: u32,
    market: u16,
    side: Side,
    order_type: OrderType,
    price: u64,
    post_only: bool,
    maker_ppm: u32,
    taker_ppm: u32,
    filled: u64,
}

/// What a command asked for, as far as the audit cares.
struct Asked {
    side: u8,
    order_type: u8,
    price: u64,
    flags: u8,
}

impl Audit {
    /// Available and held, from the events.
    #[must_use]
    pub fn account(&self, member: u32, currency: u16) -> (i128, i128) {
        self.accounts.get(&(member, currency)).copied().unwrap_or_default()
    }

    /// The accounts there has been something on.
    #[must_use]
    pub fn accounts(&self) -> Vec<(u32, u16)> {
        self.accounts.keys().copied().collect()
    }

    /// Takes in a command and its events. Returns the accounts they touched.
    ///
    /// # Errors
    /// What cannot be right.
    pub fn take_in(
        &mut self,
        command: &Command,
        events: &[Event],
    ) -> Result<BTreeSet<(u32, u16)>, String> {
        if let [Event::Balance(..), ..] = events {
            self.take_in_funds(command.view::<Funds>(), events)?;
        }
        let mut asked = asked(command).into_iter();
        for event in events {
            match event {
                Event::Accepted(accepted) => {
                    let asked = asked.next().ok_or("more orders were accepted than asked for")?;
                    self.take_in_accepted(accepted, &asked)?;
                }
                Event::Trade(trade) => self.take_in_trade(trade)?,
                Event::Done(done) => self.take_in_done(done)?,
                Event::Restated(restated) => self.take_in_restated(restated)?,
                Event::MarketChanged(changed) => {
                    let state = MarketState::decode(changed.state).ok_or("an unknown state")?;
                    let id = changed.header.market;
                    let known = self.markets.get(&id);
                    let set = match command.header().kind {
                        kind::MARKET_SET => *command.view::<MarketSet>(),
                        _ => known.ok_or("an unknown market changed")?.set,
                    };
                    let trades = known.map_or(0, |market| market.trades);
                    self.markets.insert(id, AuditedMarket { set, state, trades });
                }
                _ => {}
            }
        }
        Ok(core::mem::take(&mut self.touched))
    }

    fn touch(&mut self, member: u32, currency: u16) -> &mut (i128, i128) {
        self.touched.insert((member, currency));
        self.accounts.entry((member, currency)).or_default()
    }

    /// Moves money from held to available.
    fn release(&mut self, member: u32, currency: u16, amount: i128) {
        if amount != 0 {
            let account = self.touch(member, currency);
            account.0 += amount;
            account.1 -= amount;
        }
    }

    fn take_in_funds(&mut self, message: &Funds, events: &[Event]) -> Result<(), String> {
        let amount = message.amount.get();
        let account = self.touch(message.member, message.currency);
        match message.header.kind {
            kind::DEPOSIT | kind::ADJUST => account.0 += amount,
            kind::WITHDRAW_HOLD => *account = (account.0 - amount, account.1 + amount),
            kind::WITHDRAW_RELEASE => *account = (account.0 + amount, account.1 - amount),
            kind::WITHDRAW_SETTLE => account.1 -= amount,
            _ => {
                account.0 -= amount;
                self.touch(message.to_member, message.currency).0 += amount;
            }
        }
        for event in events {
            let Event::Balance(balance) = event else {
                return Err("a funds command caused something else".to_owned());
            };
            let said = (balance.available.get(), balance.held.get());
            if said != self.account(balance.member, balance.currency) {
                return Err(format!("the balance said {said:?}"));
            }
        }
        Ok(())
    }

    fn market(&self, id: u16) -> Result<&AuditedMarket, String> {
        self.markets.get(&id).ok_or_else(|| format!("market {id} is unknown"))
    }

    fn order(&self, id: u64) -> Result<&AuditedOrder, String> {
        self.orders.get(&id).ok_or_else(|| format!("order {} is not live", id >> SLOT_BITS))
    }

    /// The currency an order holds.
    fn pays(&self, order: &AuditedOrder) -> Result<u16, String> {
        let set = &self.market(order.market)?.set;
        Ok(if order.side == Side::Buy { set.quote } else { set.base })
    }

    fn take_in_accepted(&mut self, accepted: &Accepted, asked: &Asked) -> Result<(), String> {
        let order = AuditedOrder {
            member: accepted.member,
            market: accepted.header.market,
            side: Side::decode(asked.side).ok_or("an order without a side")?,
            order_type: OrderType::decode(asked.order_type).ok_or("an order without a type")?,
            price: asked.price,
            post_only: asked.flags & flag::POST_ONLY != 0,
            maker_ppm: accepted.maker_ppm,
            taker_ppm: accepted.taker_ppm,
            filled: 0,
        };
        let currency = self.pays(&order)?;
        self.release(order.member, currency, -accepted.held.get());
        match self.orders.insert(accepted.order_id, order) {
            Some(_) => Err("an order id came twice".to_owned()),
            None => Ok(()),
        }
    }

    fn take_in_done(&mut self, done: &Done) -> Result<(), String> {
        let order = *self.order(done.order_id).or_else(|error| {
            // An order that is filled leaves its trade first.
            self.orders.get(&filled_key(done.order_id)).ok_or(error)
        })?;
        let currency = self.pays(&order)?;
        self.release(order.member, currency, done.released.get());
        self.orders.remove(&done.order_id);
        self.orders.remove(&filled_key(done.order_id));
        if order.filled != done.filled_lots {
            return Err(format!("I6: it traded {} lots, not {}", order.filled, done.filled_lots));
        }
        Ok(())
    }

    fn take_in_restated(&mut self, restated: &Restated) -> Result<(), String> {
        let order = *self.order(restated.order_id)?;
        let currency = self.pays(&order)?;
        self.release(order.member, currency, restated.released.get());
        let known = self.orders.get_mut(&restated.order_id).ok_or("looked at above")?;
        known.price = restated.price_ticks;
        Ok(())
    }

    /// I7, I8 and I23.
    fn take_in_trade(&mut self, trade: &Trade) -> Result<(), String> {
        let maker = *self.order(trade.maker_order_id)?;
        let taker = *self.order(trade.taker_order_id)?;
        let is_uncross = trade.flags & trade_flag::UNCROSS != 0;
        let set = self.check_trade(trade, &maker, &taker, is_uncross)?;

        let lots = i128::from(trade.quantity_lots);
        let base = lots * set.lot_units.get();
        let quote = lots * i128::from(trade.price_ticks) * set.tick_units.get();
        let income = |side| if side == Side::Buy { base } else { quote };
        let maker_fee = fee_ceil(income(maker.side), maker.maker_ppm);
        let taker_fee = fee_ceil(income(taker.side), taker.taker_ppm);
        if (trade.maker_fee.get(), trade.taker_fee.get()) != (maker_fee, taker_fee) {
            return Err(format!("I7: the fees should be {maker_fee} and {taker_fee}"));
        }
        for (order, fee) in [(maker, maker_fee), (taker, taker_fee)] {
            let (paid, paid_in, earned, earned_in) = match order.side {
                Side::Buy => (quote, set.quote, base, set.base),
                Side::Sell => (base, set.base, quote, set.quote),
            };
            self.touch(order.member, paid_in).1 -= paid;
            self.touch(order.member, earned_in).0 += earned - fee;
            self.touch(MEMBER_HOUSE, earned_in).0 += fee;
            if order.side == Side::Buy {
                self.release(order.member, set.quote, trade.buyer_released.get());
            }
        }
        let filled = [
            (trade.maker_order_id, trade_flag::MAKER_FILLED),
            (trade.taker_order_id, trade_flag::TAKER_FILLED),
        ];
        for (id, bit) in filled {
            let mut order = self.orders.remove(&id).ok_or("an order traded with itself")?;
            order.filled += trade.quantity_lots;
            // A `Done` may still follow for what it held.
            let key = if trade.flags & bit == 0 { id } else { filled_key(id) };
            self.orders.insert(key, order);
        }
        Ok(())
    }

    fn check_trade(
        &mut self,
        trade: &Trade,
        maker: &AuditedOrder,
        taker: &AuditedOrder,
        is_uncross: bool,
    ) -> Result<MarketSet, String> {
        let id = trade.header.market;
        let market = self.markets.get_mut(&id).ok_or("a trade in an unknown market")?;
        market.trades += 1;
        let may_trade = match market.state {
            MarketState::Continuous => true,
            MarketState::PostOnly => is_uncross,
            _ => false,
        };
        if !may_trade {
            return Err(format!("I23: market {id} is {:?}", market.state));
        }
        if trade.trade_id != market.trades || maker.market != id || taker.market != id {
            return Err("the trade's number or market is wrong".to_owned());
        }
        if maker.side == taker.side || Some(taker.side) != Side::decode(trade.taker_side) {
            return Err("the trade's sides are wrong".to_owned());
        }
        let members = (trade.maker_member, trade.taker_member);
        let allowed = market.set.profile & profile::SELF_TRADE_ALLOWED != 0;
        if members != (maker.member, taker.member) || (maker.member == taker.member && !allowed) {
            return Err("the trade's members are wrong".to_owned());
        }
        for order in [maker, taker] {
            let respected = match order.side {
                Side::Buy => trade.price_ticks <= order.price,
                Side::Sell => trade.price_ticks >= order.price,
            };
            if order.order_type.has_price() && !respected {
                return Err(format!("I8: a limit of {} was broken", order.price));
            }
        }
        let came_last = if trade.flags & trade_flag::ROLES_SWAPPED != 0 { maker } else { taker };
        if came_last.post_only && !is_uncross {
            return Err("I8: a post-only order took".to_owned());
        }
        Ok(market.set)
    }
}

/// Where an order is kept between the trade that filled it and a `Done` that may follow.
fn filled_key(order_id: u64) -> u64 {
    order_id | 1
}

/// The orders a command may enter.
fn asked(command: &Command) -> Vec<Asked> {
    let single = |order: &NewOrder| Asked {
        side: order.side,
        order_type: order.order_type,
        price: order.price_ticks,
        flags: order.header.flags,
    };
    match command.header().kind {
        kind::NEW_ORDER => vec![single(command.view::<NewOrder>())],
        kind::CANCEL_NEW => vec![single(&command.view::<CancelNew>().order)],
        kind::NEW_LIST => command
            .view::<NewList>()
            .legs
            .iter()
            .map(|leg| Asked {
                side: leg.side,
                order_type: leg.order_type,
                price: leg.price_ticks,
                flags: leg.flags,
            })
            .collect(),
        _ => Vec::new(),
    }
}
