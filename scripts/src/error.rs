//! Why a check could not be made. What a check finds is not an error but a [`crate::Finding`].

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a check could not be made.
#[derive(Debug)]
pub enum Error {
    /// The command line makes no sense.
    Usage(String),
    /// A file or folder could not be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not have the form it should have.
    Form {
        /// Which.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A program did not start, or failed at something that should always work.
    Program {
        /// Its command line.
        command: String,
        /// What it said.
        message: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Form { path, message } => write!(f, "{path}: {message}"),
            Self::Program { command, message } => write!(f, "`{command}`: {message}"),
        }
    }
}

impl std::error::Error for Error {}
