//! A matcher with its rings and its log inside this process: the same rings, thread and log as in
//! production, for as long as one command of ours runs.
//!
//! Rings and stage are files of shared memory. Their names are gone as soon as everybody here has
//! mapped them, so that nothing stays behind, however this process ends.

use crate::failure::Failure;
use journal::stage::{GateMode, Stage, StageConfig, StageView};
use journal::uring::UringDirect;
use journal::writer::{Discard, JournalWriter, SegmentSink, WriterConfig};
use matcher::cycle::{Matcher, Time};
use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use wire::region::{BootId, MapOptions};
use wire::ring::{Consumer, Expected, Producer, RingConfig, WaitStrategy};

const EPOCH: u64 = 1;
const RING_CELLS: usize = 1 << 14;
const SEGMENT_BYTES: u64 = 64 << 20;
/// For shared cores: a spinning thread would take the others' time.
const WAIT: WaitStrategy =
    WaitStrategy::SpinYieldPark { spins: 500, yields: 50, park: Duration::from_millis(1) };

/// What a host is started with.
pub struct HostConfig<'a> {
    /// Room for orders and the rest.
    pub capacity: Capacity,
    /// How many rings; their numbers are their sources.
    pub rings: u16,
    /// Directory of segment files; `None` keeps the log in shared memory only.
    pub log: Option<&'a Path>,
    /// Core the matcher is pinned to.
    pub core: Option<usize>,
}

/// A running matcher.
pub struct Host {
    /// One a ring, in order of their numbers.
    pub producers: Vec<Producer>,
    /// The log.
    pub view: StageView,
    stop: Arc<AtomicBool>,
    matcher: Option<JoinHandle<Matcher>>,
    writer: Option<JournalWriter>,
}

impl Host {
    /// Makes rings and log, and starts the matcher.
    pub fn start(config: &HostConfig<'_>) -> Result<Self, Failure> {
        let boot_id =
            BootId::current().map_err(|error| Failure::chain("ask for the boot", &error))?;
        let sink = sink(config.log)?;
        let shared = SharedMemory::new()?;
        let gate = if config.log.is_some() { GateMode::Disk } else { GateMode::Mem };
        let stage_config = StageConfig { gate, ..StageConfig::new(boot_id, EPOCH) };
        let path = shared.0.join("stage");
        let fail = |error: journal::stage::StageError| Failure::chain("make the log", &error);
        let (stage, appender) = Stage::create(&path, &stage_config).map_err(fail)?;
        let view = StageView::open(&path, boot_id).map_err(fail)?;
        let (producers, consumers) = rings(&shared.0, config.rings, boot_id)?;
        let dir = config.log.unwrap_or(Path::new("")).to_path_buf();
        let writer =
            WriterConfig { segment_bytes: SEGMENT_BYTES, ..WriterConfig::new(dir, boot_id) };
        let writer = JournalWriter::spawn(stage, writer, sink)
            .map_err(|error| Failure::chain("begin the log", &error))?;
        let engine = Engine::new(&config.capacity);
        let matcher = Matcher::new(engine, appender, consumers, Time::Producer, WAIT);
        let stop = Arc::new(AtomicBool::new(false));
        let matcher = spawn(matcher, config.core, Arc::clone(&stop))?;
        Ok(Self { producers, view, stop, matcher: Some(matcher), writer: Some(writer) })
    }

    /// Why nothing more will come, if so.
    pub fn trouble(&self) -> Option<String> {
        if let Some(code) = self.view.halt_code() {
            return Some(format!("the log has stopped ({code:?})"));
        }
        let has_ended = self.matcher.as_ref().is_none_or(JoinHandle::is_finished);
        has_ended.then(|| "the matcher has stopped".to_owned())
    }

    /// Stops the matcher, then the log's writer once it has written everything.
    pub fn end(mut self) -> Result<(), Failure> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Err(_)) = self.matcher.take().map(JoinHandle::join) {
            return Err(Failure::input("the matcher panicked; this is a bug, please report it"));
        }
        match self.writer.take().map(JournalWriter::stop) {
            Some(Err(error)) => Err(Failure::chain("write the log", &error)),
            _ => Ok(()),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(matcher) = self.matcher.take() {
            // Its panic was printed; there is nobody left to tell.
            drop(matcher.join());
        }
    }
}

/// A folder for files of shared memory, removed with everything in it.
struct SharedMemory(PathBuf);

impl SharedMemory {
    fn new() -> Result<Self, Failure> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let path = parent.join(format!("opex-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|error| {
            Failure::input(format!("cannot create {}: {error}; make room there", path.display()))
        })?;
        Ok(Self(path))
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // What cannot be removed is found by its name, which holds our process id.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn rings(
    dir: &Path,
    count: u16,
    boot_id: BootId,
) -> Result<(Vec<Producer>, Vec<Consumer>), Failure> {
    let fail = |error: wire::ring::RingError| Failure::chain("make a ring", &error);
    let (mut producers, mut consumers) = (Vec::new(), Vec::new());
    for source in 0..count {
        let path = dir.join(format!("ring-{source}"));
        let config =
            RingConfig { capacity: RING_CELLS, source, boot_id, epoch: EPOCH, wakes: true };
        let options = MapOptions { prefault: true, ..MapOptions::default() };
        consumers.push(Consumer::create(&path, &config, options).map_err(fail)?);
        let expected = Expected { boot_id, epoch: EPOCH };
        producers.push(Producer::attach(&path, &expected).map_err(fail)?);
    }
    Ok((producers, consumers))
}

fn spawn(
    matcher: Matcher,
    core: Option<usize>,
    stop: Arc<AtomicBool>,
) -> Result<JoinHandle<Matcher>, Failure> {
    let (tell, told) = std::sync::mpsc::channel();
    let run = move || {
        let pinned = core.map_or(Ok(()), matcher::boot::cpu::pin);
        drop(tell.send(pinned.map_err(|error| Failure::chain("pin the matcher", &error))));
        matcher.run(&stop)
    };
    let thread = std::thread::Builder::new().name("ex-matcher".into()).spawn(run);
    let thread = thread.map_err(|error| Failure::chain("start the matcher", &error))?;
    told.recv().unwrap_or(Ok(()))?;
    Ok(thread)
}

/// Where the log goes. A directory that holds a log already is not touched.
fn sink(log: Option<&Path>) -> Result<Box<dyn SegmentSink>, Failure> {
    let Some(dir) = log else { return Ok(Box::new(Discard::new())) };
    let name = dir.display();
    let fail = |error| Failure::input(format!("cannot keep a log in {name}: {error}"));
    std::fs::create_dir_all(dir).map_err(fail)?;
    if std::fs::read_dir(dir).map_err(fail)?.next().is_some() {
        return Err(Failure::input(format!(
            "{name} is not empty; give a new directory for the log"
        )));
    }
    let sink = UringDirect::new().map_err(|error| Failure::chain("use io_uring", &error))?;
    Ok(Box::new(sink))
}
