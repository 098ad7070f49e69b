//! The commands: which there are, and what they have in common.

mod journal;
mod perf;
mod replay;
mod vectors;

use crate::failure::Failure;
use lexopt::prelude::*;
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
opex: the exchange core on the command line

  opex replay PATH/NAME [--log DIR] [--json]
      Replay recorded market data through rings, matcher and log, and check every execution.
  opex vectors FILE.json [--kind KIND] [--json]
      Run conformance vectors through the engine.
  opex journal dump DIR_OR_STAGE
      Print the records of a log, one JSON object a line.
  opex journal verify DIR_OR_STAGE [--json]
      Execute the commands of a log again and compare every event, byte for byte.
  opex perf book|core|latency
      Measure this machine: the bare books, the state machine, the way from ring to log.
  opex help [COMMAND]
  opex --version

Exit codes: 0 all as it should be; 1 something differs; 2 bad arguments or bad input.
";

/// Runs what the arguments say.
pub fn run(mut arguments: lexopt::Parser) -> Result<ExitCode, Failure> {
    let name = match arguments.next()? {
        None | Some(Short('h') | Long("help")) => "help".to_owned(),
        Some(Short('V') | Long("version")) => {
            return show(&format!("opex {}\n", env!("CARGO_PKG_VERSION")));
        }
        Some(Value(name)) => name.to_string_lossy().into_owned(),
        Some(argument) => return Err(argument.unexpected().into()),
    };
    match name.as_str() {
        "replay" => replay::run(arguments),
        "vectors" => vectors::run(arguments),
        "journal" => journal::run(arguments),
        "perf" => perf::run(arguments),
        "help" => match arguments.next()? {
            Some(Value(topic)) => show(help_of(&topic.to_string_lossy())?),
            _ => show(HELP),
        },
        other => Err(Failure::input(format!("no command `{other}`; see opex help"))),
    }
}

fn help_of(command: &str) -> Result<&'static str, Failure> {
    match command {
        "replay" => Ok(replay::HELP),
        "vectors" => Ok(vectors::HELP),
        "journal" => Ok(journal::HELP),
        "perf" => Ok(perf::HELP),
        other => Err(Failure::input(format!("no command `{other}`; see opex help"))),
    }
}

fn show(text: &str) -> Result<ExitCode, Failure> {
    use std::io::Write;
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Options and values of one command.
#[derive(Default)]
struct Arguments {
    values: Vec<PathBuf>,
    options: Vec<(&'static str, String)>,
    is_json: bool,
    is_help: bool,
}

impl Arguments {
    /// Reads them; `known` are the options that have a value.
    fn read(mut parser: lexopt::Parser, known: &[&'static str]) -> Result<Self, Failure> {
        let mut arguments = Self::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Value(value) => arguments.values.push(value.into()),
                Long("json") if !known.contains(&"json") => arguments.is_json = true,
                Short('h') | Long("help") => arguments.is_help = true,
                Long(name) => match known.iter().find(|option| **option == name) {
                    Some(option) => {
                        let value = parser.value()?.to_string_lossy().into_owned();
                        arguments.options.push((option, value));
                    }
                    None => return Err(Long(name).unexpected().into()),
                },
                Short(_) => return Err(argument.unexpected().into()),
            }
        }
        Ok(arguments)
    }

    fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(option, _)| *option == name).map(|(_, value)| value.as_str())
    }

    /// A number, or what it is when it is not given.
    fn count(&self, name: &str, absent: u32) -> Result<u32, Failure> {
        let Some(word) = self.option(name) else { return Ok(absent) };
        word.parse().map_err(|_| Failure::input(format!("--{name} {word} is no such number")))
    }

    /// The one value there must be.
    fn only(&self, what: &str) -> Result<&PathBuf, Failure> {
        match self.values.as_slice() {
            [value] => Ok(value),
            _ => Err(Failure::input(format!("give one {what}; see opex help"))),
        }
    }
}
