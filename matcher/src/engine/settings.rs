//! Currencies, markets, fees and members: section 12 of docs/matching.md.

use super::Engine;
use super::desk::{FeeRow, Market};
use super::far::{Queue, Tree};
use super::ladder::{WINDOW_MAX, WINDOW_MIN};
use super::pool::NIL;
use super::uncross::put_state;
use wire::codes::MarketState;
use wire::command::{CurrencySet, FeeSet, MarketSet, MemberSet, profile};
use wire::event::{Applied, Event, EventSink};
use wire::limits::{
    AMOUNT_MAX, CURRENCIES_MAX, GROUPS_MAX, MARKETS_MAX, MEMBER_HOUSE, PRICE_MAX, QUANTITY_MAX,
    RATE_MAX_PPM, SWEEP_LIMIT_DEFAULT, SWEEP_LIMIT_MAX,
};
use wire::reason::RejectReason;

/// Ticks of a window if a market does not say.
const WINDOW_DEFAULT: u32 = 4096;
const SCALE_MAX: u8 = 18;
const BAND_MAX_BIPS: u32 = 1_000_000;

impl Engine {
    pub(super) fn set_currency<S: EventSink>(
        &mut self,
        set: &CurrencySet,
        out: &mut S,
    ) -> Result<(), RejectReason> {
        let in_range = (1..CURRENCIES_MAX).contains(&set.currency) && set.scale <= SCALE_MAX;
        let clean = set.header.market == 0 && set.reserved == 0 && set.reserved_word == 0;
        if !in_range || !clean {
            return Err(RejectReason::FieldInvalid);
        }
        let known = &self.desk.currencies[usize::from(set.currency)];
        if known.known && known.scale != set.scale {
            return Err(RejectReason::CurrencyFixed);
        }
        if !known.known {
            if !self.desk.accounts.has_room() {
                return Err(RejectReason::AccountsFull);
            }
            let house = self.desk.accounts.open(MEMBER_HOUSE, set.currency);
            let currency = &mut self.desk.currencies[usize::from(set.currency)];
            currency.known = true;
            currency.scale = set.scale;
            currency.house = house;
        }
        put_numbered(set.operation, 0, 0, set.header.kind, out);
        Ok(())
    }

    pub(super) fn set_market<S: EventSink>(
        &mut self,
        set: &MarketSet,
        out: &mut S,
    ) -> Result<(), RejectReason> {
        let state = MarketState::decode(set.state)
            .filter(|_| set.reserved == [0; 7] && set.reserved_words == [0; 3])
            .ok_or(RejectReason::FieldInvalid)?;
        let id = set.header.market;
        if !(1..MARKETS_MAX).contains(&id) {
            return Err(RejectReason::MarketParameter);
        }
        for currency in [set.base, set.quote] {
            let known = self.desk.currencies.get(usize::from(currency)).filter(|c| c.known);
            known.ok_or(RejectReason::CurrencyUnknown)?;
        }
        if let Some(known) = self.desk.market(id) {
            self.check_fixed(known, set)?;
        }
        check_ranges(set)?;
        let (state, previous) = match self.desk.market(id) {
            Some(known) => (known.state, known.state.code()),
            None => (self.check_new(set, state)?, 0),
        };
        let mut market = market_from(set, state);
        match self.desk.market(id) {
            Some(known) => keep_running(&mut market, known),
            None => self.books.open_market(id, window_of(set)),
        }
        if let Some(place) = self.desk.markets.get_mut(usize::from(id)) {
            *place = Some(market);
            self.desk.markets_end = self.desk.markets_end.max(id + 1);
        }
        put_state(id, set.operation, state, previous, set.header.kind, out);
        Ok(())
    }

    fn check_fixed(&self, known: &Market, set: &MarketSet) -> Result<(), RejectReason> {
        if known.state == MarketState::Delisted {
            return Err(RejectReason::MarketTransition);
        }
        let window = self
            .books
            .ladder(set.header.market, wire::codes::Side::Buy)
            .map_or(0, super::ladder::Ladder::window);
        let same = known.base == set.base
            && known.quote == set.quote
            && known.lot_units.cast_signed() == set.lot_units.get()
            && known.tick_units.cast_signed() == set.tick_units.get()
            && (set.window_ticks == 0 || set.window_ticks == window);
        if same { Ok(()) } else { Err(RejectReason::MarketFixed) }
    }

    fn check_new(&self, set: &MarketSet, state: MarketState) -> Result<MarketState, RejectReason> {
        if state == MarketState::Delisted {
            return Err(RejectReason::MarketParameter);
        }
        if !self.books.arena.has_room(window_of(set), 2) {
            return Err(RejectReason::MarketsFull);
        }
        Ok(state)
    }

