//! The small kinds: guarded movements of one account, checks before a settlement, the estimate of a
//! market order, the average price.

use super::venue::{BASE, QUOTE, Request, Terms, Venue};
use super::{Differences, side_of};
use crate::decimal::Decimal;
use crate::fact::Fact;
use serde::Deserialize;
use wire::codes::Side;
use wire::command::{kind, profile};
use wire::event::Trade;
use wire::reason::RejectReason;

const AMPLE: Decimal = Decimal(1_000_000_000_000_000_000_000_000_000_000);
const SELLER: u32 = 1;
const BUYER: u32 = 2;

/// Input of `account_op`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountInput {
    balance: Decimal,
    locked: Decimal,
    op: String,
    amount: Decimal,
}

/// Expectation of `account_op`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountExpect {
    ok: bool,
    balance: Decimal,
    locked: Decimal,
}

/// Each operation is one command; the engine's guard decides. Locked money is a withdrawal's hold.
///
/// Peatio's `sub_funds` takes from what is available for good: that is a hold and its settlement,
/// of which the hold is the guarded step.
pub fn account_op(
    terms: &Terms,
    input: &AccountInput,
    expect: &AccountExpect,
) -> Result<Differences, String> {
    const MEMBER: u32 = 1;
    let mut venue = Venue::new(terms, profile::PEATIO, &[0])?;
    let funds = |venue: &mut Venue, kind, amount| venue.funds(kind, MEMBER, BASE, amount);
    let start = Decimal(input.balance.0 + input.locked.0);
    for (kind, amount) in [(kind::DEPOSIT, start), (kind::WITHDRAW_HOLD, input.locked)] {
        if amount != Decimal::ZERO {
            funds(&mut venue, kind, amount).map_err(|reason| reason.key().to_owned())?;
        }
    }
    let outcome = match input.op.as_str() {
        "plus_funds" => funds(&mut venue, kind::DEPOSIT, input.amount),
        "lock_funds" => funds(&mut venue, kind::WITHDRAW_HOLD, input.amount),
        "unlock_funds" => funds(&mut venue, kind::WITHDRAW_RELEASE, input.amount),
        "unlock_and_sub_funds" => funds(&mut venue, kind::WITHDRAW_SETTLE, input.amount),
        "sub_funds" => funds(&mut venue, kind::WITHDRAW_HOLD, input.amount)
            .and_then(|_| funds(&mut venue, kind::WITHDRAW_SETTLE, input.amount)),
        other => return Err(format!("no operation {other}")),
    };
    let (balance, locked) = venue.balance(MEMBER, BASE);
    let found = AccountExpect { ok: outcome.is_ok(), balance, locked };
    let mut differences = Differences::default();
    differences.compare("account", expect, &found);
    Ok(differences)
}

/// Input of `settlement_check`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementInput {
    maker: OrderState,
    taker: OrderState,
    trade: TradeAsked,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderState {
    side: String,
    ord_type: String,
    price: Option<Decimal>,
    volume: Decimal,
    /// Of a market buy.
    locked: Option<Decimal>,
    state: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TradeAsked {
    price: Decimal,
    amount: Decimal,
    total: Decimal,
}

/// Expectation of `settlement_check`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementExpect {
    error_code: Option<u32>,
    trade_created: bool,
}

/// Peatio settles in a second process, which has to check what the first one matched; here the
/// trade *is* its settlement. Two parts:
///
/// - `trade_created` is the engine's: the two orders enter it, as far as they are still open, and
///   it makes the asked trade or does not.
/// - `error_code` names the first rule that the asked trade breaks. The codes are Peatio's and have
///   no other home than here; the order of the rules is its executor's.
pub fn settlement_check(
    terms: &Terms,
    input: &SettlementInput,
    expect: &SettlementExpect,
) -> Result<Differences, String> {
    let found = SettlementExpect {
        error_code: broken_rule(input)?,
        trade_created: engine_makes_trade(terms, input)?,
    };
    let mut differences = Differences::default();
    differences.compare("settlement", expect, &found);
    Ok(differences)
}

fn broken_rule(input: &SettlementInput) -> Result<Option<u32>, String> {
    let (maker, taker, trade) = (&input.maker, &input.taker, &input.trade);
    let sells = |order: &OrderState| Ok::<_, String>(side_of(&order.side)? == Side::Sell);
    let (ask, bid) = if sells(maker)? { (maker, taker) } else { (taker, maker) };
    let least = maker.volume.min(taker.volume);
    let rules = [
        (3001, ask.price.is_some_and(|price| price > trade.price)),
        (3002, bid.price.is_some_and(|price| price < trade.price)),
        (3003, maker.state != "wait"),
        (3004, taker.state != "wait"),
        (3005, trade.total <= Decimal::ZERO || trade.amount > least),
    ];
    Ok(rules.iter().find(|(_, is_broken)| *is_broken).map(|(code, _)| *code))
}

