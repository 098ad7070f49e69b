//! What ends a command before it could give its answer.

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// All was as it should be.
pub const EXIT_MATCH: u8 = 0;
/// The command ran, and something differs.
pub const EXIT_DIFFERS: u8 = 1;
/// The command could not run: bad arguments or bad input.
pub const EXIT_INPUT: u8 = 2;

/// Why a command could not give its answer. Told in one line that says what to do.
#[derive(Debug)]
pub enum Failure {
    /// Arguments or input are not what they have to be.
    Input(String),
    /// Whoever read our output has gone. Nothing to tell.
    Unheard,
}

impl Failure {
    /// A failure to be told.
    pub fn input(text: impl Into<String>) -> Self {
        Self::Input(text.into())
    }

    /// A failure to open or read `path`, with advice.
    pub fn file(path: &Path, error: &io::Error, advice: &str) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => {
                Self::Input(format!("{} does not exist; {advice}", path.display()))
            }
            _ => Self::Input(format!("cannot read {}: {error}; {advice}", path.display())),
        }
    }

    /// A failure of `what`, with all its causes in one line.
    pub fn chain(what: &str, error: &dyn Error) -> Self {
        let mut text = format!("{what}: {error}");
        let mut next = error.source();
        while let Some(cause) = next {
            text.push_str(&format!(": {cause}"));
            next = cause.source();
        }
        Self::Input(text.replace('\n', " "))
    }

    /// Tells it, and the exit code for it.
    pub fn report(self) -> ExitCode {
        match self {
            Self::Input(text) => {
                eprintln!("opex: {text}");
                ExitCode::from(EXIT_INPUT)
            }
            Self::Unheard => ExitCode::from(EXIT_MATCH),
        }
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Input(format!("{error}; see opex help"))
    }
}

/// Only for our own output: what is read has a path to tell.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unheard,
            _ => Self::Input(format!("cannot write the output: {error}")),
        }
    }
}
