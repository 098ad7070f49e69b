//! One gzip CSV file of a data set: integers and plain words, no quotes.

use crate::failure::Failure;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file, unpacked.
pub struct Table {
    path: PathBuf,
    text: String,
    /// Of the unpacked text, in hexadecimal.
    pub sha256: String,
}

impl Table {
    /// Unpacks the file; `None` if it does not exist.
    pub fn open(path: &Path) -> Result<Option<Self>, Failure> {
        let name = path.display();
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| {
                Failure::input(format!("cannot read {name}: {error}; check the file"))
            })?,
        };
        let mut bytes = Vec::new();
        MultiGzDecoder::new(file).read_to_end(&mut bytes).map_err(|error| {
            let what = match error.kind() {
                io::ErrorKind::UnexpectedEof => "is cut short".to_owned(),
                _ => format!("is no sound gzip file ({error})"),
            };
            Failure::input(format!("{name} {what}; copy it again from its source"))
        })?;
        let sum = Sha256::digest(&bytes);
        let sha256 = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = String::from_utf8(bytes).map_err(|_| {
            Failure::input(format!("{name} is no text; copy it again from its source"))
        })?;
        Ok(Some(Self { path: path.to_path_buf(), text, sha256 }))
    }

    /// Its rows, each made by `row`. The first line has to be `header`.
    pub fn rows<T>(
        &self,
        header: &str,
        mut row: impl FnMut(&mut Fields<'_>) -> Result<T, String>,
    ) -> Result<Vec<T>, Failure> {
        let name = self.path.display();
        let mut lines = self.text.lines();
        let first = lines.next().unwrap_or_default();
        if first != header {
            return Err(Failure::input(format!(
                "{name} line 1: columns `{first}`, expected `{header}`; is it l3-replay-1?"
            )));
        }
        let mut rows = Vec::new();
        for (number, line) in (2..).zip(lines) {
            let mut fields = Fields { left: Some(line) };
            let made = row(&mut fields).and_then(|made| match fields.left {
                None => Ok(made),
                Some(_) => Err("too many columns".to_owned()),
            });
            rows.push(made.map_err(|error| {
                Failure::input(format!("{name} line {number}: {error}; repair or replace the file"))
            })?);
        }
        Ok(rows)
    }
}

/// The fields of a line, taken from the left.
pub struct Fields<'a> {
    left: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// The next field.
    pub fn word(&mut self, column: &str) -> Result<&'a str, String> {
        let left = self.left.ok_or_else(|| format!("no column {column}"))?;
        let (word, rest) = match left.split_once(',') {
            Some((word, rest)) => (word, Some(rest)),
            None => (left, None),
        };
        self.left = rest;
        Ok(word)
    }

    /// The next field, a number.
    pub fn number(&mut self, column: &str) -> Result<u64, String> {
        let word = self.word(column)?;
        word.parse().map_err(|_| format!("`{word}` is no number for {column}"))
    }
}
