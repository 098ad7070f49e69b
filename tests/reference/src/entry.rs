//! New orders: section 3.

use crate::Reference;
use crate::book::is_worse;
use crate::decode::Refusal;
use crate::state::{Market, Order, Place, Rates, Terms};
use crate::triggers::Turn;
use std::ops::RangeInclusive;
use wire::codes::{MarketState, OrderType, Placement, SelfTrade, Side, TimeInForce};
use wire::command::profile;
use wire::event::Accepted;
use wire::limits::{
    AMOUNT_MAX, BIPS_ONE, GTD_MAX_NS, ICEBERG_SLICES_MAX, MEMBER_HOUSE, PRICE_MAX, QUANTITY_MAX,
    TRAILING_MAX,
};
use wire::reason::RejectReason;
use wire::units::{Amount, band_lower_ceil, band_upper_floor};

const DAY_NS: u64 = 24 * 3600 * 1_000_000_000;

/// What the order that a cancel-and-new replaces gives back before the new one is checked.
#[derive(Clone, Copy, Default)]
pub(crate) struct Replaced {
    /// The order to be replaced, if there is one.
    pub(crate) serial: Option<u64>,
    /// Currency of what it and its list hold.
    pub(crate) currency: u16,
    /// How much that is.
    pub(crate) held: i128,
}

impl Market {
    /// Section 1: the reference price.
    pub(crate) fn reference_price(&self) -> Option<u64> {
        let middle = || {
            let (bid, ask) = (self.best(Side::Buy)?, self.best(Side::Sell)?);
            Some(middle(bid, ask))
        };
        self.last.or_else(middle).or_else(|| self.reference_ticks())
    }

    pub(crate) fn reference_ticks(&self) -> Option<u64> {
        Some(self.parameters.reference_ticks).filter(|ticks| *ticks != 0)
    }

    /// The prices the band allows around `price`.
    pub(crate) fn band(&self, price: u64) -> RangeInclusive<u64> {
        match self.parameters.band_bips {
            0 => 0..=u64::MAX,
            bips => band_lower_ceil(price, bips)..=band_upper_floor(price, bips),
        }
    }

    /// The worst price a market order of this side may trade at; none without band or reference.
    pub(crate) fn collar(&self, side: Side) -> Option<u64> {
        if self.parameters.band_bips == 0 {
            return None;
        }
        let band = self.band(self.reference_price()?);
        match side {
            Side::Buy => Some(*band.end()),
            Side::Sell => Some(*band.start()),
        }
    }
}

/// The middle of two prices, rounded down.
pub(crate) fn middle(low: u64, high: u64) -> u64 {
    u64::midpoint(low, high)
}

impl Reference {
    pub(crate) fn new_order(&mut self, terms: &Terms) -> Result<(), Refusal> {
        let hold = self.check_order(terms, Replaced::default())?;
        let serial = self.accept(terms, hold, None, Place::Moving);
        let mut turn = Turn::of(terms.market);
        self.enter(serial, &mut turn);
        self.collect_and_release(&mut turn);
        Ok(())
    }

    /// Steps 2 to 14. Returns what is to be held.
    pub(crate) fn check_order(
        &self,
        terms: &Terms,
        replaced: Replaced,
    ) -> Result<i128, RejectReason> {
        self.check_market(terms.market)?;
        self.check_member(terms.member)?;
        self.check_state(terms)?;
        self.check_client_id(terms, replaced.serial)?;
        self.check_shape(terms)?;
        self.check_worth(terms)?;
        self.check_band(terms)?;
        self.check_room(terms.member, 1, replaced.serial)?;
        self.check_trailing_room(terms, replaced.serial)?;
        self.check_kill_switch(terms.member)?;
        self.check_trigger(terms)?;
        self.check_post_only(terms)?;
        let hold = self.check_money(terms, replaced)?;
        self.check_income(terms)?;
        Ok(hold)
    }

    /// Step 2.
    pub(crate) fn check_market(&self, market: u16) -> Result<(), RejectReason> {
        ensure(self.markets.contains_key(&market), RejectReason::MarketUnknown)
    }

    /// Step 3.
    pub(crate) fn check_member(&self, member: u32) -> Result<(), RejectReason> {
        let known = member != MEMBER_HOUSE && self.members.contains_key(&member);
        ensure(known, RejectReason::MemberUnknown)
    }

