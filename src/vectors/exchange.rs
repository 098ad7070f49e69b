//! Kind `exchange`: a small exchange over the engine, one action after the other.
//!
//! Who does what. The engine, in Peatio's profile: decides funds and liquidity, holds, matches,
//! takes fees, settles, releases. This file plays the layers around it: it refuses what an API
//! layer refuses before the core is asked ([`Exchange::refusal`]), and it keeps what Peatio keeps
//! in its database (order rows, accounts, revenues, double entry rows) from the engine's events
//! alone. At the end the accounts built so are compared with the engine's own balances.

use super::ledger::{Ledger, Leg, Operation};
use super::primitives::{average, error_key};
use super::venue::{BASE, MARKET, QUOTE, Request, Terms, Venue};
use super::{Differences, Levels, side_of};
use crate::decimal::{Decimal, ONE};
use crate::fact::Fact;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use wire::codes::{DoneReason, Side};
use wire::command::{kind, profile};
use wire::event::{Accepted, Done, Trade, trade_flag};
use wire::reason::RejectReason;

const INSUFFICIENT_BALANCE: &str = "market.account.insufficient_balance";
const INSUFFICIENT_LIQUIDITY: &str = "market.order.insufficient_market_liquidity";
const INVALID_VOLUME_OR_PRICE: &str = "market.order.invalid_volume_or_price";

