//! Holds the fast matcher to the reference.
//!
//! - [`Fast`]: the production engine as a [`Machine`].
//! - [`mutated`]: the same source compiled with its planted faults, as a [`Machine`].

use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use reference::Config;
use reference::inspect::Level;
use reference::judge::Machine;
use wire::codes::Side;
use wire::command::Command;
use wire::event::EventSink;

pub mod mutated;

/// The production engine.
pub struct Fast(Engine);

impl Fast {
    /// An empty one.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self(Engine::new(&Capacity {
            orders: config.orders,
            members: config.members + 1,
            accounts: config.accounts,
            lists: config.lists,
            ladder_ticks: u32::try_from(config.ladder_ticks).unwrap_or(u32::MAX),
        }))
    }
}

/// Implements [`Machine`] for a wrapper of an engine.
#[macro_export]
macro_rules! machine {
    ($name:ty) => {
        impl Machine for $name {
            fn apply(&mut self, command: &Command, out: &mut impl EventSink) {
                self.0.apply(command, out);
            }

            fn tick_due(&self, now_ns: u64) -> bool {
                self.0.tick_due(now_ns)
            }

            fn state_hash(&self) -> u64 {
                self.0.state_hash()
            }

            fn state_hash_is_cheap(&self) -> bool {
                false
            }

            fn balance(&self, member: u32, currency: u16) -> (i128, i128, i128) {
                self.0.balance(member, currency)
            }

            fn best(&self, market: u16) -> (Option<Level>, Option<Level>) {
                (self.0.top(market, Side::Buy), self.0.top(market, Side::Sell))
            }
        }
    };
}

machine!(Fast);
