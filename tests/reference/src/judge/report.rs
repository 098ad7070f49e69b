//! What a comparison tells: figures if all went well, everything one needs to repeat it if not.

use crate::events::Event;
use crate::generate::Swarm;
use core::fmt;
use std::collections::BTreeMap;
use wire::command::{
    Amend, AmendExtra, Cancel, CancelNew, Command, CurrencySet, DeadMan, FeeSet, Funds, KillSwitch,
    MarketSet, MarketStateSet, MassCancel, MemberSet, NewList, NewOrder, OrderExtra, SessionDown,
    kind,
};
use wire::event::{Event as _, Rejected, Trade};
use wire::reason::RejectReason;

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Commands, ticks included.
    pub commands: u64,
    /// Commands by kind.
    pub kinds: BTreeMap<u8, u64>,
    /// Commands that were not rejected and not repeated, ticks left out.
    pub accepted: u64,
    /// Rejections by reason.
    pub rejects: BTreeMap<RejectReason, u64>,
    /// Events by kind.
    pub events: BTreeMap<u8, u64>,
    /// Trades.
    pub trades: u64,
    /// How often all invariants were checked.
    pub invariants_checked: u64,
    /// How often the state before and after a rejection was compared.
    pub hashes_compared: u64,
}

impl Stats {
    pub(super) fn count(&mut self, command: &Command, events: &[Event]) {
        self.commands += 1;
        *self.kinds.entry(command.header().kind).or_default() += 1;
        for event in events {
            *self.events.entry(event.header().kind).or_default() += 1;
            if let Event::Rejected(rejected) = event
                && let Some(reason) = RejectReason::decode(rejected.reason)
            {
                *self.rejects.entry(reason).or_default() += 1;
            }
        }
        let count = |kind| events.iter().filter(|event| event.header().kind == kind).count() as u64;
        self.trades += count(Trade::KIND);
        let refused = count(Rejected::KIND) + count(wire::event::kind::REPEATED);
        if refused == 0 && command.header().kind != kind::TICK {
            self.accepted += 1;
        }
    }

    /// Adds the figures of another comparison.
    pub fn add(&mut self, other: &Self) {
        self.commands += other.commands;
        self.accepted += other.accepted;
        self.trades += other.trades;
        self.invariants_checked += other.invariants_checked;
        self.hashes_compared += other.hashes_compared;
        add_all(&mut self.kinds, &other.kinds);
        add_all(&mut self.rejects, &other.rejects);
        add_all(&mut self.events, &other.events);
    }
}

fn add_all<K: Ord + Copy>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *to.entry(*key).or_default() += count;
    }
}

/// Where two machines went apart, or an invariant broke.
pub struct Divergence {
    /// What the stream was made of; it has the seed.
    pub swarm: Swarm,
    /// Which command it was, ticks counted, from 1.
    pub step: u64,
    /// What is wrong.
    pub what: String,
    /// The command.
    pub command: Command,
    /// The reference's events.
    pub expected: Vec<Event>,
    /// The other's events.
    pub got: Vec<Event>,
    /// The last commands, this one included.
    pub last: Vec<Command>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {:#x} step {}: {}", self.swarm.seed, self.step, self.what)?;
        writeln!(f, "{:?}", self.swarm)?;
        writeln!(f, "last commands:")?;
        for command in &self.last {
            writeln!(f, "  {}", describe(command))?;
        }
        writeln!(f, "command: {}", describe(&self.command))?;
        writeln!(f, "reference says:")?;
        for event in &self.expected {
            writeln!(f, "  [{}] {event}", event.header().market)?;
        }
        writeln!(f, "the other says:")?;
        for event in &self.got {
            writeln!(f, "  [{}] {event}", event.header().market)?;
        }
        let pairs = self.expected.iter().zip(&self.got);
        let differing = pairs.map(|(a, b)| (*a, b.without_slots())).find(|(a, b)| a != b);
        if let Some((expected, got)) = differing {
            writeln!(f, "first difference:\n  {expected:?}\n  {got:?}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A command in words.
#[must_use]
pub fn describe(command: &Command) -> String {
    let cells = command.header().cells;
    match command.header().kind {
        kind::NEW_ORDER if cells == 1 => format!("{:?}", command.view::<NewOrder>()),
        kind::NEW_ORDER => {
            format!("{:?} {:?}", command.view::<NewOrder>(), command.extra::<OrderExtra>())
        }
        kind::CANCEL => format!("{:?}", command.view::<Cancel>()),
        kind::AMEND if cells == 1 => format!("{:?}", command.view::<Amend>()),
        kind::AMEND => {
            format!("{:?} {:?}", command.view::<Amend>(), command.extra::<AmendExtra>())
        }
        kind::CANCEL_NEW => format!("{:?}", command.view::<CancelNew>()),
        kind::NEW_LIST => format!("{:?}", command.view::<NewList>()),
        kind::MASS_CANCEL => format!("{:?}", command.view::<MassCancel>()),
        kind::SESSION_DOWN => format!("{:?}", command.view::<SessionDown>()),
        kind::DEAD_MAN => format!("{:?}", command.view::<DeadMan>()),
        kind::KILL_SWITCH => format!("{:?}", command.view::<KillSwitch>()),
        kind::TICK => format!("Tick {{ time_ns: {} }}", command.time_ns()),
        kind::DEPOSIT..=kind::ADJUST => format!("{:?}", command.view::<Funds>()),
        kind::CURRENCY_SET => format!("{:?}", command.view::<CurrencySet>()),
        kind::MARKET_SET => format!("{:?}", command.view::<MarketSet>()),
        kind::MARKET_STATE => format!("{:?}", command.view::<MarketStateSet>()),
        kind::FEE_SET => format!("{:?}", command.view::<FeeSet>()),
        kind::MEMBER_SET => format!("{:?}", command.view::<MemberSet>()),
        _ => format!("{:?}", command.header()),
    }
}
