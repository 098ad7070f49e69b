//! Mass cancels in turns, and the tick: sections 9 and 10 of docs/matching.md.

use super::pool::{NIL, bit};
use super::timers::Owner;
use super::triggers::Turn;
use super::works::{Filter, Work};
use super::{Engine, Refusal, Subject};
use wire::codes::{DisconnectScope, DoneReason, Side, SideFilter};
use wire::command::{DeadMan, KillSwitch, MassCancel, SessionDown, Tick};
use wire::event::{Applied, Event, EventSink, MassCancelled};
use wire::limits::{DEAD_MAN_MAX_MS, MEMBER_HOUSE, SLOT_BITS, TIMERS_PER_TICK, WORK_PER_TURN};
use wire::reason::RejectReason;
use wire::record::LAST_OF_GROUP;

/// Everything of a member.
const ALL: Filter = Filter {
    market: 0,
    session: 0,
    side: SideFilter::Both,
    include_stops: true,
    instructed_only: false,
};

impl Engine {
    pub(super) fn mass_cancel<S: EventSink>(
        &mut self,
        command: &MassCancel,
        out: &mut S,
    ) -> Result<(), Refusal> {
        let subject = Subject { member: command.member, ..Subject::default() };
        let refuse = |reason| (reason, subject);
        let clean = command.header.flags & !LAST_OF_GROUP == 0
            && command.include_stops <= 1
            && command.reserved == [0; 2]
            && command.reserved_words == [0; 3];
        let side = SideFilter::decode(command.side)
            .filter(|_| clean)
            .ok_or_else(|| refuse(RejectReason::FieldInvalid))?;
        self.check_member(command.member).map_err(refuse)?;
        let market = command.header.market;
        if market != 0 && self.desk.market(market).is_none() {
            return Err(refuse(RejectReason::MarketUnknown));
        }
        let filter = Filter {
            market,
            session: command.session,
            side,
            include_stops: command.include_stops == 1,
            instructed_only: false,
        };
        self.check_works().map_err(refuse)?;
        self.start_work(command.member, filter, DoneReason::MassCancel, out);
        Ok(())
    }

    pub(super) fn session_down<S: EventSink>(
        &mut self,
        command: &SessionDown,
        out: &mut S,
    ) -> Result<(), Refusal> {
        let subject = Subject { member: command.member, ..Subject::default() };
        let refuse = |reason| (reason, subject);
        let clean = command.header.flags & !LAST_OF_GROUP == 0
            && command.header.market == 0
            && command.session != 0
            && command.reserved == [0; 3]
            && command.reserved_words == [0; 3];
        let scope = DisconnectScope::decode(command.scope)
            .filter(|_| clean)
            .ok_or_else(|| refuse(RejectReason::FieldInvalid))?;
        self.check_member(command.member).map_err(refuse)?;
        let filter = match scope {
            DisconnectScope::Instructed => {
                Filter { session: command.session, instructed_only: true, ..ALL }
            }
            DisconnectScope::Session => Filter { session: command.session, ..ALL },
            DisconnectScope::Member => ALL,
        };
        self.check_works().map_err(refuse)?;
        self.start_work(command.member, filter, DoneReason::Disconnect, out);
        Ok(())
    }

    pub(super) fn dead_man<S: EventSink>(
        &mut self,
        command: &DeadMan,
        out: &mut S,
    ) -> Result<(), Refusal> {
        let subject = Subject { member: command.member, ..Subject::default() };
        let refuse = |reason| (reason, subject);
        let clean = command.header.flags & !LAST_OF_GROUP == 0
            && command.header.market == 0
            && command.reserved == [0; 7];
        if !clean {
            return Err(refuse(RejectReason::FieldInvalid));
        }
        self.check_member(command.member).map_err(refuse)?;
        if command.timeout_ms > DEAD_MAN_MAX_MS {
            return Err(refuse(RejectReason::TimeoutInvalid));
        }
        let handle = self.desk.timer_of_member(command.member);
        self.desk.timers.clear(handle);
        let mut deadline = 0;
        if command.timeout_ms != 0 {
            deadline = self.desk.now.saturating_add(u64::from(command.timeout_ms) * 1_000_000);
            self.desk.timers.set(handle, deadline, Owner::Member(command.member));
        }
        put_applied(command.header.kind, command.member, deadline, out);
        Ok(())
    }

