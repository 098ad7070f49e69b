//! `perf-core [SHAPE]...` times the whole state machine and prints JSON. `ROUNDS`, `COMMANDS`,
//! `CORE` and `AHEAD=0` change how.

use perf::core::{Options, run};
use perf::generate::Shape;
use std::process::ExitCode;

fn main() -> ExitCode {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let mut options = Options::default();
    let shapes: Option<Vec<Shape>> =
        std::env::args().skip(1).map(|name| Shape::parse(&name)).collect();
    let Some(shapes) = shapes else {
        eprintln!("usage: perf-core [ec1k|deep100k|multi1000|sweep|scaleN]...");
        return ExitCode::FAILURE;
    };
    if !shapes.is_empty() {
        options.shapes = shapes;
    }
    options.rounds = number("ROUNDS").unwrap_or(options.rounds);
    options.commands = number("COMMANDS").unwrap_or(options.commands);
    options.core = number("CORE");
    options.look_ahead = number("AHEAD") != Some(0);
    println!("{}", run(&options).to_json());
    ExitCode::SUCCESS
}
