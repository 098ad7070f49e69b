//! The contract between processes: what crosses shared memory and what stands in the log.
//!
//! Code map:
//! - [`limits`]: every maximum in the system, with compile-time proofs that they fit together.
//! - [`units`]: ticks, lots, rates and [`units::Amount`]; the only place money is multiplied.
//! - [`codes`]: the enumerations on the wire (side, order type, time in force, states, …).
//! - [`record`]: the 64-byte [`record::Cell`] and the 16-byte [`record::Header`] of every message.
//! - [`command`]: messages in. [`event`]: messages out. [`reason`]: why a command was rejected.
//! - [`region`]: memory shared between processes. [`ring`]: commands on their way to the matcher.
//!
//! What stays true: every message is a whole number of 64-byte cells, plain old data, little
//! endian, without hidden padding; any byte pattern may be read and decoded without undefined
//! behaviour, because enumerations are bytes until [`codes`] has checked them.

#[cfg(target_endian = "big")]
compile_error!("the wire format is little endian and is read in place");

pub mod codes;
pub mod command;
pub mod event;
pub mod limits;
pub mod reason;
pub mod record;
pub mod region;
pub mod ring;
pub mod units;

/// Version of every layout in this crate. Both ends of a ring and every reader of a log compare it.
pub const LAYOUT_VERSION: u16 = 1;

/// The words of a message or of a part of one.
#[must_use]
pub fn words_of<T: bytemuck::NoUninit>(message: &T) -> &[u64] {
    bytemuck::cast_slice(core::slice::from_ref(message))
}
