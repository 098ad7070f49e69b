//! Runs two machines over one random stream and compares everything they say.
//!
//! The reference is always one of the two. Besides equality, an [`audit::Audit`] that knows nothing
//! but commands and events keeps a third set of books, and the reference checks its invariants.

pub mod audit;
mod report;

pub use report::{Divergence, Stats, describe};

use crate::events::{Event, Events};
use crate::generate::{Generator, Swarm};
use crate::inspect::Level;
use crate::{Config, Reference};
use audit::Audit;
use std::collections::VecDeque;
use wire::command::Command;
use wire::event::EventSink;

/// A matcher that can be judged.
pub trait Machine {
    /// Performs one command.
    fn apply(&mut self, command: &Command, out: &mut impl EventSink);
    /// Whether a tick should be written at this time.
    fn tick_due(&self, now_ns: u64) -> bool;
    /// A hash of the business state: unchanged by a rejected command.
    fn state_hash(&self) -> u64;
    /// Whether the hash may be taken after every command.
    fn state_hash_is_cheap(&self) -> bool;
    /// Available, held, and the part of held that withdrawals hold.
    fn balance(&self, member: u32, currency: u16) -> (i128, i128, i128);
    /// Best bid and best ask with the lots shown there.
    fn best(&self, market: u16) -> (Option<Level>, Option<Level>);
}

impl Machine for Reference {
    fn apply(&mut self, command: &Command, out: &mut impl EventSink) {
        Self::apply(self, command, out);
    }

    fn tick_due(&self, now_ns: u64) -> bool {
        Self::tick_due(self, now_ns)
    }

    fn state_hash(&self) -> u64 {
        Self::state_hash(self)
    }

    fn state_hash_is_cheap(&self) -> bool {
        false
    }

    fn balance(&self, member: u32, currency: u16) -> (i128, i128, i128) {
        Self::balance(self, member, currency)
    }

    fn best(&self, market: u16) -> (Option<Level>, Option<Level>) {
        Self::best(self, market)
    }
}

/// How many commands lie between two checks of all invariants.
const INVARIANTS_EVERY: u64 = 1_000;
/// How many commands lie between two state hashes where those are dear.
const HASH_EVERY: u64 = 64;
/// How many commands a divergence shows.
const REMEMBERED: usize = 20;

/// Drives `fast` and the reference with `commands` commands of the stream of `seed`, plus the ticks
/// that become due.
///
/// # Errors
/// The first difference, or the first broken invariant.
pub fn compare<M: Machine>(
    seed: u64,
    commands: u64,
    fast: impl FnOnce(Config) -> M,
) -> Result<Stats, Box<Divergence>> {
    let (config, mut generator) = Generator::new(seed);
    let mut judge = Judge {
        fast: fast(config),
        reference: Reference::new(config),
        audit: Audit::default(),
        stats: Stats::default(),
        last: VecDeque::new(),
        swarm: generator.swarm().clone(),
    };
    for _ in 0..commands {
        let command = generator.next();
        if judge.is_tick_due(&command)? {
            let events = judge.step(&Generator::tick_before(&command))?;
            generator.learn(&events);
        }
        let events = judge.step(&command)?;
        generator.learn(&events);
    }
    judge.finish()?;
    Ok(judge.stats)
}

struct Judge<M> {
    fast: M,
    reference: Reference,
    audit: Audit,
    stats: Stats,
    last: VecDeque<Command>,
    swarm: Swarm,
}

impl<M: Machine> Judge<M> {
    fn is_tick_due(&self, command: &Command) -> Result<bool, Box<Divergence>> {
        let due = self.reference.tick_due(command.time_ns());
        if self.fast.tick_due(command.time_ns()) != due {
            return Err(self.diverged(command, "one machine has a tick due", &[], &[]));
        }
        Ok(due)
    }

    /// One command through both machines. Returns the fast one's events.
    fn step(&mut self, command: &Command) -> Result<Vec<Event>, Box<Divergence>> {
        self.last.push_back(*command);
        if self.last.len() > REMEMBERED {
            self.last.pop_front();
        }
        let hashes =
            self.fast.state_hash_is_cheap() || self.stats.commands.is_multiple_of(HASH_EVERY);
        let hash_before = hashes.then(|| self.fast.state_hash());
        let (mut expected, mut got) = (Events::default(), Events::default());
        self.reference.apply(command, &mut expected);
        self.fast.apply(command, &mut got);
        self.stats.count(command, &expected.0);

        let masked: Vec<Event> = got.0.iter().map(|event| event.without_slots()).collect();
        let result = self.check_step(command, &expected.0, &masked, hash_before);
        match result {
            Ok(()) => Ok(got.0),
            Err(what) => Err(self.diverged(command, &what, &expected.0, &got.0)),
        }
    }

    fn check_step(
        &mut self,
        command: &Command,
        expected: &[Event],
        got: &[Event],
        hash_before: Option<u64>,
    ) -> Result<(), String> {
        if expected != got {
            return Err("the events differ".to_owned());
        }
        let refused = matches!(expected, [Event::Rejected(_) | Event::Repeated(_)]);
        if refused && let Some(before) = hash_before {
            self.stats.hashes_compared += 1;
            if before != self.fast.state_hash() {
                return Err("I21: a rejected command changed the state".to_owned());
            }
        }
        for (member, currency) in self.audit.take_in(command, expected)? {
            let audited = self.audit.account(member, currency);
            let reference = self.reference.balance(member, currency);
            let fast = self.fast.balance(member, currency);
            if fast != reference || (fast.0, fast.1) != audited {
                return Err(format!(
                    "balances of member {member} currency {currency}: \
                     reference {reference:?} fast {fast:?} events {audited:?}"
                ));
            }
        }
        let market = command.header().market;
        if self.reference.best(market) != self.fast.best(market) {
            return Err(format!("the best prices of market {market} differ"));
        }
        if self.stats.commands.is_multiple_of(INVARIANTS_EVERY) {
            self.check_everything()?;
        }
        Ok(())
    }

    fn check_everything(&mut self) -> Result<(), String> {
        self.stats.invariants_checked += 1;
        for (member, currency) in self.audit.accounts() {
            let (reference, fast) =
                (self.reference.balance(member, currency), self.fast.balance(member, currency));
            if reference != fast {
                return Err(format!("balances of {member} {currency}: {reference:?} {fast:?}"));
            }
        }
        self.reference.invariants()
    }

    fn finish(&mut self) -> Result<(), Box<Divergence>> {
        let checked = self.check_everything();
        let last = self.last.back().copied().unwrap_or(Command::ZERO);
        checked.map_err(|what| self.diverged(&last, &what, &[], &[]))
    }

    fn diverged(
        &self,
        command: &Command,
        what: &str,
        expected: &[Event],
        got: &[Event],
    ) -> Box<Divergence> {
        Box::new(Divergence {
            swarm: self.swarm.clone(),
            step: self.stats.commands,
            what: what.to_owned(),
            command: *command,
            expected: expected.to_vec(),
            got: got.to_vec(),
            last: self.last.iter().copied().collect(),
        })
    }
}
