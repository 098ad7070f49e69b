//! An order as asked for, decoded and checked for its shape.

use super::desk::Market;
use wire::codes::{OrderType, SelfTrade, Side, TimeInForce};
use wire::command::{ListLeg, NewOrder, OrderExtra, flag, profile};
use wire::limits::{AMOUNT_MAX, BIPS_ONE, GTD_MAX_NS, ICEBERG_SLICES_MAX, PRICE_MAX};
use wire::reason::RejectReason;
use wire::record::LAST_OF_GROUP;
use wire::units::{amount, band_upper_floor, notional};

const DAY_NS: u64 = 86_400_000_000_000;

/// An order as asked for.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Owner.
    pub member: u32,
    /// Market.
    pub market: u16,
    /// New-order flags.
    pub flags: u8,
    /// Session.
    pub session: u32,
    /// The owner's name for it.
    pub client_order_id: u64,
    /// Limit price.
    pub price: u64,
    /// Lots.
    pub quantity: u64,
    /// Side.
    pub side: Side,
    /// Type.
    pub order_type: OrderType,
    /// Time in force.
    pub time_in_force: TimeInForce,
    /// Self-trade mode.
    pub self_trade: SelfTrade,
    /// Stop price.
    pub stop_price: u64,
    /// Lots shown.
    pub display: u64,
    /// Expiry of a GTD order.
    pub expire_ns: u64,
    /// Quote amount.
    pub quote_amount: i128,
    /// Trailing distance.
    pub trail_bips: u32,
}

impl Spec {
    /// From a new order; `None` if a byte stands for nothing or a reserved field is not zero.
    #[must_use]
    #[inline]
    pub fn from_order(order: &NewOrder, extra: &OrderExtra) -> Option<Self> {
        let flags = order.header.flags & !LAST_OF_GROUP;
        if flags & !flag::NEW_ORDER_ALL != 0 || extra.reserved != [0; 5] {
            return None;
        }
        Some(Self {
            member: order.member,
            market: order.header.market,
            flags,
            session: order.session,
            client_order_id: order.client_order_id,
            price: order.price_ticks,
            quantity: order.quantity_lots,
            side: Side::decode(order.side)?,
            order_type: OrderType::decode(order.order_type)?,
            time_in_force: TimeInForce::decode(order.time_in_force)?,
            self_trade: SelfTrade::decode(order.self_trade)?,
            stop_price: extra.stop_price_ticks,
            display: extra.display_lots,
            expire_ns: extra.expire_ns,
            quote_amount: extra.quote_amount.get(),
            trail_bips: extra.trail_bips,
        })
    }

    /// From a leg of a list.
    #[must_use]
    pub fn from_leg(leg: &ListLeg, member: u32, session: u32, market: u16) -> Option<Self> {
        if leg.flags & !flag::NEW_ORDER_ALL != 0 || leg.reserved != [0; 7] {
            return None;
        }
        Some(Self {
            member,
            market,
            flags: leg.flags,
            session,
            client_order_id: leg.client_order_id,
            price: leg.price_ticks,
            quantity: leg.quantity_lots,
            side: Side::decode(leg.side)?,
            order_type: OrderType::decode(leg.order_type)?,
            time_in_force: TimeInForce::decode(leg.time_in_force)?,
            self_trade: SelfTrade::decode(leg.self_trade)?,
            stop_price: leg.stop_price_ticks,
            display: leg.display_lots,
            expire_ns: leg.expire_ns,
            quote_amount: 0,
            trail_bips: leg.trail_bips,
        })
    }

    /// Whether it must not take.
    #[must_use]
    #[inline]
    pub fn post_only(&self) -> bool {
        self.flags & flag::POST_ONLY != 0
    }

    /// Whether what its time in force leaves may rest.
    #[must_use]
    #[inline]
    pub fn may_rest(&self) -> bool {
        may_rest(self.time_in_force)
    }

    /// Whether the shape is right for the market: step 6 of docs/matching.md, section 3.
    ///
    /// # Errors
    /// The first thing that is wrong.
    #[inline]
    pub fn check_shape(&self, market: &Market, now: u64) -> Result<(), RejectReason> {
        self.check_time(now)?;
        let has_price = self.order_type.has_price();
        let in_limits = (market.min_price..=market.max_price).contains(&self.price);
        if !(if has_price { in_limits } else { self.price == 0 }) {
            return Err(RejectReason::PriceInvalid);
        }
        if !self.quantity_fits(market) {
            return Err(RejectReason::QuantityInvalid);
        }
        self.check_trigger()?;
        if self.display != 0 && !self.display_fits() {
            return Err(RejectReason::DisplayInvalid);
        }
        if self.self_trade == SelfTrade::Allow && !market.keeps(profile::SELF_TRADE_ALLOWED) {
            return Err(RejectReason::SelfTradeInvalid);
        }
        Ok(())
    }

