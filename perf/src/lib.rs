//! How fast it is, on the machine it runs on, against inputs anyone can rebuild.
//!
//! Code map:
//! - [`workload`]: the neutral file of commands, and the digest that proves an engine right.
//! - [`generate`]: makes the files; [`oracle`] is the slow, obvious book it keeps beside it.
//! - [`driver`]: the matcher's bare books behind a table of order ids; [`book`] times them.
//! - [`core`]: times the whole state machine, with funds and fees and a log in memory.
//! - [`latency`]: from a ring to the log through the real thread, open loop.
//! - [`clock`]: processor time, wall time and what else disturbs a run.
#![forbid(unsafe_code)]
#![expect(
    clippy::float_arithmetic,
    reason = "reports are ratios; nothing here decides about money"
)]

pub mod book;
pub mod clock;
pub mod core;
pub mod driver;
pub mod generate;
pub mod latency;
pub mod oracle;
pub mod workload;
