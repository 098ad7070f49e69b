//! `opex perf`: measures this machine. The measuring is done by the package `perf`.

use super::{Arguments, show};
use crate::failure::Failure;
use perf::book::{self, Options};
use perf::generate::{self, Shape};
use std::process::ExitCode;

/// Help of this command.
pub const HELP: &str = "\
opex perf book SHAPE [--commands N] [--seed N]

Times the bare books, without funds and log, on commands made from a seed, and prints one line of
JSON. SHAPE: ec1k (exchange-core's mix, 1,000 orders), deep100k (100,000 orders in one book),
multi1000 (1,000 markets), sweep (large takers), scaleN (N live orders). Needs a quiet machine.

  --commands N  commands that are timed (default 3000000)
  --seed N      where the commands come from (default 20240601)

Exit codes: 0 measured; 2 bad arguments.
";

/// Runs the command.
pub fn run(parser: lexopt::Parser) -> Result<ExitCode, Failure> {
    let arguments = Arguments::read(parser, &["commands", "seed"])?;
    if arguments.is_help {
        return show(HELP);
    }
    let words: Vec<_> = arguments.values.iter().map(|value| value.to_string_lossy()).collect();
    let shape = match words.as_slice() {
        [what, shape] if what == "book" => Shape::parse(shape),
        _ => None,
    };
    let shape = shape.ok_or_else(|| Failure::input("give book and a shape; see opex help perf"))?;
    let commands = arguments.count("commands", generate::TIMED as u32)?;
    let seed = arguments.count("seed", generate::SEED as u32)?;
    let workload = generate::generate(shape, commands as usize, u64::from(seed));
    let report = book::run(&workload, Options { look_ahead: true, latency: false });
    show(&format!("{}\n", report.to_json(&words[1])))
}
