//! The fast matcher before its judges.

mod agreement;
mod garbage;
mod mutants;
mod quiet;
mod thread;
