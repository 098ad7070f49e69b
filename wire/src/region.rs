//! Memory shared between processes, as 64-byte lines of atomic words.
//!
//! A [`Region`] may be written; a [`View`] is mapped read-only and offers loads alone. Both come as
//! a mapped file; a region comes from the heap too, so that what is built on it runs under Miri and
//! loom. A [`Window`] is a power-of-two run of lines, and masks every index: no index that a peer
//! wrote into shared memory leads outside.
//!
//! What stays true: every access is an atomic load or store of a `u64`, so a peer that writes while
//! we read, by mistake or by malice, gives us wrong numbers and never undefined behaviour. Words
//! are copied `Relaxed`; the index that publishes them carries the ordering. Space is allocated
//! when a file is created, so a full file system is met there and not as SIGBUS on a store. A peer
//! that may write the file may also truncate it, and against that only permissions help: give a
//! file to the processes that need it (`MapOptions::mode`) and to nobody else.
//!
//! A window may be mapped twice back to back (`MapOptions::repeat_from`): a run of lines that
//! starts inside it is then contiguous even where it passes the end. The compiler does not know
//! that two addresses are one byte; nobody here writes through one and reads through the other.

#![expect(clippy::disallowed_types, reason = "`Arc` counts handles, which are made at start-up")]

use crate::record::Cell;
use core::ptr::NonNull;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Bytes of a line.
pub const LINE_BYTES: usize = 64;
/// Words of a line.
pub const LINE_WORDS: usize = 8;
/// Lines of a page: windows that are mapped twice begin and end at a multiple of it.
pub const PAGE_LINES: usize = PAGE_BYTES / LINE_BYTES;
const PAGE_BYTES: usize = 4096;

/// One line of shared memory that may be written.
#[repr(C, align(64))]
pub struct Line([AtomicU64; LINE_WORDS]);

#[cfg(not(loom))]
const _: () = assert!(size_of::<Line>() == LINE_BYTES && align_of::<Line>() == LINE_BYTES);
#[cfg(not(loom))]
const _: () = assert!(size_of::<Line>() == size_of::<Cell>());

impl Line {
    fn zero() -> Self {
        Self(core::array::from_fn(|_| AtomicU64::new(0)))
    }

    /// A word, its index taken modulo [`LINE_WORDS`].
    #[must_use]
    #[inline]
    pub fn word(&self, index: usize) -> &AtomicU64 {
        &self.0[index & (LINE_WORDS - 1)]
    }

    /// Copies the line out, word by word.
    #[must_use]
    #[inline]
    pub fn load(&self) -> Cell {
        Cell(core::array::from_fn(|index| self.word(index).load(Ordering::Relaxed)))
    }

    /// Writes the line, word by word.
    #[inline]
    pub fn store(&self, words: &[u64; LINE_WORDS]) {
        for (word, value) in self.0.iter().zip(words) {
            word.store(*value, Ordering::Relaxed);
        }
    }
}

/// One line of shared memory that may only be read.
#[repr(transparent)]
pub struct ReadLine(Line);

impl ReadLine {
    /// A word, its index taken modulo [`LINE_WORDS`], without ordering.
    #[must_use]
    #[inline]
    pub fn word(&self, index: usize) -> u64 {
        self.0.word(index).load(Ordering::Relaxed)
    }

    /// A word that publishes others. Pairs with a `Release` store of the writer. A load and a
    /// fence, since of all atomic accesses only the relaxed load is defined on read-only pages.
    #[must_use]
    #[inline]
    pub fn word_acquire(&self, index: usize) -> u64 {
        let value = self.word(index);
        fence(Ordering::Acquire);
        value
    }

    /// Copies the line out, word by word.
    #[must_use]
    #[inline]
    pub fn load(&self) -> Cell {
        self.0.load()
    }
}

