//! `opex journal`: the log printed, and executed again.

use super::{Arguments, show};
use crate::failure::{EXIT_DIFFERS, EXIT_MATCH, Failure};
use crate::log::{self, Difference, Source, Verdict};
use matcher::engine::desk::Capacity;
use serde::Serialize;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

/// Help of this command.
pub const HELP: &str = "\
opex journal dump DIR_OR_STAGE [--shard N]
opex journal verify DIR_OR_STAGE [--shard N] [--json] [--orders N] [--members N] [--accounts N]
                    [--lists N] [--ladder-ticks N]

dump prints every record of the log, one JSON object a line. verify applies every command of the log
to a fresh engine again and compares every event with the log's, byte for byte, up to the first
difference.
Both read: DIR is a directory of segment files, STAGE the file of a running matcher's stage.

  --shard N    the matcher's number, if the directory holds the logs of several (default 0)
  --json       the verdict as one JSON object
  --orders N, --members N, --accounts N, --lists N, --ladder-ticks N
               room of the fresh engine; it has to be the matcher's own only for a log in which the
               matcher had no room left (defaults: 1048576, 65536, 262144, 65536, 4194304)

Exit codes: 0 all equal; 1 a difference; 2 bad arguments, or a log that cannot be read.
";

const OPTIONS: [&str; 6] = ["shard", "orders", "members", "accounts", "lists", "ladder-ticks"];

#[derive(Serialize)]
struct Summary {
    commands: u64,
    events: u64,
    equal: bool,
    missing: usize,
    state_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
}

/// Runs the command.
pub fn run(parser: lexopt::Parser) -> Result<ExitCode, Failure> {
    let arguments = Arguments::read(parser, &OPTIONS)?;
    if arguments.is_help {
        return show(HELP);
    }
    let [action, path] = arguments.values.as_slice() else {
        return Err(Failure::input("give dump or verify, and a log; see opex help journal"));
    };
    let shard = arguments.count("shard", 0)?;
    let open = || Source::open(path, shard);
    match action.to_str() {
        Some("dump") => dump(&mut open()?),
        Some("verify") => {
            let capacity = capacity(&arguments)?;
            verify(&mut open()?, &capacity, &arguments)
        }
        _ => Err(Failure::input(format!("no action `{}`; give dump or verify", action.display()))),
    }
}

fn dump(source: &mut Source) -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    while let Some(record) = source.next_record()? {
        writeln!(out, "{}", log::json(record))?;
    }
    out.flush()?;
    if let Some(text) = source.end() {
        eprintln!("note: {text}");
    }
    Ok(ExitCode::from(EXIT_MATCH))
}

fn capacity(arguments: &Arguments) -> Result<Capacity, Failure> {
    Ok(Capacity {
        orders: arguments.count("orders", 1 << 20)?.clamp(1, wire::limits::ORDERS_MAX),
        members: arguments.count("members", 1 << 16)?,
        accounts: arguments.count("accounts", 1 << 18)?,
        lists: arguments.count("lists", 1 << 16)?,
        ladder_ticks: arguments.count("ladder-ticks", 1 << 22)?,
    })
}

fn verify(
    source: &mut Source,
    capacity: &Capacity,
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let verdict = log::verify(source, capacity)?;
    let mut out = io::stdout().lock();
    if arguments.is_json {
        let summary = Summary {
            commands: verdict.commands,
            events: verdict.events,
            equal: verdict.difference.is_none(),
            missing: verdict.missing,
            state_hash: format!("{:016x}", verdict.state_hash),
            end: source.end(),
        };
        serde_json::to_writer(&mut out, &summary).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        tell(&mut out, &verdict, source)?;
    }
    Ok(ExitCode::from(if verdict.difference.is_none() { EXIT_MATCH } else { EXIT_DIFFERS }))
}

fn tell(out: &mut impl Write, verdict: &Verdict, source: &Source) -> Result<(), Failure> {
    if let Some(difference) = &verdict.difference {
        tell_difference(out, difference)?;
    } else if let Some(text) = source.end() {
        writeln!(out, "note: {text}")?;
    }
    let Verdict { commands, events, .. } = verdict;
    let what = if verdict.difference.is_some() { "the last event DIFFERS" } else { "all equal" };
    writeln!(out, "{commands} commands executed again, {events} events compared: {what}")?;
    if verdict.difference.is_none() {
        if verdict.missing > 0 {
            let missing = verdict.missing;
            writeln!(out, "the log ends {missing} events before the end of its last command")?;
        }
        writeln!(out, "hash of the state at the end: {:016x}", verdict.state_hash)?;
    }
    Ok(())
}

fn tell_difference(out: &mut impl Write, difference: &Difference) -> Result<(), Failure> {
    writeln!(out, "records before the difference:")?;
    for record in &difference.context {
        writeln!(out, "  {}", log::json(record.cells()))?;
    }
    let expected = difference.expected.as_ref().map(|record| log::json(record.cells()));
    let expected = expected.unwrap_or_else(|| "nothing more of this command".to_owned());
    writeln!(out, "the engine tells:\n  {expected}")?;
    writeln!(out, "the log has:\n  {}", log::json(difference.found.cells()))?;
    writeln!(out, "first differing byte of the record: {}", difference.byte)?;
    Ok(())
}
