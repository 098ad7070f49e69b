//! The engine's source once more, with `--cfg mutants`.

#[expect(dead_code, reason = "the engine's own crate says what everything is")]
#[path = "../../../matcher/src/engine/mod.rs"]
mod engine;

use engine::Engine;
use engine::desk::Capacity;
use reference::Config;
use reference::inspect::Level;
use reference::judge::Machine;
use wire::codes::Side;
use wire::command::Command;
use wire::event::EventSink;

pub use engine::mutant::{Mutant, plant};

/// An engine that may have a planted fault.
pub struct Mutated(Engine);

impl Mutated {
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

crate::machine!(Mutated);