/// Why memory could not be shared. Nothing is left behind, except that a file that was replaced
/// stays replaced.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    /// The file could not be created or replaced.
    #[error("create `{path}`")]
    Create {
        /// File.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The file could not be opened.
    #[error("open `{path}`; is its creator running?")]
    Open {
        /// File.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The file system would not give the space.
    #[error("allocate {bytes} bytes for `{path}`; free space or ask for less")]
    Allocate {
        /// File.
        path: PathBuf,
        /// Bytes asked for.
        bytes: usize,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The address space or the file refused the mapping.
    #[error("map {bytes} bytes of `{path}`")]
    Map {
        /// File.
        path: PathBuf,
        /// Bytes.
        bytes: usize,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The pages could not be locked into memory.
    #[error("lock {bytes} bytes of `{path}` into memory; raise RLIMIT_MEMLOCK (ulimit -l)")]
    Lock {
        /// File.
        path: PathBuf,
        /// Bytes.
        bytes: usize,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The size is not a multiple of what it has to be, or too small.
    #[error("`{path}` has {found} bytes, expected {expected}; recreate it")]
    Size {
        /// File.
        path: PathBuf,
        /// Bytes there are.
        found: u64,
        /// What is expected.
        expected: &'static str,
    },
}

/// How a file is mapped.
#[derive(Clone, Copy, Debug)]
pub struct MapOptions {
    /// Line from which on the file is mapped a second time, right behind itself.
    pub repeat_from: Option<usize>,
    /// Make every page present now, so that no access faults later.
    pub prefault: bool,
    /// Keep the pages in memory.
    pub lock: bool,
    /// Permissions of a file that is created.
    pub mode: u32,
}

impl Default for MapOptions {
    fn default() -> Self {
        Self { repeat_from: None, prefault: false, lock: false, mode: 0o600 }
    }
}

/// The memory itself, freed or unmapped with the last handle.
struct Memory {
    first: NonNull<Line>,
    /// Lines that may be accessed, the repeated ones included.
    count: usize,
    backing: Backing,
}

enum Backing {
    Heap,
    #[cfg(not(loom))]
    Mapped {
        bytes: usize,
        file: File,
        path: PathBuf,
    },
}

// SAFETY: the memory belongs to this value until it is dropped, and is reached through `Line`s
// alone, which are atomics. Nothing in it is bound to a thread.
unsafe impl Send for Memory {}
// SAFETY: as above; a shared reference gives out `&Line` and `&ReadLine`, which are `Sync`.
unsafe impl Sync for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        match &self.backing {
            Backing::Heap => {
                let lines = core::ptr::slice_from_raw_parts_mut(self.first.as_ptr(), self.count);
                // SAFETY: `Region::heap` made `first` and `count` from a box of exactly this slice,
                // and gave the box away. We are its only owner, and dropped once.
                drop(unsafe { Box::from_raw(lines) });
            }
            #[cfg(not(loom))]
            Backing::Mapped { bytes, .. } => {
                // SAFETY: `mapping::map` reserved `bytes` at `first` for this value alone, and
                // every reference into it borrows from an `Arc` of this value, so none is left.
                let _ = unsafe { libc::munmap(self.first.as_ptr().cast(), *bytes) };
            }
        }
    }
}

/// Shared memory that may be written.
#[derive(Clone)]
pub struct Region(Arc<Memory>);

impl Region {
    /// A zeroed region of `count` lines on the heap, at least one.
    #[must_use]
    pub fn heap(count: usize) -> Self {
        let lines: Box<[Line]> = (0..count.max(1)).map(|_| Line::zero()).collect();
        let count = lines.len();
        let first = NonNull::from(Box::leak(lines)).cast();
        Self(Arc::new(Memory { first, count, backing: Backing::Heap }))
    }

    /// Lines, the repeated ones included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count
    }

    /// The `count` lines from `first` on. `None` unless they are there and `count` is a power of
    /// two.
    #[must_use]
    pub fn window(&self, first: usize, count: usize) -> Option<Window> {
        Span::new(&self.0, first, count).map(Window)
    }

    /// The open file behind the region; `None` on the heap.
    #[must_use]
    pub fn file(&self) -> Option<&File> {
        match &self.0.backing {
            Backing::Heap => None,
            #[cfg(not(loom))]
            Backing::Mapped { file, .. } => Some(file),
        }
    }

    /// The path of the file behind the region; empty on the heap.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.0.backing {
            Backing::Heap => Path::new(""),
            #[cfg(not(loom))]
            Backing::Mapped { path, .. } => path,
        }
    }
}

/// Shared memory that may only be read.
#[cfg(not(loom))]
#[derive(Clone)]
pub struct View(Arc<Memory>);

#[cfg(not(loom))]
impl View {
    /// Lines, the repeated ones included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count
    }

    /// The `count` lines from `first` on. `None` unless they are there and `count` is a power of
    /// two.
    #[must_use]
    pub fn window(&self, first: usize, count: usize) -> Option<ReadWindow> {
        Span::new(&self.0, first, count).map(ReadWindow)
    }
}

/// A power-of-two run of lines. Invariant: `mask + 1 <= reach`, and `reach` lines from `first` on
/// belong to `memory`.
#[derive(Clone)]
struct Span {
    first: NonNull<Line>,
    mask: u64,
    reach: usize,
    /// Keeps what `first` points into.
    _memory: Arc<Memory>,
}

