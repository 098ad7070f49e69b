//! The fast matcher before its judges.

mod agreement;
mod bounds;
mod garbage;
mod mutants;
mod quiet;
mod thread;
