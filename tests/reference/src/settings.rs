//! Currencies, markets, fees and members: section 12, settings.

use crate::Reference;
use crate::decode::Refusal;
use crate::state::{Currency, Market, Parameters, Queues, Rates};
use std::collections::{BTreeSet, VecDeque};
use wire::codes::MarketState;
use wire::command::{CurrencySet, FeeSet, MarketSet, MemberSet, profile};
use wire::event::{Applied, MarketChanged};
use wire::limits::{
    AMOUNT_MAX, CURRENCIES_MAX, GROUPS_MAX, MARKETS_MAX, MEMBER_HOUSE, PRICE_MAX, QUANTITY_MAX,
    RATE_MAX_PPM, SWEEP_LIMIT_DEFAULT, SWEEP_LIMIT_MAX,
};
use wire::reason::RejectReason;

/// Price slots a side of a market has if nothing else is said.
const WINDOW_TICKS_DEFAULT: u32 = 4096;
/// The widest band.
const BAND_BIPS_MAX: u32 = 1_000_000;
/// Most decimal places a currency may have.
const SCALE_MAX: u8 = 18;

impl Reference {
    pub(crate) fn currency_set(&mut self, message: &CurrencySet) -> Result<(), Refusal> {
        let id = message.currency;
        if !(1..CURRENCIES_MAX).contains(&id) || message.scale > SCALE_MAX {
            return Err(RejectReason::FieldInvalid.into());
        }
        match self.currencies.get(&id) {
            Some(known) if known.scale != message.scale => {
                return Err(RejectReason::CurrencyFixed.into());
            }
            Some(_) => {}
            None => {
                if !self.has_room_for(MEMBER_HOUSE, id) {
                    return Err(RejectReason::AccountsFull.into());
                }
                self.currencies.insert(id, Currency { scale: message.scale, supply: 0 });
                self.account_mut(MEMBER_HOUSE, id);
            }
        }
        self.emit_applied(message.operation, 0);
        Ok(())
    }

    pub(crate) fn market_set(
        &mut self,
        message: &MarketSet,
        state: MarketState,
    ) -> Result<(), Refusal> {
        let id = message.header.market;
        if !(1..MARKETS_MAX).contains(&id) {
            return Err(RejectReason::MarketParameter.into());
        }
        let has = |currency| self.currencies.contains_key(currency);
        if !has(&message.base) || !has(&message.quote) {
            return Err(RejectReason::CurrencyUnknown.into());
        }
        let parameters = if let Some(known) = self.markets.get(&id) {
            if known.state == MarketState::Delisted {
                return Err(RejectReason::MarketTransition.into());
            }
            let parameters = parameters(message, known.parameters.window_ticks);
            if is_fixed_part_changed(&known.parameters, &parameters) {
                return Err(RejectReason::MarketFixed.into());
            }
            check_parameters(message)?;
            parameters
        } else {
            check_parameters(message)?;
            if state == MarketState::Delisted {
                return Err(RejectReason::MarketParameter.into());
            }
            let parameters = parameters(message, WINDOW_TICKS_DEFAULT);
            if !self.has_room_for_market(&parameters) {
                return Err(RejectReason::MarketsFull.into());
            }
            parameters
        };

        let previous = self.markets.get(&id).map(|market| market.state);
        match self.markets.get_mut(&id) {
            Some(market) => market.parameters = parameters,
            None => {
                self.markets.insert(id, new_market(parameters, state));
            }
        }
        self.emit(MarketChanged {
            operation: message.operation,
            state: self.market(id).state.code(),
            previous: previous.map_or(0, MarketState::code),
            command: message.header.kind,
            ..MarketChanged::default()
        });
        Ok(())
    }

    /// Whether the price windows of another market fit.
    fn has_room_for_market(&self, parameters: &Parameters) -> bool {
        let slots = |parameters: &Parameters| 2 * u64::from(parameters.window_ticks);
        let used: u64 = self.markets.values().map(|market| slots(&market.parameters)).sum();
        used + slots(parameters) <= self.config.ladder_ticks
    }

