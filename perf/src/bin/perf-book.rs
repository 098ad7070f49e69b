//! Times the bare books and prints lines of JSON.
//!
//! - `perf-book FILE`: on a workload file.
//! - `perf-book run [SHAPE]...`: on workloads it makes itself, `ROUNDS` times each, in turns.
//! - `perf-book scale`: from a thousand to ten million live orders.
//! - `perf-book make SHAPE FILE [TIMED] [SEED]`: makes a file.
//!
//! `AHEAD=0` runs without look-ahead, `LATENCY=1` times commands one by one, `CORE=n` pins.

use perf::book::{self, Options, Report};
use perf::generate::{self, Shape};
use perf::workload::Workload;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(core) = number("CORE") {
        let _ = perf::clock::pin(core);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["make", shape, file, ref rest @ ..] => make(shape, file, rest),
        ["scale"] => scale(),
        ["run", ref shapes @ ..] => run(shapes),
        [file] => time(file),
        _ => {
            Err("usage: perf-book FILE | run [SHAPE].. | scale | make SHAPE FILE [TIMED] [SEED]"
                .into())
        }
    };
    match done {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn make(shape: &str, file: &str, rest: &[&str]) -> Result<String, String> {
    let shape = Shape::parse(shape).ok_or("no such shape")?;
    let number = |place: usize, default: u64| {
        rest.get(place).map_or(Ok(default), |word| word.parse().map_err(|_| "not a number"))
    };
    let timed = number(0, generate::TIMED as u64)? as usize;
    let workload = generate::generate(shape, timed, number(1, generate::SEED)?);
    workload.write(Path::new(file)).map_err(|error| error.to_string())?;
    Ok(format!("{file}: {} records, {} live", workload.header.total, workload.header.live_max))
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn options() -> Options {
    Options {
        look_ahead: number("AHEAD") != Some(0),
        latency: number("LATENCY").is_some_and(|value| value != 0),
    }
}

fn time(file: &str) -> Result<String, String> {
    let workload = Workload::read(Path::new(file)).map_err(|error| error.to_string())?;
    let name = Path::new(file).file_stem().map_or(String::new(), |s| s.to_string_lossy().into());
    Ok(book::run(&workload, options()).to_json(&name))
}

fn lines(all: &[(String, Vec<Report>)]) -> String {
    let line = |(name, reports): &(String, Vec<Report>)| {
        reports.iter().map(|report| report.to_json(name)).collect::<Vec<_>>()
    };
    all.iter().flat_map(line).collect::<Vec<_>>().join("\n")
}

fn scale() -> Result<String, String> {
    let commands = number("COMMANDS").unwrap_or(1_000_000);
    Ok(lines(&book::scaling(commands, number("ROUNDS").unwrap_or(3), options())))
}

fn run(shapes: &[&str]) -> Result<String, String> {
    let shapes =
        if shapes.is_empty() { &["ec1k", "deep100k", "multi1000", "sweep"] } else { shapes };
    let shapes: Option<Vec<Shape>> = shapes.iter().map(|name| Shape::parse(name)).collect();
    let commands = number("COMMANDS").unwrap_or(generate::TIMED);
    let rounds = number("ROUNDS").unwrap_or(3);
    Ok(lines(&book::run_shapes(&shapes.ok_or("no such shape")?, commands, rounds, options())))
}