    pub(super) fn set_fee<S: EventSink>(
        &mut self,
        set: &FeeSet,
        out: &mut S,
    ) -> Result<(), RejectReason> {
        if set.reserved != 0 || set.reserved_words != [0; 2] {
            return Err(RejectReason::FieldInvalid);
        }
        let market = set.header.market;
        if market != 0 && self.desk.market(market).is_none() {
            return Err(RejectReason::MarketUnknown);
        }
        if set.group >= GROUPS_MAX {
            return Err(RejectReason::GroupInvalid);
        }
        if set.maker_ppm > RATE_MAX_PPM || set.taker_ppm > RATE_MAX_PPM {
            return Err(RejectReason::FeeInvalid);
        }
        let row = usize::from(set.group) * usize::from(MARKETS_MAX) + usize::from(market);
        let rates = FeeRow { known: true, maker_ppm: set.maker_ppm, taker_ppm: set.taker_ppm };
        if let Some(place) = self.desk.fees.get_mut(row) {
            *place = rates;
            self.desk.groups_end = self.desk.groups_end.max(set.group + 1);
        }
        put_numbered(set.operation, market, 0, set.header.kind, out);
        Ok(())
    }

    pub(super) fn set_member<S: EventSink>(
        &mut self,
        set: &MemberSet,
        out: &mut S,
    ) -> Result<(), RejectReason> {
        let clean = set.header.market == 0 && set.reserved == 0 && set.reserved_words == [0; 3];
        if !clean {
            return Err(RejectReason::FieldInvalid);
        }
        let place = self.desk.members.get_mut(set.member as usize);
        let member =
            place.filter(|_| set.member != MEMBER_HOUSE).ok_or(RejectReason::MemberUnknown)?;
        if set.fee_group >= GROUPS_MAX {
            return Err(RejectReason::GroupInvalid);
        }
        member.known = true;
        member.fee_group = set.fee_group;
        member.self_trade_group = set.self_trade_group;
        member.open_orders_max = set.open_orders_max;
        put_numbered(set.operation, 0, set.member, set.header.kind, out);
        Ok(())
    }
}

fn window_of(set: &MarketSet) -> u32 {
    if set.window_ticks == 0 { WINDOW_DEFAULT } else { set.window_ticks }
}

fn check_ranges(set: &MarketSet) -> Result<(), RejectReason> {
    let amounts = [(set.lot_units, 1), (set.tick_units, 1), (set.min_notional, 0)];
    let amounts_fit = amounts.iter().all(|(a, least)| (*least..=AMOUNT_MAX).contains(&a.get()));
    let (low, high) = (set.min_price_ticks, set.max_price_ticks);
    let prices_fit = 1 <= low && low <= high && high <= PRICE_MAX;
    let (least, most) = (set.min_quantity_lots, set.max_quantity_lots);
    let quantities_fit = 1 <= least && least <= most && most <= QUANTITY_MAX;
    let reference = set.reference_ticks;
    let reference_fits = reference == 0 || (low..=high).contains(&reference);
    let window = window_of(set);
    let window_fits = window.is_power_of_two() && (WINDOW_MIN..=WINDOW_MAX).contains(&window);
    let fits = set.base != set.quote
        && amounts_fit
        && prices_fit
        && quantities_fit
        && reference_fits
        && set.band_bips <= BAND_MAX_BIPS
        && set.profile & !profile::ALL == 0
        && set.sweep_limit <= SWEEP_LIMIT_MAX
        && window_fits;
    if fits { Ok(()) } else { Err(RejectReason::MarketParameter) }
}

fn market_from(set: &MarketSet, state: MarketState) -> Market {
    let limit = if set.sweep_limit == 0 { SWEEP_LIMIT_DEFAULT } else { set.sweep_limit };
    Market {
        state,
        profile: set.profile,
        base: set.base,
        quote: set.quote,
        lot_units: set.lot_units.get().cast_unsigned(),
        tick_units: set.tick_units.get().cast_unsigned(),
        min_notional: set.min_notional.get(),
        min_price: set.min_price_ticks,
        max_price: set.max_price_ticks,
        min_quantity: set.min_quantity_lots,
        max_quantity: set.max_quantity_lots,
        reference: set.reference_ticks,
        band_bips: set.band_bips,
        sweep_limit: limit,
        last_price: 0,
        trades: 0,
        uncross_price: 0,
        up: Tree::EMPTY,
        down: Tree::EMPTY,
        up_mark: 0,
        down_mark: 0,
        queue: Queue::EMPTY,
        trailing: Queue { head: NIL, tail: NIL },
        trailing_count: 0,
        marked: Queue::EMPTY,
    }
}

/// A market with new parameters keeps everything that moves.
fn keep_running(market: &mut Market, known: &Market) {
    *market = Market {
        profile: market.profile,
        min_notional: market.min_notional,
        min_price: market.min_price,
        max_price: market.max_price,
        min_quantity: market.min_quantity,
        max_quantity: market.max_quantity,
        reference: market.reference,
        band_bips: market.band_bips,
        sweep_limit: market.sweep_limit,
        ..known.clone()
    };
}

/// Says that a numbered setting was done.
fn put_numbered<S: EventSink>(operation: u64, market: u16, member: u32, command: u8, out: &mut S) {
    out.put(&Applied {
        header: Applied::header_for(market),
        operation,
        time_ns: 0,
        member,
        command,
        reserved: [0; 3],
        reserved_words: [0; 3],
    });
}