    pub(crate) fn fee_set(&mut self, message: &FeeSet) -> Result<(), Refusal> {
        let market = message.header.market;
        if market != 0 && !self.markets.contains_key(&market) {
            return Err(RejectReason::MarketUnknown.into());
        }
        if message.group >= GROUPS_MAX {
            return Err(RejectReason::GroupInvalid.into());
        }
        let FeeSet { maker_ppm, taker_ppm, group, .. } = *message;
        if maker_ppm > RATE_MAX_PPM || taker_ppm > RATE_MAX_PPM {
            return Err(RejectReason::FeeInvalid.into());
        }
        self.fees.insert((market, group), Rates { maker_ppm, taker_ppm });
        self.emit_applied(message.operation, 0);
        Ok(())
    }

    pub(crate) fn member_set(&mut self, message: &MemberSet) -> Result<(), Refusal> {
        if message.member == MEMBER_HOUSE || message.member > self.config.members {
            return Err(RejectReason::MemberUnknown.into());
        }
        if message.fee_group >= GROUPS_MAX {
            return Err(RejectReason::GroupInvalid.into());
        }
        let member = self.members.entry(message.member).or_default();
        member.fee_group = message.fee_group;
        member.self_trade_group = message.self_trade_group;
        member.open_orders_max = message.open_orders_max;
        self.emit_applied(message.operation, message.member);
        Ok(())
    }

    fn emit_applied(&mut self, operation: u64, member: u32) {
        let command = self.cause.kind;
        self.emit(Applied { operation, member, command, ..Applied::default() });
    }
}

/// The parameters a message asks for.
fn parameters(message: &MarketSet, window_unless_given: u32) -> Parameters {
    let or = |value: u32, default: u32| if value == 0 { default } else { value };
    Parameters {
        base: message.base,
        quote: message.quote,
        lot_units: message.lot_units.get(),
        tick_units: message.tick_units.get(),
        min_notional: message.min_notional.get(),
        min_price: message.min_price_ticks,
        max_price: message.max_price_ticks,
        min_quantity: message.min_quantity_lots,
        max_quantity: message.max_quantity_lots,
        reference_ticks: message.reference_ticks,
        band_bips: message.band_bips,
        profile: message.profile,
        sweep_limit: or(message.sweep_limit, SWEEP_LIMIT_DEFAULT),
        window_ticks: or(message.window_ticks, window_unless_given),
    }
}

fn is_fixed_part_changed(known: &Parameters, asked: &Parameters) -> bool {
    let fixed = |p: &Parameters| (p.base, p.quote, p.lot_units, p.tick_units, p.window_ticks);
    fixed(known) != fixed(asked)
}

fn check_parameters(m: &MarketSet) -> Result<(), RejectReason> {
    let is_unit = |amount: i128| (1..=AMOUNT_MAX).contains(&amount);
    let is_window = |ticks: u32| ticks.is_power_of_two() && (64..=262_144).contains(&ticks);
    let sound = m.base != m.quote
        && is_unit(m.lot_units.get())
        && is_unit(m.tick_units.get())
        && (0..=AMOUNT_MAX).contains(&m.min_notional.get())
        && 1 <= m.min_price_ticks
        && m.min_price_ticks <= m.max_price_ticks
        && m.max_price_ticks <= PRICE_MAX
        && 1 <= m.min_quantity_lots
        && m.min_quantity_lots <= m.max_quantity_lots
        && m.max_quantity_lots <= QUANTITY_MAX
        && (m.reference_ticks == 0
            || (m.min_price_ticks..=m.max_price_ticks).contains(&m.reference_ticks))
        && m.band_bips <= BAND_BIPS_MAX
        && m.profile & !profile::ALL == 0
        && m.sweep_limit <= SWEEP_LIMIT_MAX
        && (m.window_ticks == 0 || is_window(m.window_ticks));
    if sound { Ok(()) } else { Err(RejectReason::MarketParameter) }
}

fn new_market(parameters: Parameters, state: MarketState) -> Market {
    Market {
        parameters,
        state,
        last: None,
        trades: 0,
        bids: Queues::new(),
        asks: Queues::new(),
        upward: Queues::new(),
        downward: Queues::new(),
        trailing: BTreeSet::new(),
        marks: None,
        marked: Vec::new(),
        queue: VecDeque::new(),
        uncross: None,
    }
}
