//! The state machine: command in, events out. No clock, no randomness, no I/O, no floats.
//!
//! What it does, step by step, is in `docs/matching.md`; section numbers below are that text's.
//! All memory is taken by [`Engine::new`]; `apply` allocates nothing.

pub mod accounts;
mod ahead;
mod amend;
pub mod book;
mod clients;
pub mod desk;
mod entry;
pub mod far;
mod funds;
mod hash;
pub mod huge;
pub mod ladder;
mod lists;
mod mass;
pub mod mutant;
mod orders;
pub mod pool;
pub mod prefetch;
mod settings;
mod spec;
mod taking;
mod timers;
mod triggers;
mod uncross;
mod works;

use book::Books;
use desk::{Capacity, Desk};
use mutant::Mutant;
use wire::codes::Side;
use wire::command::{
    Amend, AmendExtra, Cancel, CancelNew, Command, CurrencySet, DeadMan, FeeSet, Funds, KillSwitch,
    MarketSet, MarketStateSet, MassCancel, MemberSet, NewList, NewOrder, OrderExtra, SessionDown,
    Tick, kind,
};
use wire::event::{Event, EventSink, Rejected, Repeated};
use wire::limits::{MARKETS_MAX, SOURCES_MAX};
use wire::reason::RejectReason;
use wire::record::LAST_OF_GROUP;

/// What a rejection is about.
#[derive(Clone, Copy, Debug, Default)]
struct Subject {
    order_id: u64,
    client_order_id: u64,
    member: u32,
    leg: u8,
}

/// A refusal: why, and what it is about.
type Refusal = (RejectReason, Subject);

/// Bytes of log for what does not depend on a sweep limit: a turn of works, timers, releases.
const GROUP_BYTES_FIXED: usize = 1 << 20;

/// The matcher's whole state.
pub struct Engine {
    books: Books,
    desk: Desk,
}

/// Cells a command of this kind may have; 0 for an unknown kind.
#[must_use]
pub const fn cells_allowed(kind: u8) -> (u8, u8) {
    match kind {
        kind::NEW_ORDER | kind::AMEND => (1, 2),
        kind::CANCEL_NEW | kind::MARKET_SET => (3, 3),
        kind::NEW_LIST => (4, 4),
        kind::CANCEL
        | kind::MASS_CANCEL
        | kind::SESSION_DOWN
        | kind::DEAD_MAN
        | kind::KILL_SWITCH
        | kind::TICK
        | kind::DEPOSIT..=kind::ADJUST
        | kind::CURRENCY_SET
        | kind::MARKET_STATE..=kind::MEMBER_SET => (1, 1),
        _ => (0, 0),
    }
}

impl Engine {
    /// An empty machine with room for `capacity`.
    #[must_use]
    pub fn new(capacity: &Capacity) -> Self {
        Self {
            books: Books::new(capacity.orders, capacity.ladder_ticks, MARKETS_MAX),
            desk: Desk::new(capacity),
        }
    }

    /// Applies one command and tells `out` what happened. A refused command changes nothing but the
    /// clock and the last operation number of its source.
    #[inline]
    pub fn apply<S: EventSink>(&mut self, command: &Command, out: &mut S) {
        self.desk.now = self.desk.now.max(command.time_ns());
        let header = *command.header();
        if let Err((reason, subject)) = self.dispatch(command, out) {
            out.put(&Rejected {
                header: Rejected::header_for(header.market),
                order_id: subject.order_id,
                client_order_id: subject.client_order_id,
                member: subject.member,
                reason: reason.code(),
                command: header.kind,
                leg: subject.leg,
                reserved: [0; 3],
            });
        }
    }

    #[inline]
    fn dispatch<S: EventSink>(&mut self, command: &Command, out: &mut S) -> Result<(), Refusal> {
        let header = command.header();
        let (least, most) = cells_allowed(header.kind);
        if header.kind == kind::OUT_OF_SEQUENCE {
            return Err((RejectReason::RingSequence, Subject::default()));
        }
        if most == 0 || header.cells < least || header.cells > most {
            return Err((RejectReason::CommandUnknown, Subject::default()));
        }
        if u16::from(header.version) != wire::LAYOUT_VERSION {
            return Err((RejectReason::CommandVersion, Subject::default()));
        }
        match header.kind {
            kind::NEW_ORDER => {
                self.new_order(command.view::<NewOrder>(), &command.extra::<OrderExtra>(), out)
            }
            kind::CANCEL => self.cancel(command.view::<Cancel>(), out),
            kind::AMEND => self.amend(command.view::<Amend>(), &command.extra::<AmendExtra>(), out),
            kind::CANCEL_NEW => self.cancel_new(command.view::<CancelNew>(), out),
            kind::NEW_LIST => self.new_list(command.view::<NewList>(), out),
            kind::MASS_CANCEL => self.mass_cancel(command.view::<MassCancel>(), out),
            kind::SESSION_DOWN => self.session_down(command.view::<SessionDown>(), out),
            kind::DEAD_MAN => self.dead_man(command.view::<DeadMan>(), out),
            kind::KILL_SWITCH => self.kill_switch(command.view::<KillSwitch>(), out),
            kind::TICK => self.tick(command.view::<Tick>(), out),
            _ => self.numbered(command, out),
        }
    }

