//! The judge: a second, slow and obvious implementation of `docs/matching.md`.
//!
//! Every file is one section of that text, in its order, so that the two can be read side by side:
//! - [`state`]: section 1, what is remembered. `book` and `funds`: the only ways to change queues
//!   and balances.
//! - `decode`: section 2. `entry`: 3. `matching`: 4. `trade`: 5. `triggers`: 6. `lists`: 7.
//!   `amend`: 8. `works`: 9. `tick`: 10. `uncross`: 11. `settings` and `funds`: 12.
//! - [`inspect`]: what a judge may ask, and the invariants.
//!
//! The tools built on it:
//! - [`events`]: an event of any kind as one type, printed on one line.
//! - [`generate`]: seeded random command streams. [`judge`]: runs two machines over one stream.
//! - [`scenario`]: small stories in a line language, that any [`judge::Machine`] can be held to.
//!
//! What stays true: nothing here is shared with the fast engine but the `wire` crate. Collections
//! are the standard library's ordered ones, every order says itself how much it holds, and nothing
//! is cached that can be looked up.

mod amend;
mod book;
mod decode;
mod entry;
mod funds;
mod lists;
mod matching;
mod settings;
mod tick;
mod trade;
mod triggers;
mod uncross;
mod works;

pub mod events;
pub mod generate;
pub mod inspect;
pub mod judge;
pub mod scenario;
pub mod state;

use decode::{Refusal, Request};
use events::Event;
use state::{Account, Currency, List, Market, Member, Order, Rates, Work};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::command::Command;
use wire::event::{EventSink, Repeated};
use wire::limits::{MEMBER_HOUSE, SOURCES_MAX};
use wire::reason::RejectReason;
use wire::record::Header;

/// How much a matcher has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Orders that may be live at once.
    pub orders: u32,
    /// Largest member id.
    pub members: u32,
    /// Accounts, the house's included.
    pub accounts: u32,
    /// Order lists that have not ended.
    pub lists: u32,
    /// Price slots for all markets; a market takes twice its window.
    pub ladder_ticks: u64,
}

/// The reference matcher.
#[derive(Clone, Debug)]
pub struct Reference {
    config: Config,
    /// Engine time: the largest seen.
    now: u64,
    /// Header of the command being performed.
    cause: Header,
    /// What the command has caused so far.
    emitted: Vec<Event>,
    /// Last operation number of each source.
    operations: BTreeMap<u16, u64>,

    currencies: BTreeMap<u16, Currency>,
    members: BTreeMap<u32, Member>,
    accounts: BTreeMap<(u32, u16), Account>,
    markets: BTreeMap<u16, Market>,
    /// Fee rows by (market or 0, group or 0).
    fees: BTreeMap<(u16, u16), Rates>,
    /// Live orders by serial.
    orders: BTreeMap<u64, Order>,
    /// Serial of the order accepted last.
    last_serial: u64,
    /// Lists that have not ended, by the serial of the leg that came first.
    lists: BTreeMap<u64, List>,
    /// (deadline, 0 for an order or 1 for a dead man, serial or member).
    timers: BTreeSet<(u64, u8, u64)>,
    /// Unfinished works, oldest first.
    works: VecDeque<Work>,
}

impl Reference {
    /// An empty matcher: only the house exists.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            now: 0,
            cause: Header::default(),
            emitted: Vec::new(),
            operations: BTreeMap::new(),
            currencies: BTreeMap::new(),
            members: BTreeMap::from([(MEMBER_HOUSE, Member::default())]),
            accounts: BTreeMap::new(),
            markets: BTreeMap::new(),
            fees: BTreeMap::new(),
            orders: BTreeMap::new(),
            last_serial: 0,
            lists: BTreeMap::new(),
            timers: BTreeSet::new(),
            works: VecDeque::new(),
        }
    }

    /// Performs one command: changes the state and puts what happened into `out`.
    pub fn apply(&mut self, command: &Command, out: &mut impl EventSink) {
        self.now = self.now.max(command.time_ns());
        self.cause = *command.header();
        if let Err(refusal) = self.perform(command) {
            assert!(self.emitted.is_empty(), "a rejected command had effects: {command:?}");
            self.emit(decode::rejected(command, refusal));
        }
        for event in self.emitted.drain(..) {
            event.put(out);
        }
    }

    /// Section 2, in order, then the command itself.
    fn perform(&mut self, command: &Command) -> Result<(), Refusal> {
        decode::check_frame(command)?;
        if let Some(operation) = decode::operation(command)
            && self.is_repeated(operation)?
        {
            return Ok(());
        }
        match decode::request(command)? {
            Request::NewOrder(terms) => self.new_order(&terms),
            Request::Cancel(target) => self.cancel(target),
            Request::Amend(target, change) => self.amend(target, &change),
            Request::CancelNew(target, mode, terms) => self.cancel_new(target, mode, &terms),
            Request::NewList(kind, legs) => self.new_list(kind, &legs),
            Request::MassCancel(message) => self.mass_cancel(message),
            Request::SessionDown(message, scope) => self.session_down(message, scope),
            Request::DeadMan(message) => self.dead_man(message),
            Request::KillSwitch(message) => self.kill_switch(message),
            Request::Tick => {
                self.tick();
                Ok(())
            }
            Request::Funds(message) => self.funds(message),
            Request::CurrencySet(message) => self.currency_set(message),
            Request::MarketSet(message, state) => self.market_set(message, state),
            Request::MarketStateSet(message, state) => self.market_state_set(message, state),
            Request::FeeSet(message) => self.fee_set(message),
            Request::MemberSet(message) => self.member_set(message),
        }
    }

    /// Section 2.3: whether the operation came before; if not, it is now the source's last.
    fn is_repeated(&mut self, operation: u64) -> Result<bool, Refusal> {
        if self.cause.source >= SOURCES_MAX {
            return Err(RejectReason::SourceInvalid.into());
        }
        let last = self.operations.entry(self.cause.source).or_default();
        if operation > *last {
            *last = operation;
            return Ok(false);
        }
        let (last, command) = (*last, self.cause.kind);
        self.emit(Repeated { operation, last, command, ..Repeated::default() });
        Ok(true)
    }

    /// Emits an event about the command: its header names the command's market.
    fn emit(&mut self, event: impl Into<Event>) {
        self.emit_about(self.cause.market, event);
    }

    /// Emits an event about an order or a market: its header names that market.
    fn emit_about(&mut self, market: u16, event: impl Into<Event>) {
        let mut event = event.into();
        event.set_header(market);
        self.emitted.push(event);
    }
}