    /// Step 4.
    pub(crate) fn check_state(&self, terms: &Terms) -> Result<(), RejectReason> {
        let market = self.market(terms.market);
        let takes = match market.state {
            MarketState::Continuous => true,
            MarketState::PreOpen | MarketState::Auction => {
                terms.is_resting_limit() || terms.order_type.is_triggered()
            }
            MarketState::PostOnly => terms.order_type == OrderType::Limit && terms.post_only,
            _ => false,
        };
        ensure(takes && market.uncross.is_none(), RejectReason::MarketState)
    }

    /// Step 5. The name of the order `except` is free.
    pub(crate) fn check_client_id(
        &self,
        terms: &Terms,
        except: Option<u64>,
    ) -> Result<(), RejectReason> {
        let taken = self.find_client_id(terms.member, terms.client_order_id);
        ensure(taken.is_none() || taken == except, RejectReason::ClientOrderIdTaken)
    }

    /// Step 6.
    pub(crate) fn check_shape(&self, terms: &Terms) -> Result<(), RejectReason> {
        let time_in_force_fits = match terms.order_type {
            OrderType::Market | OrderType::MarketQuote => terms.time_in_force == TimeInForce::Ioc,
            OrderType::Limit => true,
            _ => terms.may_rest(),
        };
        let post_only_fits = !terms.post_only || terms.is_resting_limit();
        ensure(time_in_force_fits && post_only_fits, RejectReason::TimeInForceInvalid)?;
        self.check_expiry(terms)?;
        self.check_price(terms)?;
        self.check_quantity(terms)?;
        check_stop_price(terms)?;
        let trail_fits = match terms.order_type {
            OrderType::TrailingStop => (1..BIPS_ONE).contains(&terms.trail_bips),
            _ => terms.trail_bips == 0,
        };
        ensure(trail_fits, RejectReason::TrailInvalid)?;
        let display_fits = terms.display == 0
            || terms.is_resting_limit()
                && terms.display < terms.quantity
                && terms.quantity.div_ceil(terms.display) <= ICEBERG_SLICES_MAX;
        ensure(display_fits, RejectReason::DisplayInvalid)?;
        let allows = self.market(terms.market).parameters.has(profile::SELF_TRADE_ALLOWED);
        let self_trade_fits = terms.self_trade != SelfTrade::Allow || allows;
        ensure(self_trade_fits, RejectReason::SelfTradeInvalid)
    }

    pub(crate) fn check_expiry(&self, terms: &Terms) -> Result<(), RejectReason> {
        let latest = self.now.saturating_add(GTD_MAX_NS);
        let fits = match terms.time_in_force {
            TimeInForce::Gtd => self.now < terms.expire_ns && terms.expire_ns <= latest,
            _ => terms.expire_ns == 0,
        };
        ensure(fits, RejectReason::ExpiryInvalid)
    }

    pub(crate) fn check_price(&self, terms: &Terms) -> Result<(), RejectReason> {
        let parameters = &self.market(terms.market).parameters;
        let fits = if terms.order_type.has_price() {
            (parameters.min_price..=parameters.max_price).contains(&terms.price)
        } else {
            terms.price == 0
        };
        ensure(fits, RejectReason::PriceInvalid)
    }

    pub(crate) fn check_quantity(&self, terms: &Terms) -> Result<(), RejectReason> {
        let parameters = &self.market(terms.market).parameters;
        let quantity_in_range =
            (parameters.min_quantity..=parameters.max_quantity).contains(&terms.quantity);
        let has_amount = (1..=AMOUNT_MAX).contains(&terms.quote_amount);
        let may_have_amount = terms.order_type == OrderType::Market
            && terms.side == Side::Buy
            && parameters.has(profile::WHOLE_LEVEL_STOP);
        let fits = match terms.order_type {
            OrderType::MarketQuote => terms.quantity == 0 && has_amount,
            _ => quantity_in_range && (terms.quote_amount == 0 || may_have_amount && has_amount),
        };
        ensure(fits, RejectReason::QuantityInvalid)
    }

    /// Step 7.
    pub(crate) fn check_worth(&self, terms: &Terms) -> Result<(), RejectReason> {
        let market = self.market(terms.market);
        let parameters = &market.parameters;
        let too_large = RejectReason::NotionalTooLarge;
        ensure(parameters.base(terms.quantity) <= AMOUNT_MAX, too_large)?;
        let worth = match terms.order_type {
            OrderType::Limit | OrderType::StopLimit | OrderType::TakeProfitLimit => {
                let worth = parameters.quote(terms.price, terms.quantity);
                ensure(worth <= AMOUNT_MAX, too_large)?;
                Some(worth)
            }
            OrderType::Stop | OrderType::TakeProfit => {
                let worth = parameters.quote(terms.stop_price, terms.quantity);
                ensure(worth <= AMOUNT_MAX, too_large)?;
                Some(worth)
            }
            OrderType::MarketQuote => Some(terms.quote_amount),
            OrderType::Market | OrderType::TrailingStop => {
                market.reference_price().map(|price| parameters.quote(price, terms.quantity))
            }
        };
        let is_enough = worth.is_none_or(|worth| worth >= parameters.min_notional);
        ensure(is_enough, RejectReason::NotionalTooSmall)
    }

