//! Mass cancel, disconnect, dead man, kill switch, delisting: section 9.

use crate::Reference;
use crate::decode::Refusal;
use crate::entry::ensure;
use crate::state::{Filter, Order, Place, Scope, Work};
use wire::codes::{DisconnectScope, DoneReason, Side, SideFilter};
use wire::command::{DeadMan, KillSwitch, MassCancel, SessionDown};
use wire::event::{Applied, MassCancelled};
use wire::limits::{DEAD_MAN_MAX_MS, WORK_PER_TURN, WORKS_MAX};
use wire::reason::RejectReason;

/// Every order of a member.
const EVERYTHING: Filter = Filter {
    market: 0,
    session: 0,
    side: SideFilter::Both,
    include_stops: true,
    instructed_only: false,
};

impl Reference {
    pub(crate) fn mass_cancel(&mut self, message: &MassCancel) -> Result<(), Refusal> {
        self.check_member(message.member)?;
        if message.header.market != 0 {
            self.check_market(message.header.market)?;
        }
        self.check_works()?;
        let filter = Filter {
            market: message.header.market,
            session: message.session,
            side: SideFilter::decode(message.side).expect("checked"),
            include_stops: message.include_stops == 1,
            instructed_only: false,
        };
        self.start_work(self.member_work(message.member, filter, DoneReason::MassCancel));
        Ok(())
    }

    pub(crate) fn session_down(
        &mut self,
        message: &SessionDown,
        scope: DisconnectScope,
    ) -> Result<(), Refusal> {
        self.check_member(message.member)?;
        self.check_works()?;
        let session = if scope == DisconnectScope::Member { 0 } else { message.session };
        let instructed_only = scope == DisconnectScope::Instructed;
        let filter = Filter { session, instructed_only, ..EVERYTHING };
        self.start_work(self.member_work(message.member, filter, DoneReason::Disconnect));
        Ok(())
    }

    pub(crate) fn dead_man(&mut self, message: &DeadMan) -> Result<(), Refusal> {
        self.check_member(message.member)?;
        ensure(message.timeout_ms <= DEAD_MAN_MAX_MS, RejectReason::TimeoutInvalid)?;
        let timeout_ns = u64::from(message.timeout_ms) * 1_000_000;
        let deadline = (timeout_ns != 0).then(|| self.now.saturating_add(timeout_ns));
        self.arm_dead_man(message.member, deadline);
        self.emit(Applied {
            time_ns: deadline.unwrap_or(0),
            member: message.member,
            command: message.header.kind,
            ..Applied::default()
        });
        Ok(())
    }

    fn arm_dead_man(&mut self, member: u32, deadline: Option<u64>) {
        let known = self.members.get_mut(&member).expect("checked");
        let old = core::mem::replace(&mut known.dead_man, deadline);
        if let Some(old) = old {
            self.timers.remove(&(old, 1, u64::from(member)));
        }
        self.timers.extend(deadline.map(|deadline| (deadline, 1, u64::from(member))));
    }

    /// A dead-man timer fires: it is disarmed, and its work will have its turn.
    pub(crate) fn fire_dead_man(&mut self, member: u32) {
        self.arm_dead_man(member, None);
        self.works.push_back(self.member_work(member, EVERYTHING, DoneReason::DeadMan));
    }

    pub(crate) fn kill_switch(&mut self, message: &KillSwitch) -> Result<(), Refusal> {
        self.check_member(message.member)?;
        let active = message.active == 1;
        if active {
            self.check_works()?;
        }
        self.members.get_mut(&message.member).expect("checked").kill_switch = active;
        self.emit(Applied {
            member: message.member,
            command: message.header.kind,
            ..Applied::default()
        });
        if active {
            self.start_work(self.member_work(message.member, EVERYTHING, DoneReason::KillSwitch));
        }
        Ok(())
    }

    /// A market has been delisted.
    pub(crate) fn start_delisting(&mut self, market: u16) {
        let (scope, reason) = (Scope::Market(market), DoneReason::Delisted);
        self.start_work(Work { scope, reason, cancelled: 0 });
    }

    /// `WorkQueueFull`.
    pub(crate) fn check_works(&self) -> Result<(), RejectReason> {
        ensure(!self.works_are_full(), RejectReason::WorkQueueFull)
    }

    pub(crate) fn works_are_full(&self) -> bool {
        self.works.len() >= WORKS_MAX
    }

    fn member_work(&self, member: u32, filter: Filter, reason: DoneReason) -> Work {
        let scope = Scope::Member { member, filter, visited: 0, mark: self.last_serial };
        Work { scope, reason, cancelled: 0 }
    }

    /// The first turn of a work; what it does not finish waits for ticks.
    fn start_work(&mut self, mut work: Work) {
        if !self.turn_of_work(&mut work, &mut WORK_PER_TURN.clone()) {
            self.works.push_back(work);
        }
    }

    /// Unfinished works go on, oldest first, together as far as one turn goes.
    pub(crate) fn go_on_with_works(&mut self) {
        let mut visits_left = WORK_PER_TURN;
        while visits_left > 0
            && let Some(mut work) = self.works.pop_front()
        {
            if !self.turn_of_work(&mut work, &mut visits_left) {
                self.works.push_front(work);
            }
        }
    }

    /// Visits orders until none or no visit is left. Returns whether the work has ended.
    fn turn_of_work(&mut self, work: &mut Work, visits_left: &mut u32) -> bool {
        while let Some(serial) = self.next_visit(&work.scope) {
            if *visits_left == 0 {
                return false;
            }
            *visits_left -= 1;
            if let Scope::Member { visited, filter, .. } = &mut work.scope {
                *visited = serial;
                if !passes(filter, self.order(serial)) {
                    continue;
                }
            }
            work.cancelled += 1;
            self.done(serial, work.reason);
        }
        let (member, session) = match &work.scope {
            Scope::Member { member, filter, .. } => (*member, filter.session),
            Scope::Market(_) => (0, 0),
        };
        self.emit(MassCancelled {
            cancelled: work.cancelled,
            member,
            session,
            reason: work.reason.code(),
            ..MassCancelled::default()
        });
        true
    }

    /// The order a work visits next.
    fn next_visit(&self, scope: &Scope) -> Option<u64> {
        match scope {
            Scope::Member { member, visited, mark, .. } => {
                let orders = &self.members[member].orders;
                orders.range(visited + 1..).next().copied().filter(|serial| serial <= mark)
            }
            Scope::Market(market) => {
                let market = self.market(*market);
                let head = |side| market.head(side).map(|(_, serial)| serial);
                head(Side::Buy)
                    .or_else(|| head(Side::Sell))
                    .or_else(|| market.upward.first_key_value().map(|(_, queue)| queue[0]))
                    .or_else(|| market.downward.last_key_value().map(|(_, queue)| queue[0]))
                    .or_else(|| market.trailing.first().copied())
                    .or_else(|| market.queue.front().copied())
                    .or_else(|| market.marked.first().copied())
            }
        }
    }
}

/// Whether a work with this filter cancels the order.
fn passes(filter: &Filter, order: &Order) -> bool {
    let terms = &order.terms;
    let side_fits = match filter.side {
        SideFilter::Both => true,
        SideFilter::Buy => terms.side == Side::Buy,
        SideFilter::Sell => terms.side == Side::Sell,
    };
    (filter.market == 0 || terms.market == filter.market)
        && (filter.session == 0 || terms.session == filter.session)
        && side_fits
        && (filter.include_stops || order.place == Place::Resting)
        && (!filter.instructed_only || terms.cancel_on_disconnect)
}