// SAFETY: `first` points into `_memory`, which is `Send` and `Sync` and lives as long as this
// value; it is used to make shared references to `Line`s alone.
unsafe impl Send for Span {}
// SAFETY: as above.
unsafe impl Sync for Span {}

impl Span {
    fn new(memory: &Arc<Memory>, first: usize, count: usize) -> Option<Self> {
        let reach = memory.count.checked_sub(first)?;
        if !count.is_power_of_two() || count > reach {
            return None;
        }
        // SAFETY: `first < memory.count`, as `reach >= count >= 1`, so the sum stays inside the one
        // allocation or mapping that `memory` owns.
        let first = unsafe { memory.first.add(first) };
        let mask = count as u64 - 1;
        Some(Self { first, mask, reach, _memory: Arc::clone(memory) })
    }

    #[inline]
    fn line(&self, index: u64) -> &Line {
        let offset = (index & self.mask) as usize;
        // SAFETY: `offset <= mask < reach`, so the sum stays inside what `_memory` owns.
        let line = unsafe { self.first.add(offset) };
        // SAFETY: the line is inside memory that lives as long as `self`, is aligned to 64 because
        // `first` is and lines are 64 bytes, was initialised (zeroed by us or by the kernel; any
        // bytes are valid words), and is only ever accessed atomically.
        unsafe { line.as_ref() }
    }

    #[inline]
    fn run(&self, index: u64, count: usize) -> &[Line] {
        let offset = (index & self.mask) as usize;
        let count = count.min(self.reach - offset);
        // SAFETY: `offset <= mask < reach`, so the sum stays inside what `_memory` owns.
        let first = unsafe { self.first.add(offset) };
        // SAFETY: `offset + count <= reach`: all lines are inside; the rest is as in `line`.
        unsafe { core::slice::from_raw_parts(first.as_ptr(), count) }
    }
}

/// A power-of-two run of lines that may be written. Indices are taken modulo its length.
#[derive(Clone)]
pub struct Window(Span);

impl Window {
    /// Lines.
    #[must_use]
    #[inline]
    pub fn lines(&self) -> u64 {
        self.0.mask + 1
    }

    /// The line at `index`.
    #[must_use]
    #[inline]
    pub fn line(&self, index: u64) -> &Line {
        self.0.line(index)
    }

    /// Up to `count` lines from `index` on: all of them if the window is mapped twice and `count`
    /// is not longer than it; else fewer where it ends.
    #[must_use]
    #[inline]
    pub fn run(&self, index: u64, count: usize) -> &[Line] {
        self.0.run(index, count)
    }
}

/// A power-of-two run of lines that may only be read. Indices are taken modulo its length.
#[cfg(not(loom))]
#[derive(Clone)]
pub struct ReadWindow(Span);

#[cfg(not(loom))]
impl ReadWindow {
    /// Lines.
    #[must_use]
    #[inline]
    pub fn lines(&self) -> u64 {
        self.0.mask + 1
    }

    /// The line at `index`.
    #[must_use]
    #[inline]
    pub fn line(&self, index: u64) -> &ReadLine {
        let line: *const Line = self.0.line(index);
        // SAFETY: `ReadLine` is a transparent `Line`; the pointer comes from a reference that lives
        // as long as `self`.
        unsafe { &*line.cast::<ReadLine>() }
    }
}

/// The number the kernel draws at boot: shared memory of another boot is not ours to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootId(pub [u64; 2]);

impl BootId {
    /// The running kernel's.
    ///
    /// # Errors
    /// If the kernel does not tell, or tells something that is no identifier.
    pub fn current() -> io::Result<Self> {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        let number = u128::from_str_radix(&digits, 16)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(Self([number as u64, (number >> 64) as u64]))
    }
}

#[cfg(not(loom))]
mod mapping {
    //! Files into memory. Cold: runs at start-up.

    use super::{
        AtomicU64, Backing, LINE_BYTES, Line, MapOptions, Memory, NonNull, Ordering, PAGE_BYTES,
        Region, RegionError, View,
    };
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;
    use std::sync::Arc;

