//! The log: every command and every event it caused, in one sequence. It is the source of truth,
//! and the bus: whoever wants to know what the matcher did reads it here.
//!
//! Code map:
//! - [`stage`]: the named shared memory the matcher writes records into: [`stage::Appender`] (one),
//!   [`stage::Reader`] (any number, in any process).
//! - [`gate`]: up to which sequence anybody may act on what they read.
//! - [`writer`]: the thread that makes the stage durable, and the sinks it writes to:
//!   [`uring::UringDirect`], [`direct::PwriteDirect`], [`mapped::FileMapped`],
//!   [`writer::Discard`].
//! - [`mod@format`]: blocks and headers of segment files, as in FORMAT.md. [`prepare`]: new ones,
//!   zeroed ahead of need. [`segment`]: reading them, checking everything.
//!
//! ```text
//! matcher --store--> stage --copy, checksum--> blocks --O_DIRECT--> segment files
//!                      |                                               |
//!                      +------ readers that keep up                    +--- readers that do not
//! ```

#![deny(unsafe_code)]

pub mod direct;
pub mod format;
pub mod gate;
pub mod mapped;
pub mod prepare;
pub mod segment;
pub mod stage;
pub mod uring;
pub mod writer;