    #[inline]
    fn check_time(&self, now: u64) -> Result<(), RejectReason> {
        let fits = match self.order_type {
            OrderType::Limit => true,
            OrderType::Market | OrderType::MarketQuote => self.time_in_force == TimeInForce::Ioc,
            _ => self.may_rest(),
        };
        let plain_limit = self.order_type == OrderType::Limit && self.may_rest();
        if !fits || (self.post_only() && !plain_limit) {
            return Err(RejectReason::TimeInForceInvalid);
        }
        let expires = self.time_in_force == TimeInForce::Gtd;
        if !(if expires { expiry_fits(self.expire_ns, now) } else { self.expire_ns == 0 }) {
            return Err(RejectReason::ExpiryInvalid);
        }
        Ok(())
    }

    #[inline]
    fn quantity_fits(&self, market: &Market) -> bool {
        let amount_fits = (1..=AMOUNT_MAX).contains(&self.quote_amount);
        if self.order_type == OrderType::MarketQuote {
            return self.quantity == 0 && amount_fits;
        }
        let takes_amount = self.order_type == OrderType::Market
            && self.side == Side::Buy
            && market.keeps(profile::WHOLE_LEVEL_STOP);
        (market.min_quantity..=market.max_quantity).contains(&self.quantity)
            && (self.quote_amount == 0 || (takes_amount && amount_fits))
    }

    #[inline]
    fn check_trigger(&self) -> Result<(), RejectReason> {
        let trails = self.order_type == OrderType::TrailingStop;
        let stop_fits = match self.order_type {
            OrderType::TrailingStop => self.stop_price <= PRICE_MAX,
            kind if kind.is_triggered() => (1..=PRICE_MAX).contains(&self.stop_price),
            _ => self.stop_price == 0,
        };
        if !stop_fits {
            return Err(RejectReason::StopPriceInvalid);
        }
        let trail_fits = (1..BIPS_ONE).contains(&self.trail_bips);
        if !(if trails { trail_fits } else { self.trail_bips == 0 }) {
            return Err(RejectReason::TrailInvalid);
        }
        Ok(())
    }

    fn display_fits(&self) -> bool {
        self.order_type == OrderType::Limit
            && self.may_rest()
            && self.display < self.quantity
            && slices_fit(self.quantity, self.display)
    }

    /// Whether it is worth enough and not too much: step 7.
    ///
    /// # Errors
    /// `NotionalTooLarge` or `NotionalTooSmall`.
    #[inline]
    pub fn check_worth(&self, market: &Market, reference: u64) -> Result<(), RejectReason> {
        if amount(u128::from(self.quantity), market.lot_units).is_none() {
            return Err(RejectReason::NotionalTooLarge);
        }
        let cost = |price| notional(price, self.quantity, market.tick_units);
        let value = match self.order_type {
            OrderType::MarketQuote => self.quote_amount,
            OrderType::Market | OrderType::TrailingStop if reference == 0 => return Ok(()),
            OrderType::Market | OrderType::TrailingStop => cost(reference).unwrap_or(AMOUNT_MAX),
            OrderType::Stop | OrderType::TakeProfit => {
                cost(self.stop_price).ok_or(RejectReason::NotionalTooLarge)?
            }
            _ => cost(self.price).ok_or(RejectReason::NotionalTooLarge)?,
        };
        if value < market.min_notional { Err(RejectReason::NotionalTooSmall) } else { Ok(()) }
    }

    /// When it expires, 0 for never.
    #[must_use]
    #[inline]
    pub fn deadline(&self, now: u64) -> u64 {
        match self.time_in_force {
            TimeInForce::Gtd => self.expire_ns,
            TimeInForce::Day => (now / DAY_NS + 1) * DAY_NS,
            _ => 0,
        }
    }
}

/// Whether orders of this time in force may rest.
#[must_use]
#[inline]
pub fn may_rest(time_in_force: TimeInForce) -> bool {
    !matches!(time_in_force, TimeInForce::Ioc | TimeInForce::Fok)
}

/// Whether a GTD expiry is after now and not too far away.
#[must_use]
#[inline]
pub fn expiry_fits(expire_ns: u64, now: u64) -> bool {
    expire_ns > now && expire_ns <= now.saturating_add(GTD_MAX_NS)
}

/// Whether an iceberg needs few enough slices.
#[must_use]
#[inline]
pub fn slices_fit(quantity: u64, display: u64) -> bool {
    display != 0 && quantity.div_ceil(display) <= ICEBERG_SLICES_MAX
}

/// The price a market buy released at `stop` is held for.
#[must_use]
pub fn worst_stop_price(market: &Market, stop: u64) -> u64 {
    band_upper_floor(stop, market.band_bips).min(market.max_price).max(stop)
}

/// Where a trailing buy that follows `reference` would trigger now, rounded up.
#[must_use]
pub fn trail_above_ceil(reference: u64, bips: u32) -> u64 {
    let scaled = u128::from(reference) * u128::from(BIPS_ONE + bips);
    let price = scaled.div_ceil(u128::from(BIPS_ONE));
    price.min(u128::from(PRICE_MAX)) as u64
}

/// Where a trailing sell that follows `extreme` would trigger, rounded down.
#[must_use]
pub fn trail_below_floor(extreme: u64, bips: u32) -> u64 {
    let scaled = u128::from(extreme) * u128::from(BIPS_ONE - bips);
    (scaled / u128::from(BIPS_ONE)) as u64
}
