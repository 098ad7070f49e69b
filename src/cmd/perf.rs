//! `opex perf`: measures this machine. The measuring is done by the package `perf`.

use super::{Arguments, show};
use crate::failure::{EXIT_DIFFERS, Failure};
use perf::generate::{self, Shape};
use perf::{book, core, latency};
use std::path::Path;
use std::process::ExitCode;

/// Help of this command.
pub const HELP: &str = "\
opex perf book SHAPE [--commands N] [--seed N]
opex perf core [SHAPE]... [--commands N] [--rounds N] [--seed N] [--core N]
opex perf latency [--rate N] [--seconds N] [--writer-shares 1] [--json FILE]

Measures this machine. Needs it for itself: what else runs is in every number.

book: the bare books, without funds and log, on commands made from a seed; one line of JSON.
core: the whole state machine on one thread, with funds, fees and a log in memory; JSON. Without a
  shape: ec1k, deep100k, multi1000 and sweep in turns.
latency: from a command's publication in the ring until its last event can be read in the log,
  through the matcher's real thread, open loop; a table, and JSON to a file. Takes two cores, and on
  a machine with a third one runs the log's writer there. Prints PASS or FAIL against our bar.

SHAPE: ec1k (exchange-core's mix, 1,000 orders), deep100k (100,000 orders in one book), multi1000
(1,000 markets), sweep (large takers), scaleN (N live orders).

  --commands N       commands that are timed (book 3000000, core 1000000)
  --seed N           where the commands come from (20240601)
  --rounds N         runs of each shape (5)
  --core N           core to run on
  --rate N           commands a second (1000000)
  --seconds N        measured seconds, after one that is not (5)
  --writer-shares 1  run the log's writer beside the driver, waking each millisecond
  --json FILE        write the result there too

Exit codes: 0 measured; 1 latency: 99 % of the rate were not reached; 2 bad arguments, or no result.
";

/// Options that have a value.
const KNOWN: &[&str] =
    &["commands", "seed", "rounds", "core", "rate", "seconds", "writer-shares", "json"];

/// Runs the command.
pub fn run(parser: lexopt::Parser) -> Result<ExitCode, Failure> {
    let arguments = Arguments::read(parser, KNOWN)?;
    if arguments.is_help {
        return show(HELP);
    }
    let words: Vec<_> = arguments.values.iter().map(|value| value.to_string_lossy()).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        ["book", shape] => time_book(shape, &arguments),
        ["core", shapes @ ..] => time_core(shapes, &arguments),
        ["latency"] => time_latency(&arguments),
        _ => Err(Failure::input("give book and a shape, core, or latency; see opex help perf")),
    }
}

/// Refuses options that belong to another measurement: they would change nothing.
fn allow(arguments: &Arguments, what: &str, allowed: &[&str]) -> Result<(), Failure> {
    let stray = arguments.options.iter().find(|(name, _)| !allowed.contains(name));
    stray.map_or(Ok(()), |(name, _)| {
        Err(Failure::input(format!("perf {what} has no --{name}; see opex help perf")))
    })
}

fn shape_of(name: &str) -> Result<Shape, Failure> {
    Shape::parse(name)
        .ok_or_else(|| Failure::input(format!("no shape `{name}`; see opex help perf")))
}

fn time_book(name: &str, arguments: &Arguments) -> Result<ExitCode, Failure> {
    allow(arguments, "book", &["commands", "seed"])?;
    let shape = shape_of(name)?;
    let commands = arguments.count("commands", generate::TIMED as u32)?;
    let seed = arguments.count("seed", generate::SEED as u32)?;
    let workload = generate::generate(shape, commands as usize, u64::from(seed));
    let report = book::run(&workload, book::Options { look_ahead: true, latency: false });
    show(&format!("{}\n", report.to_json(name)))
}

fn time_core(names: &[&str], arguments: &Arguments) -> Result<ExitCode, Failure> {
    allow(arguments, "core", &["commands", "seed", "rounds", "core"])?;
    let mut options = core::Options::default();
    if !names.is_empty() {
        options.shapes = names.iter().map(|name| shape_of(name)).collect::<Result<_, _>>()?;
    }
    options.commands = arguments.count("commands", options.commands as u32)? as usize;
    options.rounds = arguments.count("rounds", options.rounds as u32)? as usize;
    options.seed = u64::from(arguments.count("seed", options.seed as u32)?);
    if arguments.option("core").is_some() {
        options.core = Some(arguments.count("core", 0)? as usize);
    }
    show(&format!("{}\n", core::run(&options).to_json()))
}

fn time_latency(arguments: &Arguments) -> Result<ExitCode, Failure> {
    allow(arguments, "latency", &["rate", "seconds", "writer-shares", "json"])?;
    let mut options = latency::Options::default();
    options.rate = u64::from(arguments.count("rate", options.rate as u32)?);
    options.seconds = u64::from(arguments.count("seconds", options.seconds as u32)?);
    options.writer_shares = arguments.count("writer-shares", 0)? != 0;
    let report = latency::run(options).map_err(|error| Failure::chain("measure", &error))?;
    if let Some(file) = arguments.option("json") {
        let path = Path::new(file);
        std::fs::write(path, report.to_json() + "\n")
            .map_err(|error| Failure::file(path, &error, "give a file that can be written"))?;
    }
    show(&report.to_text())?;
    Ok(if report.keeps_rate() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DIFFERS) })
}
