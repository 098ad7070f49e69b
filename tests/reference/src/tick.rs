//! Ticks: section 10.

use crate::Reference;
use crate::triggers::Turn;
use wire::codes::DoneReason;
use wire::limits::TIMERS_PER_TICK;

impl Reference {
    /// Whether the matcher should write a tick at this time.
    #[must_use]
    pub fn tick_due(&self, now_ns: u64) -> bool {
        self.is_timer_due(self.now.max(now_ns))
            || !self.works.is_empty()
            || self.markets.values().any(|market| market.uncross.is_some())
            || self.market_to_release().is_some()
    }

    pub(crate) fn tick(&mut self) {
        self.fire_timers();
        self.go_on_with_works();
        let uncrossing = self.markets.iter().find(|(_, market)| market.uncross.is_some());
        if let Some(market) = uncrossing.map(|(id, _)| *id) {
            self.turn_of_uncross(market);
        }
        if let Some(market) = self.market_to_release() {
            self.collect_and_release(&mut Turn::of(market));
        }
    }

    fn is_timer_due(&self, now: u64) -> bool {
        self.timers.first().is_some_and(|(deadline, ..)| *deadline <= now)
    }

    fn fire_timers(&mut self) {
        for _ in 0..TIMERS_PER_TICK {
            if !self.is_timer_due(self.now) {
                return;
            }
            match *self.timers.first().expect("one is due") {
                (_, 0, serial) => self.done(serial, DoneReason::Expired),
                (..) if self.works_are_full() => return,
                (_, _, member) => self.fire_dead_man(member as u32),
            }
        }
    }

    /// The first market with something to collect or to release.
    fn market_to_release(&self) -> Option<u16> {
        let has_work = |id: u16| {
            let market = self.market(id);
            self.releases(id) && (market.marks.is_some() || !market.queue.is_empty())
        };
        self.markets.keys().copied().find(|id| has_work(*id))
    }
}
