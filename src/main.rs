//! `opex`, the command line over the exchange core.
//!
//! Code map:
//! - [`cmd`]: one file a command: its arguments, its help, its output.
//! - [`replay`]: market data through rings, matcher and log, checked by a book of our own.
//! - [`vectors`]: the conformance vectors through the engine.
//! - [`log`]: the log decoded, and executed again.
//! - [`host`]: a matcher with its rings and its log in this process.
//! - [`decimal`]: exact decimals.
//! - [`book`]: a book built from the log's records alone, as a gateway does. [`fact`]: an event,
//!   read.
//! - [`failure`]: what ends a command early. [`progress`]: how far a long one is.

mod book;
mod cmd;
mod decimal;
mod fact;
mod failure;
mod host;
mod log;
mod progress;
mod replay;
mod vectors;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cmd::run(lexopt::Parser::from_env()) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