    pub(super) fn kill_switch<S: EventSink>(
        &mut self,
        command: &KillSwitch,
        out: &mut S,
    ) -> Result<(), Refusal> {
        let subject = Subject { member: command.member, ..Subject::default() };
        let refuse = |reason| (reason, subject);
        let clean = command.header.flags & !LAST_OF_GROUP == 0
            && command.header.market == 0
            && command.active <= 1
            && command.reserved == [0; 7];
        if !clean {
            return Err(refuse(RejectReason::FieldInvalid));
        }
        self.check_member(command.member).map_err(refuse)?;
        let active = command.active == 1;
        if active {
            self.check_works().map_err(refuse)?;
        }
        self.desk.members[command.member as usize].killed = active;
        put_applied(command.header.kind, command.member, 0, out);
        if active {
            self.start_work(command.member, ALL, DoneReason::KillSwitch, out);
        }
        Ok(())
    }

    fn check_member(&self, member: u32) -> Result<(), RejectReason> {
        let known = member != MEMBER_HOUSE && self.desk.member(member).is_some();
        if known { Ok(()) } else { Err(RejectReason::MemberUnknown) }
    }

    pub(super) fn check_works(&self) -> Result<(), RejectReason> {
        if self.desk.works.has_room() { Ok(()) } else { Err(RejectReason::WorkQueueFull) }
    }

    fn work(&self, member: u32, filter: Filter, reason: DoneReason) -> Work {
        Work {
            member,
            filter,
            reason,
            last_serial: self.books.pool.serial(),
            next: self.desk.members[member as usize].oldest,
            cancelled: 0,
        }
    }

    fn start_work<S: EventSink>(
        &mut self,
        member: u32,
        filter: Filter,
        reason: DoneReason,
        out: &mut S,
    ) {
        let work = self.work(member, filter, reason);
        let mut left = WORK_PER_TURN;
        if let Some(work) = self.go_on(work, &mut left, out) {
            self.desk.works.push(work);
        }
    }

    /// Starts the delisting of a market.
    pub(super) fn start_delisting<S: EventSink>(&mut self, market: u16, out: &mut S) {
        let filter = Filter { market, ..ALL };
        let work = Work { next: NIL, ..self.work(MEMBER_HOUSE, filter, DoneReason::Delisted) };
        let mut left = WORK_PER_TURN;
        if let Some(work) = self.go_on(work, &mut left, out) {
            self.desk.works.push(work);
        }
    }

    /// Visits at most `left` orders; the work again if there are more.
    fn go_on<S: EventSink>(&mut self, work: Work, left: &mut u32, out: &mut S) -> Option<Work> {
        self.desk.works.current = Some(work);
        let delists = work.reason == DoneReason::Delisted;
        let mut cancelled = work.cancelled;
        loop {
            let next = if delists {
                self.next_to_delist(work.filter.market)
            } else {
                let next = self.desk.works.current.map_or(NIL, |work| work.next);
                let node = self.books.pool.nodes.get(next as usize);
                node.filter(|node| node.id >> SLOT_BITS <= work.last_serial).map(|_| next)
            };
            let Some(slot) = next else { break };
            if *left == 0 {
                let unfinished = self.desk.works.current.take()?;
                return Some(Work { cancelled, ..unfinished });
            }
            *left -= 1;
            if delists || self.passes(slot, &work.filter) {
                cancelled += 1;
                self.desk.finish(&mut self.books, slot, work.reason.into(), out);
            } else if let Some(current) = &mut self.desk.works.current {
                current.next = self.desk.details[slot as usize].younger;
            }
        }
        self.desk.works.current = None;
        out.put(&MassCancelled {
            header: MassCancelled::header_for(work.filter.market),
            cancelled,
            member: work.member,
            session: work.filter.session,
            reason: work.reason.code(),
            reserved: [0; 7],
            reserved_words: [0; 3],
        });
        None
    }