    /// Step 8.
    pub(crate) fn check_band(&self, terms: &Terms) -> Result<(), RejectReason> {
        let market = self.market(terms.market);
        let Some(reference) = market.reference_price() else { return Ok(()) };
        let band = market.band(reference);
        let fits = match terms.side {
            Side::Buy => terms.price <= *band.end(),
            Side::Sell => terms.price >= *band.start(),
        };
        ensure(fits || terms.order_type != OrderType::Limit, RejectReason::PriceBand)
    }

    /// Step 9 for `count` more orders, as if the order `except` were gone.
    pub(crate) fn check_room(
        &self,
        member: u32,
        count: usize,
        except: Option<u64>,
    ) -> Result<(), RejectReason> {
        let gone = usize::from(except.is_some());
        let member = &self.members[&member];
        let most = member.open_orders_max as usize;
        let live = member.orders.len() - gone + count;
        ensure(most == 0 || live <= most, RejectReason::TooManyOrders)?;
        let live = self.orders.len() - gone + count;
        ensure(live <= self.config.orders as usize, RejectReason::PoolFull)
    }

    /// Step 9, the last sentence.
    pub(crate) fn check_trailing_room(
        &self,
        terms: &Terms,
        except: Option<u64>,
    ) -> Result<(), RejectReason> {
        let waiting = &self.market(terms.market).trailing;
        let gone = except.is_some_and(|serial| waiting.contains(&serial));
        let full = waiting.len() - usize::from(gone) >= TRAILING_MAX as usize;
        let is_trailing = terms.order_type == OrderType::TrailingStop;
        ensure(!(is_trailing && full), RejectReason::TooManyTrailing)
    }

    /// Step 10.
    pub(crate) fn check_kill_switch(&self, member: u32) -> Result<(), RejectReason> {
        ensure(!self.members[&member].kill_switch, RejectReason::KillSwitchActive)
    }

    /// Step 11.
    pub(crate) fn check_trigger(&self, terms: &Terms) -> Result<(), RejectReason> {
        if terms.order_type == OrderType::TrailingStop {
            return self.trailing_start(terms).map(|_| ());
        }
        let Some(last) = self.market(terms.market).last else { return Ok(()) };
        let is_true = if terms.triggers_upward() {
            last >= terms.stop_price
        } else {
            last <= terms.stop_price
        };
        let would_trigger = terms.order_type.is_triggered() && is_true;
        ensure(!would_trigger, RejectReason::WouldTrigger)
    }

    /// The price R that a trailing stop is valued from. A sell needs none.
    fn trailing_start(&self, terms: &Terms) -> Result<u64, RejectReason> {
        let market = self.market(terms.market);
        let given = Some(terms.stop_price).filter(|price| *price != 0);
        let start = given.or(market.last).or(market.reference_ticks());
        match terms.side {
            Side::Buy => start.ok_or(RejectReason::StopPriceInvalid),
            Side::Sell => Ok(start.unwrap_or(0)),
        }
    }

    /// Step 12.
    pub(crate) fn check_post_only(&self, terms: &Terms) -> Result<(), RejectReason> {
        let market = self.market(terms.market);
        let matches = matches!(market.state, MarketState::Continuous | MarketState::PostOnly);
        let would_cross = matches && terms.post_only && market.meets(terms.side, terms.price);
        ensure(!would_cross, RejectReason::WouldCross)
    }

