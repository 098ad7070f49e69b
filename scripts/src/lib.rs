//! What the project checks about itself.
//!
//! Code map:
//! - [`ci`]: the steps of `cargo x ci`, in order.
//! - [`tidy`]: rules that neither the compiler nor clippy holds, one module a rule.
//! - [`licences`]: licences and known advisories of everything in the lock file.
//! - [`tree`]: the files of the repository, and [`source`]: Rust text without strings and comments.
//! - [`error`]: why a check could not be made, and [`Finding`]: what a check found.
//!
//! A rule is a function from a [`tree::Tree`] to findings, so its tests need no disk.

#![forbid(unsafe_code)]

pub mod ci;
pub mod error;
pub mod licences;
pub mod source;
pub mod tidy;
pub mod tree;

use error::Error;
use std::fmt;

const HELP: &str = "\
The project's own tool.

Usage: cargo x COMMAND

  ci                        everything a push needs: format, tidy, licences, clippy, docs, tests
  ci --list                 only print the steps
  tidy                      rules of this repository that clippy cannot hold
  licences                  licences and known advisories of every dependency
  licences --refresh DIR    rewrite scripts/advisories.toml from a checkout of RustSec's advisory-db
  help                      this text

Exit code: 0 all is well, 1 something was found, 2 the check could not be made.";

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// File, from the root of the repository.
    pub path: String,
    /// Line from 1; 0 if it is about the whole file.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Finding {
    /// A finding at `path`, line `line`.
    pub fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Runs one command line. `Ok(false)` means that something was found.
///
/// # Errors
/// If the check could not be made: unknown command, unreadable file, a tool that does not start.
pub fn run(arguments: &[String]) -> Result<bool, Error> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ci"] => ci::run(&tree::root()?),
        ["ci", "--list"] => {
            ci::STEPS.iter().for_each(|step| println!("{step}"));
            Ok(true)
        }
        ["tidy"] => Ok(report("tidy", &tidy::check(&tree::root()?)?)),
        ["licences"] => Ok(report("licences", &licences::check(&tree::root()?)?)),
        ["licences", "--refresh", folder] => {
            licences::refresh(&tree::root()?, folder.as_ref())?;
            Ok(true)
        }
        ["help" | "--help" | "-h", ..] | [_, "--help" | "-h"] => {
            println!("{HELP}");
            Ok(true)
        }
        [] => Err(Error::Usage("say what to do: `cargo x help` lists the commands".to_owned())),
        _ => Err(Error::Usage(format!("no command `{}`; try `cargo x help`", words.join(" ")))),
    }
}

/// Prints what was found and says whether that is nothing.
fn report(name: &str, findings: &[Finding]) -> bool {
    for finding in findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("{name}: ok"),
        count => println!("{name}: {count} found"),
    }
    findings.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn an_unknown_command_cannot_be_carried_out() {
        assert!(run(&words("")).is_err());
        assert!(run(&words("tydi")).is_err());
        assert!(run(&words("licences --refresh")).is_err());
    }

    #[test]
    fn help_is_given_wherever_it_is_asked_for() {
        assert!(run(&words("help")).is_ok_and(|clean| clean));
        assert!(run(&words("tidy --help")).is_ok_and(|clean| clean));
    }
}
