//! One market of the vectors inside the real engine: base is currency 1, quote is currency 2, both
//! with 18 places, so that a [`Decimal`] is an amount as it stands.

use crate::book::Book;
use crate::decimal::{Decimal, ONE, PLACES};
use crate::fact::{Fact, Facts};
use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use serde::Deserialize;
use wire::codes::{MarketState, OrderType, Side, TimeInForce};
use wire::command::{
    Cancel, Command, CurrencySet, FeeSet, Funds, MarketSet, MemberSet, NewOrder, OrderExtra, flag,
    kind,
};
use wire::limits::{PRICE_MAX, QUANTITY_MAX};
use wire::reason::RejectReason;
use wire::record::Header;
use wire::units::Amount;

/// The one market.
pub const MARKET: u16 = 1;
/// Its base currency.
pub const BASE: u16 = 1;
/// Its quote currency.
pub const QUOTE: u16 = 2;

const CAPACITY: Capacity =
    Capacity { orders: 1024, members: 64, accounts: 256, lists: 16, ladder_ticks: 1 << 16 };

/// A market as the vectors describe it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Name.
    pub id: String,
    /// Base currency.
    pub base_unit: String,
    /// Quote currency.
    pub quote_unit: String,
    /// Places of a quantity.
    pub amount_precision: u32,
    /// Places of a price.
    pub price_precision: u32,
    /// Lowest price.
    pub min_price: Decimal,
    /// Highest price; 0 for none.
    pub max_price: Decimal,
    /// Smallest quantity.
    pub min_amount: Decimal,
}

impl Terms {
    fn tick(&self) -> i128 {
        10_i128.pow(PLACES.saturating_sub(self.price_precision))
    }

    fn lot(&self) -> i128 {
        10_i128.pow(PLACES.saturating_sub(self.amount_precision))
    }

    fn tick_units(&self) -> i128 {
        self.tick() * self.lot() / ONE
    }

    /// A price in ticks; `None` if it has too many places.
    pub fn ticks(&self, price: Decimal) -> Option<u64> {
        price.steps(self.tick())
    }

    /// A quantity in lots; `None` if it has too many places.
    pub fn lots(&self, quantity: Decimal) -> Option<u64> {
        quantity.steps(self.lot())
    }

    /// A price as a decimal.
    pub fn price(&self, ticks: u64) -> Decimal {
        Decimal(i128::from(ticks) * self.tick())
    }

    /// A quantity as a decimal.
    pub fn quantity(&self, lots: u128) -> Decimal {
        Decimal(lots.cast_signed() * self.lot())
    }

    /// What lots cost at a price.
    pub fn notional(&self, ticks: u64, lots: u64) -> Decimal {
        Decimal(i128::from(ticks) * i128::from(lots) * self.tick_units())
    }

    /// The same market without its lower and upper limits.
    pub fn unlimited(&self) -> Self {
        let (min_price, max_price) = (Decimal(self.tick()), Decimal::ZERO);
        Self { min_price, max_price, min_amount: Decimal(self.lot()), ..self.clone() }
    }
}

/// An order of the vectors, in the engine's units.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Who.
    pub member: u32,
    /// The vectors' order id.
    pub id: u64,
    /// Side.
    pub side: Side,
    /// Limit price; `None` for a market order.
    pub price: Option<u64>,
    /// Lots.
    pub lots: u64,
    /// What a market buy is to hold; `None` for the engine's own estimate.
    pub hold: Option<Decimal>,
}

/// What a command did.
pub type Outcome = Result<Vec<Fact>, RejectReason>;

/// The engine with one market, and a book built from its events.
pub struct Venue {
    /// The market.
    pub terms: Terms,
    /// The reader's book.
    pub book: Book,
    engine: Engine,
    clock: u64,
    operation: u64,
}

impl Venue {
    /// A venue with `members` members, 1 to that number, in fee group `group` of each.
    pub fn new(terms: &Terms, profile: u32, groups: &[u16]) -> Result<Self, String> {
        if terms.price_precision + terms.amount_precision > PLACES {
            return Err(format!("market {} has more than {PLACES} places", terms.id));
        }
        let mut venue = Self {
            terms: terms.clone(),
            book: Book::default(),
            engine: Engine::new(&CAPACITY),
            clock: 0,
            operation: 0,
        };
        for currency in [BASE, QUOTE] {
            venue.set(&CurrencySet {
                header: Header::new(kind::CURRENCY_SET, 1, 0),
                operation: venue.operation + 1,
                currency,
                scale: PLACES as u8,
                ..CurrencySet::default()
            })?;
        }
        let market = venue.market_set(profile);
        venue.set(&market)?;
        for (member, fee_group) in (1..).zip(groups) {
            venue.set(&MemberSet {
                header: Header::new(kind::MEMBER_SET, 1, 0),
                operation: venue.operation + 1,
                member,
                fee_group: *fee_group,
                ..MemberSet::default()
            })?;
        }
        Ok(venue)
    }

