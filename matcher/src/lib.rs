//! The deterministic state machine, and the pinned thread that runs it.
//!
//! Code map:
//! - [`engine`]: command in, events out; what it does is `docs/matching.md`.
//! - [`cycle`]: the duty cycle of the thread: poll, decide, journal, publish. The hot path ends
//!   here.
//! - [`boot`]: cold: core, memory, clock, warm-up. May allocate, may fail.

pub mod boot;
pub mod cycle;
pub mod engine;
