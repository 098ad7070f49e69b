//! The log for people and programs: where it is read from, its records as text, and its commands
//! executed again.

mod decode;
mod source;
mod verify;

pub use decode::json;
pub use source::Source;
pub use verify::{Difference, Verdict, verify};
