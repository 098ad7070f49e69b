//! `perf-book FILE` times the bare books on a workload; `perf-book make SHAPE FILE [TIMED] [SEED]`
//! makes one. Prints a line of JSON. `AHEAD=0` runs without look-ahead, `LATENCY=1` times commands
//! one by one.

use perf::book::{self, Options};
use perf::generate::{self, Shape};
use perf::workload::Workload;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["make", shape, file, ref rest @ ..] => make(shape, file, rest),
        [file] => time(file),
        _ => Err("usage: perf-book FILE | perf-book make SHAPE FILE [TIMED] [SEED]".into()),
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

fn time(file: &str) -> Result<String, String> {
    let flag = |name: &str, default: bool| {
        std::env::var(name).map_or(default, |value| value != "0" && !value.is_empty())
    };
    let options = Options { look_ahead: flag("AHEAD", true), latency: flag("LATENCY", false) };
    let workload = Workload::read(Path::new(file)).map_err(|error| error.to_string())?;
    let name = Path::new(file).file_stem().map_or(String::new(), |s| s.to_string_lossy().into());
    Ok(book::run(&workload, options).to_json(&name))
}
