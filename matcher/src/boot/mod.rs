//! Before the first command: core, memory, clock, warm-up. Everything here may allocate and fail.
//!
//! - [`cpu`]: pins a thread to a core.
//! - [`memory`]: keeps the process's pages in memory.
//! - [`clock`]: the thread that keeps the [`crate::cycle::Clock`].
//! - [`warm_up`]: runs the code paths once on a scratch engine.
//! - [`seccomp`]: takes all system calls from the calling thread.

pub mod clock;
pub mod cpu;
pub mod memory;
pub mod seccomp;
pub mod warm_up;