    /// Commands that an outbox numbers: each number is looked at once.
    fn numbered<S: EventSink>(&mut self, command: &Command, out: &mut S) -> Result<(), Refusal> {
        let header = command.header();
        let (operation, member) = match header.kind {
            kind::DEPOSIT..=kind::ADJUST => {
                let funds = command.view::<Funds>();
                (funds.operation, funds.member)
            }
            kind::MEMBER_SET => {
                let set = command.view::<MemberSet>();
                (set.operation, set.member)
            }
            // Every setting has its number behind the engine time.
            _ => (command.view::<CurrencySet>().operation, 0),
        };
        let subject = Subject { member, ..Subject::default() };
        if header.source >= SOURCES_MAX {
            return Err((RejectReason::SourceInvalid, subject));
        }
        let last = &mut self.desk.operations[usize::from(header.source)];
        if operation <= *last && !mutant::is(Mutant::RepeatApplied) {
            out.put(&Repeated {
                header: Repeated::header_for(header.market),
                operation,
                last: *last,
                command: header.kind,
                reserved: [0; 7],
                reserved_words: [0; 3],
            });
            return Ok(());
        }
        *last = operation;
        let done = if header.flags & !LAST_OF_GROUP != 0 {
            Err(RejectReason::FieldInvalid)
        } else {
            match header.kind {
                kind::CURRENCY_SET => self.set_currency(command.view::<CurrencySet>(), out),
                kind::MARKET_SET => self.set_market(command.view::<MarketSet>(), out),
                kind::MARKET_STATE => self.set_market_state(command.view::<MarketStateSet>(), out),
                kind::FEE_SET => self.set_fee(command.view::<FeeSet>(), out),
                kind::MEMBER_SET => self.set_member(command.view::<MemberSet>(), out),
                _ => self.move_funds(command.view::<Funds>(), out),
            }
        };
        done.map_err(|reason| (reason, subject))
    }

    /// Whether the thread should write a tick before anything else happens at `now`: section 10.
    #[must_use]
    #[inline]
    pub fn tick_due(&self, now: u64) -> bool {
        let late = if mutant::is(Mutant::ExpiryLate) { 10_000_000 } else { 0 };
        self.desk.timers.earliest().saturating_add(late) <= now
            || !self.desk.works.is_empty()
            || (self.desk.busy && self.first_busy_market().is_some())
    }

    /// Engine time: the largest time a command brought.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.desk.now
    }

    /// Reference price of a market, 0 for none: section 1.
    #[inline]
    fn reference(&self, id: u16) -> u64 {
        let Some(market) = self.desk.market(id) else { return 0 };
        if market.last_price != 0 {
            return market.last_price;
        }
        let bid = self.books.best(id, Side::Buy);
        let ask = self.books.best(id, Side::Sell);
        match (bid, ask) {
            (Some(bid), Some(ask)) => u64::midpoint(bid, ask),
            _ => market.reference,
        }
    }

    /// Best price of a side and the lots shown there.
    #[must_use]
    pub fn top(&self, market: u16, side: Side) -> Option<(u64, u128)> {
        let price = self.books.best(market, side)?;
        Some((price, self.shown_at(market, side, price)))
    }

    /// Lots shown at a price.
    #[must_use]
    pub fn shown_at(&self, market: u16, side: Side, price: u64) -> u128 {
        let mut slot = self.books.queue_at(market, side, price).head;
        let mut lots = 0;
        while let Some(node) = self.books.pool.nodes.get(slot as usize) {
            lots += u128::from(node.open);
            slot = node.next;
        }
        lots
    }

    /// Available, held, and the part of held that withdrawals hold.
    #[must_use]
    pub fn balance(&self, member: u32, currency: u16) -> (i128, i128, i128) {
        let account = self.desk.accounts.get(self.desk.accounts.find(member, currency));
        (account.available, account.held, account.withdraw_held)
    }

    /// Live orders.
    #[must_use]
    pub fn live_orders(&self) -> u32 {
        self.books.pool.live()
    }

    /// Most bytes the log needs for one command now: see [`wire::limits::GROUP_BYTES_MAX`].
    #[must_use]
    pub fn group_bytes_max(&self) -> usize {
        let limits = self.desk.markets.iter().flatten().map(|market| market.sweep_limit as usize);
        limits.max().unwrap_or(0) * 512 + GROUP_BYTES_FIXED
    }
}
