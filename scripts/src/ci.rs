//! The steps of `cargo x ci`: cheap ones first, tests last, stop at the first that fails.

use crate::error::Error;
use crate::{licences, report, tidy};
use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What a step does.
#[derive(Clone, Copy, Debug)]
enum Action {
    Cargo(&'static [&'static str]),
    Tidy,
    Licences,
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    name: &'static str,
    action: Action,
}

/// Every step, in order. The whole workspace is named each time: with one package cargo would
/// choose other features and build the dependencies again.
pub const STEPS: &[Step] = &[
    Step { name: "format", action: Action::Cargo(&["fmt", "--all", "--check"]) },
    Step { name: "tidy", action: Action::Tidy },
    Step { name: "licences", action: Action::Licences },
    Step {
        name: "clippy",
        action: Action::Cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny=warnings"]),
    },
    Step {
        name: "docs",
        action: Action::Cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]),
    },
    Step { name: "doc tests", action: Action::Cargo(&["test", "--workspace", "--doc", "--quiet"]) },
    Step {
        name: "tests",
        action: Action::Cargo(&["nextest", "run", "--workspace", "--profile", "ci"]),
    },
];

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.action {
            Action::Cargo(arguments) => {
                write!(f, "{:10} cargo {}", self.name, arguments.join(" "))
            }
            Action::Tidy => write!(f, "{:10} cargo x tidy", self.name),
            Action::Licences => write!(f, "{:10} cargo x licences", self.name),
        }
    }
}

/// Runs every step on the repository at `root`; false at the first that fails.
///
/// # Errors
/// If a step could not be run at all.
pub fn run(root: &Path) -> Result<bool, Error> {
    for step in STEPS {
        println!("== {step}");
        let start = Instant::now();
        let clean = match step.action {
            Action::Cargo(arguments) => cargo(root, arguments)?,
            Action::Tidy => report("tidy", &tidy::check(root)?),
            Action::Licences => report("licences", &licences::check(root)?),
        };
        if !clean {
            println!("== {} failed; `cargo x ci` stops here", step.name);
            return Ok(false);
        }
        // Nothing after the tests: the last lines are the test runner's own summary.
        if step.name != "tests" {
            println!("== {} ok, {} s", step.name, start.elapsed().as_secs());
        }
    }
    Ok(true)
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<bool, Error> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .env("RUSTDOCFLAGS", "--deny=warnings")
        .status();
    match status {
        Ok(status) => Ok(status.success()),
        Err(error) => Err(Error::Program {
            command: format!("cargo {}", arguments.join(" ")),
            message: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_come_last() {
        assert_eq!(STEPS.last().map(|step| step.name), Some("tests"));
    }
}
