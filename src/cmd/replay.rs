//! `opex replay`: recorded market data through the whole core.

use super::{Arguments, show};
use crate::decimal::Decimal;
use crate::failure::{EXIT_DIFFERS, EXIT_MATCH, Failure};
use crate::replay::{self, CHECKS, Check, DataSet, Meta, Operation, Options, Run};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use wire::codes::Side;

/// Help of this command.
pub const HELP: &str = "\
opex replay PATH/NAME [--log DIR] [--core N] [--json]

Replays the recorded market data NAME (format l3-replay-1: NAME.meta.json, NAME.events.csv.gz and
the expectations beside them) through shared-memory rings, the matcher thread and the log. A book
built from the log alone is compared with every expectation file: executions, rejections, best bid
and ask, depth, quantities at cancels, the book at the end.

  --log DIR  keep the log in DIR, which has to be empty or new, through the disk (default: in shared
             memory only); then try opex journal verify DIR
  --core N   pin the matcher to core N
  --json     only the JSON line

The last line is JSON: commands, executions, mismatches by file, commands_per_s.
Exit codes: 0 all equal; 1 something differs; 2 bad arguments or bad input.
";

/// Levels of the book that are shown.
const LEVELS_SHOWN: usize = 5;

#[derive(Serialize)]
struct Summary<'a> {
    name: &'a str,
    commands: usize,
    executions: u64,
    compared: BTreeMap<&'static str, u64>,
    mismatches: BTreeMap<&'static str, u64>,
    records: u64,
    seconds: String,
    commands_per_s: u64,
    ok: bool,
}

/// Runs the command.
pub fn run(parser: lexopt::Parser) -> Result<ExitCode, Failure> {
    let arguments = Arguments::read(parser, &["log", "core"])?;
    if arguments.is_help {
        return show(HELP);
    }
    let base = arguments.only("data set")?;
    let core = arguments.option("core").map(|core| {
        core.parse().map_err(|_| Failure::input(format!("--core {core} is no number of a core")))
    });
    let options = Options { log: arguments.option("log").map(Path::new), core: core.transpose()? };
    let set = DataSet::read(base)?;
    let mut check = Check::new(&set);
    let run = replay::run(&set, &mut check, options)?;
    let mut out = io::stdout().lock();
    if !arguments.is_json {
        tell(&mut out, &set, &check, &run, options)?;
    }
    for text in &check.told {
        eprintln!("differs: {text}");
    }
    write_json(&mut out, &set, &check, &run)?;
    Ok(ExitCode::from(if check.differing() == 0 { EXIT_MATCH } else { EXIT_DIFFERS }))
}