    /// Step 13. Returns the hold.
    fn check_money(&self, terms: &Terms, replaced: Replaced) -> Result<i128, RejectReason> {
        let parameters = &self.market(terms.market).parameters;
        let currency = parameters.pays(terms.side);
        let returned = if replaced.currency == currency { replaced.held } else { 0 };
        let available = self.account(terms.member, currency).available + returned;
        let hold = match (terms.order_type, terms.side) {
            (OrderType::MarketQuote, Side::Buy) => terms.quote_amount,
            (OrderType::MarketQuote, Side::Sell) => {
                let whole_lots = (available / parameters.lot_units)
                    .min(i128::from(QUANTITY_MAX))
                    .min(AMOUNT_MAX / parameters.lot_units);
                ensure(whole_lots > 0, RejectReason::InsufficientFunds)?;
                whole_lots * parameters.lot_units
            }
            (OrderType::Market, Side::Buy) => self.market_buy_hold(terms, available)?,
            (OrderType::Market, Side::Sell) => {
                let needs_depth = parameters.has(profile::MARKET_BUY_LOCK);
                if needs_depth && !self.walk(terms, None).covered {
                    return Err(RejectReason::InsufficientLiquidity);
                }
                parameters.base(terms.quantity)
            }
            _ => self.plain_hold(terms, terms.quantity)?,
        };
        ensure(hold <= available, RejectReason::InsufficientFunds)?;
        Ok(hold)
    }

    /// What `leaves` lots of an order hold that is not a market order: step 13 with the market's
    /// parameters of now.
    pub(crate) fn plain_hold(&self, terms: &Terms, leaves: u64) -> Result<i128, RejectReason> {
        let parameters = &self.market(terms.market).parameters;
        if terms.side == Side::Sell {
            return Ok(parameters.base(leaves));
        }
        let price = match terms.order_type {
            OrderType::Stop | OrderType::TakeProfit => {
                self.worst_price_of_stop(terms, terms.stop_price)
            }
            OrderType::TrailingStop => {
                let stop = trailing_buy_stop(self.trailing_start(terms)?, terms.trail_bips);
                self.worst_price_of_stop(terms, stop)
            }
            _ => terms.price,
        };
        let hold = parameters.quote(price, leaves);
        ensure(hold <= AMOUNT_MAX, RejectReason::NotionalTooLarge)?;
        Ok(hold)
    }

    fn worst_price_of_stop(&self, terms: &Terms, stop: u64) -> u64 {
        let parameters = &self.market(terms.market).parameters;
        band_upper_floor(stop, parameters.band_bips).min(parameters.max_price).max(stop)
    }

    fn market_buy_hold(&self, terms: &Terms, available: i128) -> Result<i128, RejectReason> {
        let market = self.market(terms.market);
        let parameters = &market.parameters;
        if terms.quote_amount != 0 {
            return Ok(terms.quote_amount);
        }
        let is_locked = parameters.has(profile::MARKET_BUY_LOCK);
        let collar = if is_locked { None } else { market.collar(Side::Buy) };
        let Walk { cost: estimate, covered } = self.walk(terms, collar);
        ensure(estimate <= AMOUNT_MAX, RejectReason::NotionalTooLarge)?;
        if !is_locked {
            ensure(estimate <= available, RejectReason::InsufficientFunds)?;
            let worst = parameters.quote(collar.unwrap_or(parameters.max_price), terms.quantity);
            return Ok(available.min(worst).min(AMOUNT_MAX));
        }
        ensure(covered, RejectReason::InsufficientLiquidity)?;
        if parameters.has(profile::FUNDS_RULE_24) {
            ensure(estimate <= available, RejectReason::InsufficientFunds)?;
        }
        let hold = ((estimate * 11 + 9) / 10).min(available);
        ensure(hold > 0, RejectReason::InsufficientFunds)?;
        Ok(hold)
    }

    /// Walks the other side from its best, order by order with whole leaves, up to the collar and
    /// the sweep limit, until the quantity is covered.
    fn walk(&self, terms: &Terms, collar: Option<u64>) -> Walk {
        let market = self.market(terms.market);
        let (mut left, mut cost, mut met) = (terms.quantity, 0i128, 0);
        for (price, queue) in market.levels(terms.side.opposite()) {
            if collar.is_some_and(|collar| is_worse(terms.side, price, collar)) {
                break;
            }
            for serial in queue {
                if left == 0 || met == market.parameters.sweep_limit {
                    break;
                }
                met += 1;
                let lots = self.order(*serial).leaves().min(left);
                left -= lots;
                cost = cost.saturating_add(market.parameters.quote(price, lots));
            }
        }
        Walk { cost, covered: left == 0 }
    }

    /// Step 14.
    pub(crate) fn check_income(&self, terms: &Terms) -> Result<(), RejectReason> {
        let parameters = &self.market(terms.market).parameters;
        let missing = [parameters.base, parameters.quote]
            .iter()
            .filter(|currency| !self.accounts.contains_key(&(terms.member, **currency)))
            .count();
        let room = self.config.accounts as usize - self.accounts.len();
        ensure(missing <= room, RejectReason::AccountsFull)
    }