    impl Region {
        /// Creates the file `path` of `count` zeroed lines, in place of what is there, and maps it.
        ///
        /// A process that has the replaced file mapped keeps it, and reaches nobody through it.
        ///
        /// # Errors
        /// If the file cannot be made, its space allocated, or its pages mapped or locked.
        pub fn create(path: &Path, count: usize, options: MapOptions) -> Result<Self, RegionError> {
            let bytes = (count.max(1) * LINE_BYTES).next_multiple_of(PAGE_BYTES);
            let failed =
                |source: io::Error| RegionError::Create { path: path.to_path_buf(), source };
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(options.mode)
                .open(path)
                .map_err(failed)?;
            let mapped = allocate(&file, bytes)
                .map_err(|source| RegionError::Allocate { path: path.to_path_buf(), bytes, source })
                .and_then(|()| map(file, path, bytes, options, true));
            if mapped.is_err() {
                let _ = std::fs::remove_file(path);
            }
            Ok(Self(Arc::new(mapped?)))
        }

        /// Maps the whole file `path` to be written.
        ///
        /// # Errors
        /// If there is none, its size is no multiple of a page, or it cannot be mapped or locked.
        pub fn open(path: &Path, options: MapOptions) -> Result<Self, RegionError> {
            Ok(Self(Arc::new(open(path, options, true)?)))
        }
    }

    impl View {
        /// Maps the whole file `path` to be read.
        ///
        /// # Errors
        /// If there is none, its size is no multiple of a page, or it cannot be mapped or locked.
        pub fn open(path: &Path, options: MapOptions) -> Result<Self, RegionError> {
            Ok(Self(Arc::new(open(path, options, false)?)))
        }
    }

    fn open(path: &Path, options: MapOptions, write: bool) -> Result<Memory, RegionError> {
        let failed = |source: io::Error| RegionError::Open { path: path.to_path_buf(), source };
        let file = OpenOptions::new().read(true).write(write).open(path).map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        let bytes = usize::try_from(found).unwrap_or(0);
        if bytes == 0 || !bytes.is_multiple_of(PAGE_BYTES) {
            let expected = "a multiple of 4096";
            return Err(RegionError::Size { path: path.to_path_buf(), found, expected });
        }
        map(file, path, bytes, options, write)
    }