    fn passes(&self, slot: u32, filter: &Filter) -> bool {
        let node = &self.books.pool.nodes[slot as usize];
        let detail = &self.desk.details[slot as usize];
        let side = match filter.side {
            SideFilter::Both => true,
            SideFilter::Buy => !node.sells(),
            SideFilter::Sell => node.sells(),
        };
        side && (filter.market == 0 || filter.market == node.market)
            && (filter.session == 0 || filter.session == detail.session)
            && (filter.include_stops || !node.has(bit::OFF_BOOK))
            && (!filter.instructed_only || node.has(bit::CANCEL_ON_DISCONNECT))
    }

    /// The next order a delisting takes.
    fn next_to_delist(&self, id: u16) -> Option<u32> {
        let market = self.desk.market(id)?;
        let trigger = |tree| self.books.far.first(tree).map_or(NIL, |(_, queue)| queue.head);
        [
            self.books.head(id, Side::Buy),
            self.books.head(id, Side::Sell),
            trigger(market.up),
            trigger(market.down),
            market.trailing.head,
            market.queue.head,
            market.marked.head,
        ]
        .into_iter()
        .find(|slot| *slot != NIL)
    }

    pub(super) fn tick<S: EventSink>(&mut self, tick: &Tick, out: &mut S) -> Result<(), Refusal> {
        let clean = tick.header.flags & !LAST_OF_GROUP == 0
            && tick.header.market == 0
            && tick.reserved == [0; 5];
        if !clean {
            return Err((RejectReason::FieldInvalid, Subject::default()));
        }
        self.fire_timers(out);
        let mut left = WORK_PER_TURN;
        while left != 0
            && let Some(work) = self.desk.works.pop()
        {
            if let Some(work) = self.go_on(work, &mut left, out) {
                self.desk.works.put_back(work);
            }
        }
        let mut turn = Turn::default();
        if let Some(market) = self.first_market(|market| market.uncross_price != 0) {
            self.go_on_uncrossing(market, &mut turn, out);
        }
        let releases = |m: &super::desk::Market| m.is_continuous() && m.has_releases();
        if let Some(market) = self.first_market(releases) {
            self.collect_and_release(market, &mut Turn::default(), out);
        }
        self.desk.busy = self.first_busy_market().is_some();
        Ok(())
    }

    fn fire_timers<S: EventSink>(&mut self, out: &mut S) {
        for _ in 0..TIMERS_PER_TICK {
            if self.desk.timers.earliest() > self.desk.now {
                return;
            }
            match self.desk.timers.first() {
                Some(Owner::Order(id)) => {
                    let Some(slot) = self.books.pool.find(id) else { return };
                    self.desk.finish(&mut self.books, slot, DoneReason::Expired.into(), out);
                }
                Some(Owner::Member(member)) if self.desk.works.has_room() => {
                    self.desk.timers.clear(self.desk.timer_of_member(member));
                    let work = self.work(member, ALL, DoneReason::DeadMan);
                    self.desk.works.push(work);
                }
                _ => return,
            }
        }
    }

    fn first_market(&self, wanted: impl Fn(&super::desk::Market) -> bool) -> Option<u16> {
        let found = |market: &Option<super::desk::Market>| market.as_ref().is_some_and(&wanted);
        self.desk
            .markets
            .iter()
            .take(usize::from(self.desk.markets_end))
            .position(found)
            .map(|id| id as u16)
    }

    /// The first market that a tick would go on with.
    pub(super) fn first_busy_market(&self) -> Option<u16> {
        self.first_market(|m| m.uncross_price != 0 || (m.is_continuous() && m.has_releases()))
    }
}

/// Says that a command that only sets something was done.
pub(super) fn put_applied<S: EventSink>(command: u8, member: u32, time_ns: u64, out: &mut S) {
    out.put(&Applied {
        header: Applied::header_for(0),
        operation: 0,
        time_ns,
        member,
        command,
        reserved: [0; 3],
        reserved_words: [0; 3],
    });
}