    fn market_set(&self, profile: u32) -> MarketSet {
        let terms = &self.terms;
        let ticks = |price: Decimal, absent: u64| match terms.ticks(price) {
            Some(0) | None => absent,
            Some(ticks) => ticks,
        };
        MarketSet {
            header: Header::new(kind::MARKET_SET, 3, MARKET),
            operation: self.operation + 1,
            base: BASE,
            quote: QUOTE,
            state: MarketState::Continuous.code(),
            lot_units: Amount::new(terms.lot()),
            tick_units: Amount::new(terms.tick_units()),
            min_price_ticks: ticks(terms.min_price, 1),
            max_price_ticks: ticks(terms.max_price, PRICE_MAX),
            min_quantity_lots: terms.lots(terms.min_amount).unwrap_or(1).max(1),
            max_quantity_lots: QUANTITY_MAX,
            profile,
            ..MarketSet::default()
        }
    }

    fn set<M: wire::command::Message>(&mut self, message: &M) -> Result<(), String> {
        self.operation += 1;
        let outcome = self.apply(&mut Command::new(message));
        outcome
            .map(drop)
            .map_err(|reason| format!("the engine refuses a setting: {}", reason.key()))
    }

    /// A row of the fee table.
    pub fn set_fee(
        &mut self,
        market: u16,
        group: u16,
        maker: u32,
        taker: u32,
    ) -> Result<(), String> {
        self.set(&FeeSet {
            header: Header::new(kind::FEE_SET, 1, market),
            operation: self.operation + 1,
            maker_ppm: maker,
            taker_ppm: taker,
            group,
            ..FeeSet::default()
        })
    }

    /// A movement of money; `kind` is one of the funds commands.
    pub fn funds(&mut self, kind: u8, member: u32, currency: u16, amount: Decimal) -> Outcome {
        self.operation += 1;
        let to_member = 0;
        self.apply(&mut Command::new(&Funds {
            header: Header::new(kind, 1, 0),
            amount: Amount::new(amount.0),
            operation: self.operation,
            member,
            to_member,
            currency,
            ..Funds::default()
        }))
    }

    /// Enters an order.
    pub fn submit(&mut self, request: &Request) -> Outcome {
        let order = NewOrder {
            header: Header::new(kind::NEW_ORDER, 1, MARKET),
            member: request.member,
            client_order_id: request.id,
            price_ticks: request.price.unwrap_or(0),
            quantity_lots: request.lots,
            side: request.side.code(),
            order_type: match request.price {
                Some(_) => OrderType::Limit.code(),
                None => OrderType::Market.code(),
            },
            time_in_force: match request.price {
                Some(_) => TimeInForce::Gtc.code(),
                None => TimeInForce::Ioc.code(),
            },
            ..NewOrder::default()
        };
        let mut command = match request.hold {
            Some(hold) => {
                let quote_amount = Amount::new(hold.0);
                Command::with_extra(&order, &OrderExtra { quote_amount, ..OrderExtra::default() })
            }
            None => Command::new(&order),
        };
        self.apply(&mut command)
    }

    /// Cancels an order by the vectors' id.
    pub fn cancel(&mut self, member: u32, id: u64) -> Outcome {
        let mut cancel = Cancel {
            header: Header::new(kind::CANCEL, 1, MARKET),
            member,
            target: id,
            ..Cancel::default()
        };
        cancel.header.flags = flag::BY_CLIENT_ID;
        self.apply(&mut Command::new(&cancel))
    }

    /// Available and held.
    pub fn balance(&self, member: u32, currency: u16) -> (Decimal, Decimal) {
        let (available, held, _) = self.engine.balance(member, currency);
        (Decimal(available), Decimal(held))
    }

    fn apply(&mut self, command: &mut Command) -> Outcome {
        self.clock += 1;
        command.set_time_ns(self.clock);
        let mut facts = Facts::default();
        self.engine.apply(command, &mut facts);
        self.book.command(command);
        for fact in &facts.0 {
            self.book.event(fact);
        }
        self.book.end_group();
        match facts.0.first() {
            Some(Fact::Rejected(rejected)) => {
                Err(RejectReason::decode(rejected.reason).unwrap_or(RejectReason::CommandUnknown))
            }
            _ => Ok(facts.0),
        }
    }
}
