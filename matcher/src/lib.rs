//! The deterministic state machine, and the pinned thread that runs it.
//!
//! Code map:
//! - [`engine`]: command in, events out; what it does is `docs/matching.md`.

pub mod engine;
