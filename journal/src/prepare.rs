//! New segment files, ahead of need: written full of zeros, synced, then named.
//!
//! Zeros are written and not only allocated, because a first write into an allocated extent makes
//! the file system convert it, and every sync then waits for its journal. A file under its final
//! name is therefore whole; a disk that is full is met here and not at an append.

use crate::format::{BLOCK_BYTES, Block, segment_name};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

/// Why a segment could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The operating system refused.
    #[error("{step} `{path}`")]
    Io {
        /// What was tried.
        step: &'static str,
        /// File or directory.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The name is taken by a segment that was begun.
    #[error("`{path}` holds records already; start behind it")]
    Begun {
        /// File.
        path: PathBuf,
    },
    /// The file has another size.
    #[error("`{path}` has {found} bytes, expected {expected}; remove it if it holds no records")]
    Size {
        /// File.
        path: PathBuf,
        /// Bytes it has.
        found: u64,
        /// Bytes of a segment.
        expected: u64,
    },
    /// The size of a segment has to be whole blocks, at least two.
    #[error("a segment of {bytes} bytes is not two or more blocks of {BLOCK_BYTES}")]
    Bytes {
        /// Bytes asked for.
        bytes: u64,
    },
    /// The thread that prepares is gone.
    #[error("the thread that prepares segments is gone")]
    Gone,
}

/// Prepares segment `segment`; one that stands prepared already is taken as it is.
///
/// # Errors
/// If the name is taken otherwise, or any step fails.
pub fn prepare(dir: &Path, shard: u32, segment: u64, bytes: u64) -> Result<PathBuf, PrepareError> {
    if bytes < 2 * BLOCK_BYTES as u64 || !bytes.is_multiple_of(BLOCK_BYTES as u64) {
        return Err(PrepareError::Bytes { bytes });
    }
    let path = dir.join(segment_name(shard, segment));
    if path.exists() {
        return check_prepared(path, bytes);
    }
    let temporary = dir.join(format!("{}.tmp", segment_name(shard, segment)));
    let fail = |step| {
        let path = temporary.clone();
        move |source| PrepareError::Io { step, path, source }
    };
    let file = create(&temporary).map_err(fail("create"))?;
    write_zeros(&file, bytes).map_err(fail("write zeros to"))?;
    file.sync_all().map_err(fail("sync"))?;
    std::fs::rename(&temporary, &path).map_err(fail("rename"))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(fail("sync the directory of"))?;
    Ok(path)
}

fn check_prepared(path: PathBuf, expected: u64) -> Result<PathBuf, PrepareError> {
    let fail = |source| PrepareError::Io { step: "look at", path: path.clone(), source };
    let file = File::open(&path).map_err(fail)?;
    let found = file.metadata().map_err(fail)?.len();
    if found != expected {
        return Err(PrepareError::Size { path, found, expected });
    }
    let mut first = Block::ZERO;
    file.read_exact_at(bytemuck::bytes_of_mut(&mut first), 0).map_err(fail)?;
    if first.is_zero() { Ok(path) } else { Err(PrepareError::Begun { path }) }
}

/// Past the page cache where the file system can, so that filling does not push others' pages out.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o640);
    match options.clone().custom_flags(libc::O_DIRECT).open(path) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => options.open(path),
        opened => opened,
    }
}

fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    let zeros = vec![Block::ZERO; 256];
    let zeros: &[u8] = bytemuck::cast_slice(&zeros);
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        let (now, _) = zeros.split_at(part);
        file.write_all(now)?;
        left -= part as u64;
    }
    Ok(())
}

/// A thread that prepares segments while others are written.
pub(crate) struct Preparer {
    ask: mpsc::Sender<u64>,
    done: mpsc::Receiver<Result<PathBuf, PrepareError>>,
}

impl Preparer {
    pub(crate) fn spawn(dir: PathBuf, shard: u32, bytes: u64) -> io::Result<Self> {
        let (ask, asked) = mpsc::channel();
        let (tell, done) = mpsc::channel();
        std::thread::Builder::new().name("ex-prepare".into()).spawn(move || {
            // Ends when the writer drops its end.
            for segment in asked {
                if tell.send(prepare(&dir, shard, segment, bytes)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { ask, done })
    }

    /// Asks for a segment. What was asked for comes out of `take` in order.
    pub(crate) fn ask(&self, segment: u64) -> Result<(), PrepareError> {
        self.ask.send(segment).map_err(|_| PrepareError::Gone)
    }

    /// Waits for the next segment asked for.
    pub(crate) fn take(&self) -> Result<PathBuf, PrepareError> {
        self.done.recv().map_err(|_| PrepareError::Gone)?
    }
}