fn engine_makes_trade(terms: &Terms, input: &SettlementInput) -> Result<bool, String> {
    let mut venue = venue_with_two(terms, profile::PEATIO)?;
    let mut trades = Vec::new();
    for (id, order) in [(1, &input.maker), (2, &input.taker)] {
        if order.state != "wait" {
            continue;
        }
        let side = side_of(&order.side)?;
        let price = order.price.filter(|_| order.ord_type == "limit");
        let facts = venue.submit(&Request {
            member: if side == Side::Sell { SELLER } else { BUYER },
            id,
            side,
            price: price.map(|price| terms.ticks(price).ok_or("price places")).transpose()?,
            lots: terms.lots(order.volume).ok_or("volume places")?,
            hold: order.locked.filter(|_| price.is_none() && side == Side::Buy),
        });
        trades.extend(facts.unwrap_or_default().iter().filter_map(trade_of));
    }
    let is_asked = |trade: &Trade| {
        terms.price(trade.price_ticks) == input.trade.price
            && terms.quantity(trade.quantity_lots.into()) == input.trade.amount
            && terms.notional(trade.price_ticks, trade.quantity_lots) == input.trade.total
    };
    Ok(trades.iter().any(is_asked))
}

fn trade_of(fact: &Fact) -> Option<Trade> {
    match fact {
        Fact::Trade(trade) => Some(*trade),
        _ => None,
    }
}

/// A venue with an amply funded seller and buyer.
fn venue_with_two(terms: &Terms, profile: u32) -> Result<Venue, String> {
    let mut venue = Venue::new(&terms.unlimited(), profile, &[0, 0])?;
    for (member, currency) in [(SELLER, BASE), (BUYER, QUOTE), (SELLER, QUOTE), (BUYER, BASE)] {
        let funded = venue.funds(kind::DEPOSIT, member, currency, AMPLE);
        funded.map_err(|reason| reason.key().to_owned())?;
    }
    Ok(venue)
}

/// Input of `market_estimate`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstimateInput {
    side: String,
    volume: Decimal,
    opposite_depth_best_first: Vec<(Decimal, Decimal)>,
}

/// Expectation of `market_estimate`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstimateExpect {
    required_funds: Option<Decimal>,
    error: Option<String>,
}

/// The depth rests in the engine and the order enters: what it holds is the estimate, of a buy
/// times 1.1, which is exact because an estimate is a whole number of ten smallest units.
pub fn market_estimate(
    terms: &Terms,
    input: &EstimateInput,
    expect: &EstimateExpect,
) -> Result<Differences, String> {
    let mut venue = venue_with_two(terms, profile::PEATIO)?;
    let side = side_of(&input.side)?;
    let (taker, maker) = if side == Side::Buy { (BUYER, SELLER) } else { (SELLER, BUYER) };
    for (id, (price, volume)) in (1..).zip(&input.opposite_depth_best_first) {
        let price = Some(terms.ticks(*price).ok_or("price places")?);
        let lots = terms.lots(*volume).ok_or("volume places")?;
        let order = Request { member: maker, id, side: side.opposite(), price, lots, hold: None };
        venue.submit(&order).map_err(|reason| reason.key().to_owned())?;
    }
    let lots = terms.lots(input.volume).ok_or("volume places")?;
    let order = Request { member: taker, id: 1_000, side, price: None, lots, hold: None };
    let found = match venue.submit(&order) {
        Ok(facts) => {
            let held = facts.iter().find_map(|fact| match fact {
                Fact::Accepted(accepted) => Some(accepted.held.get()),
                _ => None,
            });
            let held = held.ok_or("the engine accepts and says nothing")?;
            let bare = if side == Side::Buy { held * 10 / 11 } else { held };
            EstimateExpect { required_funds: Some(Decimal(bare)), error: None }
        }
        Err(reason) => {
            let error = Some(error_key(reason).to_owned());
            EstimateExpect { required_funds: None, error }
        }
    };
    let mut differences = Differences::default();
    differences.compare("estimate", expect, &found);
    Ok(differences)
}

/// Peatio's error key for a reason of the engine.
pub fn error_key(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::InsufficientFunds => "market.account.insufficient_balance",
        RejectReason::InsufficientLiquidity => "market.order.insufficient_market_liquidity",
        RejectReason::PriceInvalid | RejectReason::QuantityInvalid => {
            "market.order.invalid_volume_or_price"
        }
        other => other.key(),
    }
}

/// Input of `avg_price`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AverageInput {
    side: String,
    origin_locked: Decimal,
    locked: Decimal,
    funds_received: Decimal,
    price_precision: u32,
}

/// Expectation of `avg_price`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AverageExpect {
    avg_price: Decimal,
}

/// Arithmetic over what the events say of an order; the engine keeps no averages.
pub fn avg_price(input: &AverageInput, expect: &AverageExpect) -> Result<Differences, String> {
    let spent = Decimal(input.origin_locked.0 - input.locked.0);
    let side = side_of(&input.side)?;
    let avg_price = average(side, spent, input.funds_received, input.price_precision);
    let mut differences = Differences::default();
    differences.compare("average", expect, &AverageExpect { avg_price });
    Ok(differences)
}

/// Quote over base of what was spent and received, rounded down to `precision` places; 0 if
/// unfilled.
pub fn average(side: Side, spent: Decimal, received: Decimal, precision: u32) -> Decimal {
    let (quote, base) = match side {
        Side::Buy => (spent.0, received.0),
        Side::Sell => (received.0, spent.0),
    };
    if base == 0 || received == Decimal::ZERO {
        return Decimal::ZERO;
    }
    let steps = 10_i128.pow(precision);
    // Whole part and rest apart: the product of both with the steps could overflow.
    let rest = (quote % base) * steps / base;
    Decimal((quote / base * steps + rest) * (crate::decimal::ONE / steps))
}