/// What a vector does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the market.
    pub market: String,
    trading_fees: Vec<FeeRow>,
    members: BTreeMap<String, Member>,
    funds_rule: String,
    actions: Vec<Action>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeeRow {
    market: String,
    group: String,
    maker: Decimal,
    taker: Decimal,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    balances: BTreeMap<String, Decimal>,
    group: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Action {
    Order(OrderAction),
    Cancel { order: u64 },
    SetFees { fees: Vec<FeeRow> },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderAction {
    #[serde(rename = "as")]
    member: String,
    side: String,
    ord_type: String,
    price: Option<Decimal>,
    volume: Decimal,
}

/// What a vector expects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    responses: Vec<Response>,
    trades: Vec<TradeRow>,
    orders: Vec<OrderRow>,
    accounts: Accounts,
    revenues: BTreeMap<String, Decimal>,
    book: Levels,
    operations: Option<Vec<Operation>>,
}

type Accounts = BTreeMap<String, BTreeMap<String, Balance>>;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Response {
    status: u16,
    order: Option<u64>,
    state: Option<String>,
    locked: Option<Decimal>,
    error: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct TradeRow {
    id: u64,
    price: Decimal,
    amount: Decimal,
    total: Decimal,
    maker_order: u64,
    taker_order: u64,
    maker: String,
    taker: String,
    taker_type: String,
    fees: Vec<FeePaid>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeePaid {
    member: String,
    order: u64,
    role: String,
    side: String,
    currency: String,
    rate: Decimal,
    fee: Decimal,
    net_income: Decimal,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderRow {
    id: u64,
    state: String,
    side: String,
    ord_type: String,
    remaining_volume: Decimal,
    executed_volume: Decimal,
    locked: Decimal,
    origin_locked: Decimal,
    funds_received: Decimal,
    avg_price: Decimal,
    trades_count: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Balance {
    balance: Decimal,
    locked: Decimal,
}

/// Runs one vector.
pub fn run(terms: &Terms, input: &Input, expect: &Expect) -> Result<Differences, String> {
    let mut exchange = Exchange::new(terms, input)?;
    for action in &input.actions {
        match action {
            Action::Order(order) => exchange.order(order)?,
            Action::Cancel { order } => exchange.cancel(*order)?,
            Action::SetFees { fees } => exchange.set_fees(fees)?,
        }
    }
    let mut differences = Differences::default();
    let rows: Vec<OrderRow> = exchange.orders.values().map(|order| order.row.clone()).collect();
    differences.compare("responses", &expect.responses, &exchange.responses);
    differences.compare("trades", &expect.trades, &exchange.trades);
    differences.compare("orders", &expect.orders, &rows);
    differences.compare("accounts", &expect.accounts, &exchange.accounts);
    differences.compare("accounts in the engine", &exchange.accounts, &exchange.engine_accounts());
    differences.compare("revenues", &expect.revenues, &exchange.revenues);
    differences.compare("revenues in the engine", &exchange.revenues, &exchange.house());
    differences.compare("book", &expect.book, &Levels::of(&exchange.venue));
    if let Some(operations) = &expect.operations {
        differences.compare("operations", operations, &exchange.ledger.rows);
    }
    differences.doubts(&exchange.venue.book);
    Ok(differences)
}

struct Order {
    row: OrderRow,
    member: String,
    side: Side,
    is_market: bool,
    /// Frozen at entry.
    rates: [Decimal; 2],
}

struct Exchange {
    venue: Venue,
    funds_rule: String,
    /// Name to number.
    members: BTreeMap<String, u32>,
    groups: HashMap<String, u16>,
    orders: BTreeMap<u64, Order>,
    /// The engine's order id to ours.
    ids: HashMap<u64, u64>,
    responses: Vec<Response>,
    trades: Vec<TradeRow>,
    accounts: Accounts,
    revenues: BTreeMap<String, Decimal>,
    ledger: Ledger,
}

impl Exchange {
    fn new(terms: &Terms, input: &Input) -> Result<Self, String> {
        let rows = input.actions.iter().filter_map(|action| match action {
            Action::SetFees { fees } => Some(fees),
            _ => None,
        });
        let rows = rows.chain([&input.trading_fees]).flatten().map(|row| row.group.clone());
        let named = input.members.values().filter_map(|member| member.group.clone());
        let mut groups = HashMap::from([("any".to_owned(), 0)]);
        for group in ["vip-0".to_owned()].into_iter().chain(rows).chain(named) {
            let next = groups.len() as u16;
            groups.entry(group).or_insert(next);
        }
        let group_of = |member: &Member| groups[member.group.as_deref().unwrap_or("vip-0")];
        let members: Vec<u16> = input.members.values().map(group_of).collect();
        let bits = match input.funds_rule.as_str() {
            "2.4" => profile::PEATIO,
            "2.3" | "2.5" => profile::PEATIO & !profile::FUNDS_RULE_24,
            other => return Err(format!("no funds rule {other}")),
        };
        let mut exchange = Self {
            venue: Venue::new(terms, bits, &members)?,
            funds_rule: input.funds_rule.clone(),
            members: input.members.keys().cloned().zip(1..).collect(),
            groups,
            orders: BTreeMap::new(),
            ids: HashMap::new(),
            responses: Vec::new(),
            trades: Vec::new(),
            accounts: Accounts::new(),
            revenues: BTreeMap::new(),
            ledger: Ledger::default(),
        };
        exchange.set_fees(&input.trading_fees)?;
        for (name, member) in &input.members {
            exchange.fund(name, &member.balances)?;
        }
        Ok(exchange)
    }

    fn fund(&mut self, name: &str, balances: &BTreeMap<String, Decimal>) -> Result<(), String> {
        let number = self.members[name];
        let mut accounts = BTreeMap::new();
        for (currency, amount) in balances {
            let id = self.currency_id(currency)?;
            if *amount != Decimal::ZERO {
                let funded = self.venue.funds(kind::DEPOSIT, number, id, *amount);
                funded.map_err(|reason| format!("deposit: {}", reason.key()))?;
            }
            accounts.insert(currency.clone(), Balance { balance: *amount, locked: Decimal::ZERO });
        }
        self.accounts.insert(name.to_owned(), accounts);
        Ok(())
    }

    fn currency_id(&self, currency: &str) -> Result<u16, String> {
        match currency {
            _ if currency == self.venue.terms.base_unit => Ok(BASE),
            _ if currency == self.venue.terms.quote_unit => Ok(QUOTE),
            other => Err(format!("{other} does not trade in {}", self.venue.terms.id)),
        }
    }

    fn set_fees(&mut self, rows: &[FeeRow]) -> Result<(), String> {
        for row in rows {
            let market = match row.market.as_str() {
                "any" => 0,
                name if name == self.venue.terms.id => MARKET,
                // A row of a market that does not exist here.
                _ => continue,
            };
            let ppm = |rate: Decimal| {
                let ppm = rate.steps(ONE / 1_000_000).and_then(|ppm| u32::try_from(ppm).ok());
                ppm.ok_or(format!("fee rate {rate} is no whole number of millionths"))
            };
            let group = self.groups[&row.group];
            self.venue.set_fee(market, group, ppm(row.maker)?, ppm(row.taker)?)?;
        }
        Ok(())
    }

    fn order(&mut self, action: &OrderAction) -> Result<(), String> {
        let side = side_of(&action.side)?;
        let is_market = action.ord_type == "market";
        let error = match self.refusal(action, side, is_market)? {
            Some(error) => error,
            None => match self.enter(action, side, is_market)? {
                Ok(()) => return Ok(()),
                Err(RejectReason::InsufficientFunds)
                    if self.is_empty_lock(action, side, is_market) =>
                {
                    self.reject_later(action, side);
                    return Ok(());
                }
                Err(reason) => error_key(reason),
            },
        };
        let error = Some(error.to_owned());
        self.responses.push(Response { status: 422, error, ..Response::default() });
        Ok(())
    }

    /// What Peatio's API answers before anything is locked, where the core cannot answer it:
    /// numbers the core cannot carry (too many places, outside the market's limits), and the funds
    /// rule of 2.3, which has no profile. Peatio looks at depth first, then at funds, then at the
    /// numbers.
    fn refusal(
        &self,
        action: &OrderAction,
        side: Side,
        is_market: bool,
    ) -> Result<Option<&'static str>, String> {
        let is_valid = self.numbers_are_valid(action);
        let is_23_buy = is_market && side == Side::Buy && self.funds_rule == "2.3";
        if is_valid && !is_23_buy {
            return Ok(None);
        }
        let Some(needed) = self.needed(action, side, is_market) else {
            return Ok(Some(INSUFFICIENT_LIQUIDITY));
        };
        let account = self.account(&action.member, self.paid_currency(side));
        if account.balance < needed {
            return Ok(Some(INSUFFICIENT_BALANCE));
        }
        Ok(if is_valid { None } else { Some(INVALID_VOLUME_OR_PRICE) })
    }

    fn numbers_are_valid(&self, action: &OrderAction) -> bool {
        let terms = &self.venue.terms;
        let price_is_valid = action.price.is_none_or(|price| {
            terms.ticks(price).is_some()
                && price >= terms.min_price
                && (terms.max_price == Decimal::ZERO || price <= terms.max_price)
        });
        price_is_valid && terms.lots(action.volume).is_some() && action.volume >= terms.min_amount
    }

    /// What the balance is tested against; `None` if the book is too thin for a market order.
    fn needed(&self, action: &OrderAction, side: Side, is_market: bool) -> Option<Decimal> {
        if !is_market {
            return match side {
                Side::Buy => action.price?.times(action.volume),
                Side::Sell => Some(action.volume),
            };
        }
        let (mut left, mut cost) = (action.volume, Decimal::ZERO);
        for (price, lots) in self.venue.book.levels(side.opposite()) {
            let level = self.venue.terms.quantity(lots).min(left);
            cost.0 += self.venue.terms.price(price).times(level)?.0;
            left.0 -= level.0;
        }
        if left > Decimal::ZERO {
            return None;
        }
        Some(match (side, self.funds_rule.as_str()) {
            (Side::Sell, _) => action.volume,
            (Side::Buy, "2.3") => Decimal(cost.0 * 11 / 10),
            (Side::Buy, "2.4") => cost,
            (Side::Buy, _) => Decimal::ZERO,
        })
    }

    /// Sends the order to the engine and books what it did.
    fn enter(
        &mut self,
        action: &OrderAction,
        side: Side,
        is_market: bool,
    ) -> Result<Result<(), RejectReason>, String> {
        let terms = &self.venue.terms;
        let id = self.orders.len() as u64 + 1;
        let price = action.price.filter(|_| !is_market);
        let request = Request {
            member: self.members[&action.member],
            id,
            side,
            price: price.map(|price| terms.ticks(price).ok_or("price places")).transpose()?,
            lots: terms.lots(action.volume).ok_or("volume places")?,
            hold: None,
        };
        let facts = match self.venue.submit(&request) {
            Ok(facts) => facts,
            Err(reason) => return Ok(Err(reason)),
        };
        for (index, fact) in facts.iter().enumerate() {
            match fact {
                Fact::Accepted(accepted) => self.accepted(id, action, side, accepted),
                Fact::Trade(trade) => self.trade(trade, &facts[index..]),
                Fact::Done(done) => self.done(done),
                other => return Err(format!("no order of Peatio does this: {other:?}")),
            }
        }
        Ok(Ok(()))
    }

    fn accepted(&mut self, id: u64, action: &OrderAction, side: Side, accepted: &Accepted) {
        let held = Decimal(accepted.held.get());
        let is_market = action.ord_type == "market";
        let rates = [accepted.maker_ppm, accepted.taker_ppm];
        let rates = rates.map(|ppm| Decimal(i128::from(ppm) * (ONE / 1_000_000)));
        let row = new_row(id, action, "wait", held);
        let member = action.member.clone();
        self.ids.insert(accepted.order_id, id);
        let currency = self.paid_currency(side).to_owned();
        let account = self.account_mut(&member, &currency);
        account.balance.0 -= held.0;
        account.locked.0 += held.0;
        self.ledger.lock(&member, &currency, held, id);
        self.orders.insert(id, Order { row, member, side, is_market, rates });
        self.responses.push(pending(id, held));
    }

    /// Rules 2.5 and later lost the funds test: with nothing available they answer 201, and the
    /// order is rejected when it should lock its nothing.
    fn is_empty_lock(&self, action: &OrderAction, side: Side, is_market: bool) -> bool {
        let account = self.account(&action.member, self.paid_currency(side));
        is_market
            && side == Side::Buy
            && self.funds_rule == "2.5"
            && account.balance == Decimal::ZERO
    }

    fn reject_later(&mut self, action: &OrderAction, side: Side) {
        let id = self.orders.len() as u64 + 1;
        let row = new_row(id, action, "reject", Decimal::ZERO);
        let (member, rates) = (action.member.clone(), [Decimal::ZERO; 2]);
        self.orders.insert(id, Order { row, member, side, is_market: true, rates });
        self.responses.push(pending(id, Decimal::ZERO));
    }

    /// Books a trade. `facts` are this and all later events of the command.
    fn trade(&mut self, trade: &Trade, facts: &[Fact]) {
        let id = |order| self.ids.get(&order).copied().unwrap_or_default();
        let (maker, taker) = (id(trade.maker_order_id), id(trade.taker_order_id));
        let total = self.venue.terms.notional(trade.price_ticks, trade.quantity_lots);
        let amount = self.venue.terms.quantity(trade.quantity_lots.into());
        let unused = |flag, order| match trade.flags & flag {
            0 => Decimal::ZERO,
            _ => unused_by(order, facts),
        };
        let legs = [
            (
                maker,
                "maker",
                trade.maker_fee,
                unused(trade_flag::MAKER_FILLED, trade.maker_order_id),
            ),
            (
                taker,
                "taker",
                trade.taker_fee,
                unused(trade_flag::TAKER_FILLED, trade.taker_order_id),
            ),
        ];
        let sides = [maker, taker].map(|order| self.orders[&order].side);
        let fees: Vec<FeePaid> = legs
            .iter()
            .map(|(order, role, fee, _)| {
                self.fill(*order, role, (amount, total), Decimal(fee.get()))
            })
            .collect();
        let (base, quote) = (&self.venue.terms.base_unit, &self.venue.terms.quote_unit);
        let leg = |index: usize| {
            let order = &self.orders[&legs[index].0];
            let (paid, received) = match order.side {
                Side::Sell => ((base.as_str(), amount), (quote.as_str(), total)),
                Side::Buy => ((quote.as_str(), total), (base.as_str(), amount)),
            };
            let (fee, unused) = (Decimal(legs[index].2.get()), legs[index].3);
            Leg { member: &order.member, paid, received, fee, unused }
        };
        let seller_is_maker = sides[0] == Side::Sell;
        let (seller, buyer) = if seller_is_maker { (leg(0), leg(1)) } else { (leg(1), leg(0)) };
        self.ledger.trade(trade.trade_id, &seller, &buyer, seller_is_maker);
        self.trades.push(TradeRow {
            id: trade.trade_id,
            price: self.venue.terms.price(trade.price_ticks),
            amount,
            total,
            maker_order: maker,
            taker_order: taker,
            maker: self.orders[&maker].member.clone(),
            taker: self.orders[&taker].member.clone(),
            taker_type: Side::decode(trade.taker_side).map_or("", Side::key).to_owned(),
            fees,
        });
    }

    /// One order's share of a trade: its row, its member's accounts, the house's revenue.
    fn fill(&mut self, id: u64, role: &str, worth: (Decimal, Decimal), fee: Decimal) -> FeePaid {
        let Some(order) = self.orders.get_mut(&id) else {
            unreachable!("a trade's orders were accepted")
        };
        let (amount, total) = worth;
        let (spent, income) = match order.side {
            Side::Sell => (amount, total),
            Side::Buy => (total, amount),
        };
        let precision = self.venue.terms.price_precision;
        let row = &mut order.row;
        row.remaining_volume.0 -= amount.0;
        row.executed_volume.0 += amount.0;
        row.locked.0 -= spent.0;
        row.funds_received.0 += income.0;
        row.trades_count += 1;
        let all_spent = Decimal(row.origin_locked.0 - row.locked.0);
        row.avg_price = average(order.side, all_spent, row.funds_received, precision);
        if row.remaining_volume == Decimal::ZERO {
            row.state = "done".to_owned();
        } else if order.is_market && row.locked == Decimal::ZERO {
            row.state = "cancel".to_owned();
        }
        let (member, side) = (order.member.clone(), order.side);
        let rate = order.rates[usize::from(role == "taker")];
        let (paid, currency) = match side {
            Side::Sell => (&self.venue.terms.base_unit, &self.venue.terms.quote_unit),
            Side::Buy => (&self.venue.terms.quote_unit, &self.venue.terms.base_unit),
        };
        let (paid, currency) = (paid.clone(), currency.clone());
        let net_income = Decimal(income.0 - fee.0);
        self.account_mut(&member, &paid).locked.0 -= spent.0;
        self.account_mut(&member, &currency).balance.0 += net_income.0;
        if fee != Decimal::ZERO {
            self.revenues.entry(currency.clone()).or_default().0 += fee.0;
        }
        let (role, side) = (role.to_owned(), side.key().to_owned());
        FeePaid { member, order: id, role, side, currency, rate, fee, net_income }
    }

    fn done(&mut self, done: &Done) {
        let released = Decimal(done.released.get());
        let id = self.ids.get(&done.order_id).copied().unwrap_or_default();
        let Some(order) = self.orders.get_mut(&id) else { return };
        let (member, side) = (order.member.clone(), order.side);
        let is_filled = done.reason == DoneReason::Filled.code();
        if !is_filled {
            order.row.state = "cancel".to_owned();
        }
        let currency = self.paid_currency(side).to_owned();
        let account = self.account_mut(&member, &currency);
        account.locked.0 -= released.0;
        account.balance.0 += released.0;
        if !is_filled {
            self.ledger.unlock(&member, &currency, released, id);
        }
    }

    fn cancel(&mut self, id: u64) -> Result<(), String> {
        let order = self.orders.get(&id).ok_or(format!("no order {id} to cancel"))?;
        let state = Some(order.row.state.clone());
        self.responses.push(Response {
            status: 201,
            order: Some(id),
            state,
            ..Response::default()
        });
        // Peatio answers before it cancels, and passes over an order that has ended.
        for fact in self.venue.cancel(self.members[&order.member], id).unwrap_or_default() {
            if let Fact::Done(done) = fact {
                self.done(&done);
            }
        }
        Ok(())
    }

    fn paid_currency(&self, side: Side) -> &str {
        match side {
            Side::Buy => &self.venue.terms.quote_unit,
            Side::Sell => &self.venue.terms.base_unit,
        }
    }

    fn account(&self, member: &str, currency: &str) -> Balance {
        let accounts = self.accounts.get(member);
        accounts.and_then(|accounts| accounts.get(currency)).copied().unwrap_or_default()
    }

    fn account_mut(&mut self, member: &str, currency: &str) -> &mut Balance {
        let accounts = self.accounts.entry(member.to_owned()).or_default();
        accounts.entry(currency.to_owned()).or_default()
    }

    fn engine_accounts(&self) -> Accounts {
        let balance = |name: &str, currency: &str| {
            let id = self.currency_id(currency).unwrap_or_default();
            let (balance, locked) = self.venue.balance(self.members[name], id);
            (currency.to_owned(), Balance { balance, locked })
        };
        let of = |(name, accounts): (&String, &BTreeMap<String, Balance>)| {
            (name.clone(), accounts.keys().map(|currency| balance(name, currency)).collect())
        };
        self.accounts.iter().map(of).collect()
    }

    fn house(&self) -> BTreeMap<String, Decimal> {
        let terms = &self.venue.terms;
        [(&terms.base_unit, BASE), (&terms.quote_unit, QUOTE)]
            .into_iter()
            .map(|(name, id)| (name.clone(), self.venue.balance(0, id).0))
            .filter(|(_, amount)| *amount != Decimal::ZERO)
            .collect()
    }
}

fn new_row(id: u64, action: &OrderAction, state: &str, locked: Decimal) -> OrderRow {
    OrderRow {
        id,
        state: state.to_owned(),
        side: action.side.clone(),
        ord_type: action.ord_type.clone(),
        remaining_volume: action.volume,
        executed_volume: Decimal::ZERO,
        locked,
        origin_locked: locked,
        funds_received: Decimal::ZERO,
        avg_price: Decimal::ZERO,
        trades_count: 0,
    }
}

fn pending(id: u64, locked: Decimal) -> Response {
    let (order, state) = (Some(id), Some("pending".to_owned()));
    Response { status: 201, order, state, locked: Some(locked), error: None }
}

/// What the engine gives back for an order that is filled.
fn unused_by(order_id: u64, facts: &[Fact]) -> Decimal {
    let released = facts.iter().find_map(|fact| match fact {
        Fact::Done(done) if done.order_id == order_id => Some(done.released.get()),
        _ => None,
    });
    Decimal(released.unwrap_or_default())
}