    fn allocate(file: &File, bytes: usize) -> io::Result<()> {
        let length = libc::off_t::try_from(bytes).map_err(io::Error::other)?;
        // SAFETY: the descriptor is open; the call touches no memory of ours.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) } {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    /// Maps `bytes` of `file`, and behind them once more what `options.repeat_from` says.
    fn map(
        file: File,
        path: &Path,
        bytes: usize,
        options: MapOptions,
        write: bool,
    ) -> Result<Memory, RegionError> {
        let repeat_from = options.repeat_from.map_or(bytes, |line| line * LINE_BYTES);
        if repeat_from > bytes || !repeat_from.is_multiple_of(PAGE_BYTES) {
            let expected = "a repeated part that begins at a page inside the file";
            let (path, found) = (path.to_path_buf(), bytes as u64);
            return Err(RegionError::Size { path, found, expected });
        }
        let failed =
            |source: io::Error| RegionError::Map { path: path.to_path_buf(), bytes, source };
        let total = bytes + (bytes - repeat_from);
        let first = reserve(total).map_err(failed)?;
        let backing = Backing::Mapped { bytes: total, file, path: path.to_path_buf() };
        // From here on a drop unmaps what was reserved.
        let memory = Memory { first, count: total / LINE_BYTES, backing };
        place(&memory, 0, 0..bytes, write).map_err(failed)?;
        if repeat_from < bytes {
            place(&memory, bytes, repeat_from..bytes, write).map_err(failed)?;
        }
        if options.prefault {
            prefault(&memory, total, write);
        }
        if options.lock {
            // SAFETY: `total` bytes from `first` on are mapped; locking changes none of them.
            let code = unsafe { libc::mlock(first.as_ptr().cast(), total) };
            if code != 0 {
                let source = io::Error::last_os_error();
                return Err(RegionError::Lock { path: path.to_path_buf(), bytes: total, source });
            }
        }
        Ok(memory)
    }

    /// Address space of `bytes`, without access, page aligned.
    fn reserve(bytes: usize) -> io::Result<NonNull<Line>> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: without MAP_FIXED the kernel picks addresses that nobody uses.
        let base =
            unsafe { libc::mmap(core::ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
        match NonNull::new(base.cast()) {
            Some(first) if base != libc::MAP_FAILED => Ok(first),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Maps the bytes `part` of the file at `at` inside the reserved space.
    fn place(
        memory: &Memory,
        at: usize,
        part: core::ops::Range<usize>,
        write: bool,
    ) -> io::Result<()> {
        let Backing::Mapped { file, bytes, .. } = &memory.backing else { return Ok(()) };
        if at + part.len() > *bytes {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let offset = libc::off_t::try_from(part.start).map_err(io::Error::other)?;
        let protection = if write { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        let target = memory.first.as_ptr().cast::<u8>().wrapping_add(at).cast();
        // SAFETY: the range was just checked to lie inside the space `reserve` got for `memory`
        // alone, to which no reference exists yet, so replacing its pages disturbs nobody. The file
        // is at least `part.end` long: allocated by `create`, or its length read by `open`.
        let base =
            unsafe { libc::mmap(target, part.len(), protection, flags, file.as_raw_fd(), offset) };
        if base == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Makes every page present. A kernel before 5.14 does not know the advice: touch them then.
    fn prefault(memory: &Memory, bytes: usize, write: bool) {
        let base = memory.first.as_ptr().cast();
        // SAFETY: the range is mapped; this advice changes no contents. Its failure costs nothing.
        let _ = unsafe { libc::madvise(base, bytes, libc::MADV_HUGEPAGE) };
        let advice = if write { libc::MADV_POPULATE_WRITE } else { libc::MADV_POPULATE_READ };
        // SAFETY: the range is mapped with the access the advice asks for; contents stay.
        if unsafe { libc::madvise(base, bytes, advice) } == 0 {
            return;
        }
        // SAFETY: `count` lines from `first` on are mapped, aligned, initialised by the kernel, and
        // live as long as `memory`; all access to them is atomic.
        let lines = unsafe { core::slice::from_raw_parts(memory.first.as_ptr(), memory.count) };
        for line in lines.iter().step_by(PAGE_BYTES / LINE_BYTES) {
            let word: &AtomicU64 = line.word(0);
            if write {
                // Adds nothing, so that a peer's value stays; but it is a write, so the page comes.
                word.fetch_add(0, Ordering::Relaxed);
            } else {
                core::hint::black_box(word.load(Ordering::Relaxed));
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    #![expect(clippy::disallowed_macros, reason = "a test may format")]

    use super::*;

    fn file(name: &str) -> PathBuf {
        let pid = std::process::id();
        PathBuf::from(format!("/dev/shm/wire-region-{pid}-{name}"))
    }

    #[test]
    fn a_new_region_is_zero_and_a_window_masks_every_index() {
        let path = file("zero");
        let mapped = Region::create(&path, 128, MapOptions::default()).unwrap();
        for region in [Region::heap(128), mapped] {
            let window = region.window(64, 64).unwrap();
            assert!((0..64).all(|index| window.line(index).load() == Cell::ZERO));
            window.line(u64::MAX).store(&[7; 8]);
            assert_eq!(window.line(63).load(), Cell([7; 8]));
            assert!(region.window(64, 63).is_none() && region.window(65, 64).is_none());
            assert!(region.window(usize::MAX, 1).is_none());
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_repeated_window_shows_its_beginning_behind_its_end() {
        let path = file("repeat");
        let options = MapOptions { repeat_from: Some(64), prefault: true, ..Default::default() };
        let region = Region::create(&path, 64 + 128, options).unwrap();
        let window = region.window(64, 128).unwrap();
        window.line(0).store(&[1; 8]);
        window.line(127).store(&[2; 8]);
        let run = window.run(127, 2);
        assert_eq!(run.len(), 2);
        assert_eq!((run[0].load(), run[1].load()), (Cell([2; 8]), Cell([1; 8])));

        let view = View::open(&path, options).unwrap();
        let seen = view.window(64, 128).unwrap();
        assert_eq!(seen.line(127).load(), Cell([2; 8]));
        assert_eq!(seen.line(128).word_acquire(3), 1);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_size_the_file_system_cannot_give_is_an_error_and_leaves_no_file() {
        let path = file("huge");
        let error = Region::create(&path, 1 << 40, MapOptions::default()).err().unwrap();
        assert!(matches!(error, RegionError::Allocate { .. }), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_missing_or_cut_is_a_typed_error() {
        let path = file("cut");
        let error = Region::open(&path, MapOptions::default()).err().unwrap();
        assert!(matches!(error, RegionError::Open { .. }));
        std::fs::write(&path, [0; 100]).unwrap();
        let error = View::open(&path, MapOptions::default()).err().unwrap();
        assert!(matches!(error, RegionError::Size { found: 100, .. }));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn the_boot_id_does_not_change_while_we_run() {
        assert_eq!(BootId::current().unwrap(), BootId::current().unwrap());
        assert_ne!(BootId::current().unwrap(), BootId([0, 0]));
    }
}