fn write_json(
    out: &mut impl Write,
    set: &DataSet,
    check: &Check<'_>,
    run: &Run,
) -> Result<(), Failure> {
    let tallies = || CHECKS.iter().filter_map(|name| check.tallies.get_key_value(name));
    let summary = Summary {
        name: &set.meta.name,
        commands: set.rows.len(),
        executions: check.executions,
        compared: tallies().map(|(name, tally)| (*name, tally.compared)).collect(),
        mismatches: tallies().map(|(name, tally)| (*name, tally.differing)).collect(),
        records: run.records,
        seconds: format!("{}.{:06}", run.time.as_secs(), run.time.subsec_micros()),
        commands_per_s: per_second(set.rows.len(), run),
        ok: check.differing() == 0,
    };
    serde_json::to_writer(&mut *out, &summary).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

fn per_second(count: usize, run: &Run) -> u64 {
    let per_second = count as u128 * 1_000_000_000 / run.time.as_nanos().max(1);
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

fn tell(
    out: &mut impl Write,
    set: &DataSet,
    check: &Check<'_>,
    run: &Run,
    options: Options<'_>,
) -> Result<(), Failure> {
    let meta = &set.meta;
    writeln!(out, "{}: {} at {}", meta.name, meta.market, meta.venue)?;
    writeln!(out, "{}, {} UTC\n", meta.date, meta.window_utc)?;
    writeln!(out, "commands   {:>9}  {}", thousands(set.rows.len()), operations(set))?;
    let (base, quote) = traded(meta, check);
    let units = (&meta.quantity_unit, &meta.price_unit);
    let executions = thousands(check.executions as usize);
    writeln!(out, "trades     {executions:>9}  {base} {} for {quote} {}", units.0, units.1)?;
    let rate = thousands(per_second(set.rows.len(), run) as usize);
    let time = run.time.as_millis();
    writeln!(
        out,
        "speed      {rate:>9}  commands/s through ring, matcher, log and comparison, {time} ms"
    )?;
    let place = match options.log {
        Some(dir) => format!("records on disk in {}", dir.display()),
        None => "records, in shared memory; --log DIR keeps them".to_owned(),
    };
    writeln!(out, "log        {:>9}  {place}\n", thousands(run.records as usize))?;
    book(out, meta, check)?;
    writeln!(out, "compared with the venue:")?;
    for name in CHECKS {
        let tally = check.tallies[name];
        let verdict = match (name, tally.differing) {
            ("log", 0) => continue,
            (_, 0) => "all equal".to_owned(),
            (_, count) => format!("{count} DIFFER"),
        };
        let compared = thousands(tally.compared as usize);
        writeln!(out, "  {:<34}{compared:>9}  {verdict}", description(name))?;
    }
    writeln!(out)?;
    Ok(())
}

fn description(check: &str) -> &str {
    match check {
        "exec" => "executions",
        "reject" => "post-only orders rejected",
        "bbo" => "best bid and ask",
        "depth" => "levels of the book",
        "cancel" => "quantities left at a cancel",
        "final_book" => "book after the last command",
        "sha256" => "sums of the files",
        "log" => "records of the log that do not fit",
        other => other,
    }
}

fn book(out: &mut impl Write, meta: &Meta, check: &Check<'_>) -> Result<(), Failure> {
    let side = |side| {
        let levels = check.levels(side).take(LEVELS_SHOWN);
        levels
            .map(|(price, lots)| (exact(price.into(), meta.tick_size), exact(lots, meta.lot_size)))
    };
    let (bids, asks): (Vec<_>, Vec<_>) = (side(Side::Buy).collect(), side(Side::Sell).collect());
    let count = thousands(check.book.resting_count());
    writeln!(out, "book at the end: {count} orders")?;
    writeln!(out, "  {:>16} {:>12}  |  {:<12} quantity", "quantity", "bid", "ask")?;
    let none = (String::new(), String::new());
    for place in 0..bids.len().max(asks.len()) {
        let (bid, ask) = (bids.get(place).unwrap_or(&none), asks.get(place).unwrap_or(&none));
        writeln!(out, "  {:>16} {:>12}  |  {:<12} {}", bid.1, bid.0, ask.0, ask.1)?;
    }
    writeln!(out)?;
    Ok(())
}

fn operations(set: &DataSet) -> String {
    let opening = set.meta.snapshot_last_seq as usize;
    let mut counts: BTreeMap<Operation, usize> = BTreeMap::new();
    for row in set.rows.iter().skip(opening) {
        *counts.entry(row.operation).or_default() += 1;
    }
    let parts = counts.iter().map(|(kind, count)| format!("{} {}", thousands(*count), kind.word()));
    let parts: Vec<String> = parts.collect();
    format!("opening book {}, then {}", thousands(opening), parts.join(", "))
}

/// Base and quote traded.
fn traded(meta: &Meta, check: &Check<'_>) -> (String, String) {
    let tick_lot = meta.tick_size.times(meta.lot_size).unwrap_or(Decimal::ZERO);
    (exact(check.traded_lots, meta.lot_size), exact(check.traded_ticks, tick_lot))
}

/// `count` steps as a decimal, with as many places as a step has.
fn exact(count: u128, step: Decimal) -> String {
    let Some(number) = i128::try_from(count).ok().and_then(|count| count.checked_mul(step.0))
    else {
        return format!("{count} x {step}");
    };
    let text = Decimal(number).to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    match replay::places(step) as usize {
        0 => whole.to_owned(),
        places => format!("{whole}.{part:0<places$}"),
    }
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