    /// What follows the checks: the order becomes live and its money is held.
    pub(crate) fn accept(
        &mut self,
        terms: &Terms,
        hold: i128,
        list: Option<u64>,
        place: Place,
    ) -> u64 {
        self.last_serial += 1;
        let serial = self.last_serial;
        let rates = self.rates(terms.market, terms.member);
        let deadline = match terms.time_in_force {
            TimeInForce::Gtd => Some(terms.expire_ns),
            TimeInForce::Day => Some((self.now / DAY_NS + 1) * DAY_NS),
            _ => None,
        };
        let parameters = &self.market(terms.market).parameters;
        let keeps_improvement =
            terms.side == Side::Buy && parameters.has(profile::IMPROVEMENT_HELD);
        let currencies = [parameters.base, parameters.quote];
        self.orders.insert(
            serial,
            Order {
                serial,
                terms: terms.clone(),
                rates,
                place,
                filled: 0,
                prevented: 0,
                open: 0,
                held: 0,
                keeps_improvement,
                received: 0,
                extreme: None,
                deadline,
                list,
            },
        );
        self.members.get_mut(&terms.member).expect("checked").orders.insert(serial);
        self.timers.extend(deadline.map(|deadline| (deadline, 0, serial)));
        for currency in currencies {
            self.account_mut(terms.member, currency);
        }
        self.set_hold(serial, hold);
        let placement = match place {
            Place::Pending => Placement::Pending,
            _ if terms.order_type.is_triggered() => Placement::Waiting,
            _ => Placement::Matching,
        };
        self.emit_about(
            terms.market,
            Accepted {
                order_id: self.order(serial).id(),
                client_order_id: terms.client_order_id,
                member: terms.member,
                maker_ppm: rates.maker_ppm,
                taker_ppm: rates.taker_ppm,
                placement: placement.code(),
                held: Amount::new(hold),
                ..Accepted::default()
            },
        );
        serial
    }

    /// The fee row with the largest weight: a group's row weighs more than a market's.
    fn rates(&self, market: u16, member: u32) -> Rates {
        let group = self.members[&member].fee_group;
        let rows = [(market, group), (0, group), (market, 0), (0, 0)];
        rows.iter().find_map(|row| self.fees.get(row)).copied().unwrap_or_default()
    }

    /// An accepted order goes where its type says: it waits, matches, or rests uncrossed.
    pub(crate) fn enter(&mut self, serial: u64, turn: &mut Turn) {
        let terms = &self.order(serial).terms;
        if terms.order_type.is_triggered() {
            self.wait(serial);
        } else if self.market(terms.market).state == MarketState::Continuous {
            self.match_on_entry(serial, turn);
        } else {
            self.rest(serial);
        }
    }

    /// The order joins the trigger book; a trailing stop without a stop price tracks at once.
    pub(crate) fn wait(&mut self, serial: u64) {
        let last = self.market_of(serial).last;
        let order = self.order_mut(serial);
        if order.terms.order_type == OrderType::TrailingStop && order.terms.stop_price == 0 {
            order.extreme = last;
        }
        self.await_trigger(serial);
    }
}

/// Depth found by walking a side of the book.
struct Walk {
    cost: i128,
    covered: bool,
}

/// `StopPriceInvalid` of step 6.
pub(crate) fn check_stop_price(terms: &Terms) -> Result<(), RejectReason> {
    let fits = match terms.order_type {
        OrderType::TrailingStop => terms.stop_price <= PRICE_MAX,
        _ if terms.order_type.is_triggered() => (1..=PRICE_MAX).contains(&terms.stop_price),
        _ => terms.stop_price == 0,
    };
    ensure(fits, RejectReason::StopPriceInvalid)
}

/// The stop price of a trailing buy whose extreme is `extreme`.
pub(crate) fn trailing_buy_stop(extreme: u64, trail_bips: u32) -> u64 {
    let scaled = u128::from(extreme) * u128::from(BIPS_ONE + trail_bips);
    let stop = scaled.div_ceil(u128::from(BIPS_ONE));
    u64::try_from(stop).map_or(PRICE_MAX, |stop| stop.min(PRICE_MAX))
}

/// `Err(reason)` unless `condition`.
pub(crate) fn ensure(condition: bool, reason: RejectReason) -> Result<(), RejectReason> {
    if condition { Ok(()) } else { Err(reason) }
}
