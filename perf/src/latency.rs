//! Latency of the core in one process: from a command's publication in a ring until its last event
//! can be read in the log.
//!
//! ```text
//! driver's core    push what is due --> ring --> read the log --> two histograms
//! matcher's core                        ring --> Matcher::run --> stage
//! ```
//!
//! - Open loop: command `i` is due at `start + i / rate`, whatever happened before. Latency is
//!   taken from that planned time, so a stall counts for everything it delayed, and beside it from
//!   the time of the publication itself.
//! - One thread pushes and reads, so one clock stamps both ends and two cores suffice. It also
//!   keeps the matcher's clock. A command that is due while the thread reads an earlier answer
//!   waits: that is in the planned-time histogram and not in the other.
//! - A gap between two clock reads of that thread is recorded if it is longer than [`GAP_NS`]. The
//!   gaps include the thread's own work (a push, or a record read), some hundred nanoseconds; what
//!   is far above is taken by others.
//! - Afterwards every answer is accounted for: as many groups in the log as commands, none of
//!   them a rejection, no fault in the ring. Otherwise there is no report.

use crate::clock::{self, wall_ns};
use hdrhistogram::Histogram;
use journal::stage::{GateMode, Limit, ReadError, Reader, Stage, StageConfig, StageView};
use journal::writer::{Discard, JournalWriter, WriterConfig};
use matcher::cycle::{Clock, Matcher, Time};
use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use wire::codes::{MarketState, OrderType, Side, TimeInForce};
use wire::command::{Cancel, Command, CurrencySet, Funds, MarketSet, MemberSet, NewOrder};
use wire::command::{flag, kind};
use wire::event;
use wire::record::{Header, LAST_OF_GROUP};
use wire::region::BootId;
use wire::ring::{Producer, PushError, RingConfig, WaitStrategy, pair};
use wire::units::Amount;

/// Gaps between two clock reads that are longer are recorded.
pub const GAP_NS: u64 = 200;
/// The bar, for commands published at [`BAR_RATE`] a second: half of them within this.
pub const BAR_P50_NS: u64 = 1_000;
/// And 99 of 100 within this.
pub const BAR_P99_NS: u64 = 3_000;
/// Commands a second the bar is for.
pub const BAR_RATE: u64 = 1_000_000;

const MEMBERS: u32 = 64;
const RING_CELLS: usize = 1 << 12;
/// Most commands without an answer.
const IN_FLIGHT: usize = 1 << 14;
/// Cells of log for one command: the command, and two events at most.
const CELLS_OF_COMMAND: u64 = 4;
/// Passive orders of one turn of the stream, and how many of them rest at a time.
const TURN: u64 = 2_048;
const RESTING: u64 = 1_000;
const CLOCK_STEP_NS: u64 = 100_000;
const ROUND_TRIPS: u64 = 200_000;
/// Of the times in `/proc/stat`.
const TICKS_A_SECOND: u64 = 100;
const SECOND: u64 = 1_000_000_000;

/// Nanoseconds from 1 to a minute, three digits.
type Nanos = Histogram<u64>;

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Commands a second.
    pub rate: u64,
    /// Measured seconds.
    pub seconds: u64,
    /// Seconds before, at the same rate, that are not recorded.
    pub warm_up_seconds: u64,
    /// Seconds a spinning thread has each core for itself, before the run.
    pub alone_seconds: u64,
    /// Run the log's writer on the driver's core, waking each millisecond. Without it, and without
    /// a third core, the stage is as large as the whole run.
    pub writer_shares: bool,
}

impl Default for Options {
    fn default() -> Self {
        let (rate, seconds) = (BAR_RATE, 5);
        Self { rate, seconds, warm_up_seconds: 1, alone_seconds: 2, writer_shares: false }
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// Only one core, or none may be chosen.
    #[error("two cores are needed, this process may use {0}")]
    Cores(usize),
    /// A rate or time that cannot be.
    #[error("rate and seconds have to be at least 1, and rate at most 100,000,000")]
    Options,
    /// Memory or a thread could not be had.
    #[error("{step}")]
    Io {
        /// What was tried.
        step: &'static str,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The log could not be made.
    #[error("make the log")]
    Stage(#[from] journal::stage::StageError),
    /// The ring could not be made.
    #[error("make the ring")]
    Ring(#[from] wire::ring::RingError),
    /// The log's writer could not be started, or failed.
    #[error("write the log")]
    Writer(#[from] journal::writer::WriterError),
    /// The driver was refused by its ring.
    #[error("push a command")]
    Push(#[from] PushError),
    /// The log could not be read.
    #[error("read the log")]
    Read(#[from] ReadError),
    /// The answers do not fit the commands: a bug.
    #[error("{commands} commands, {rejects} rejections, {faults} faults of the ring")]
    Wrong {
        /// Commands the matcher took.
        commands: u64,
        /// Rejections while measured.
        rejects: u64,
        /// Faults.
        faults: u64,
    },
    /// No answer came for a second.
    #[error("no answer for a second; {seen} of {sent} commands were answered")]
    Stuck {
        /// Commands pushed.
        sent: u64,
        /// Answers read.
        seen: u64,
    },
}

/// Where the log's writer ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Nowhere: the stage holds the whole run.
    Absent,
    /// On a core of its own.
    Core(usize),
    /// On the driver's core, for a moment each millisecond.
    Shares,
}

impl Writer {
    fn describe(self) -> String {
        match self {
            Self::Absent => "absent: the stage holds the whole run".to_owned(),
            Self::Core(core) => format!("discards, on core {core}"),
            Self::Shares => "discards, on the driver's core, each millisecond".to_owned(),
        }
    }
}

/// Gaps of a thread that only read the clock, with a core for itself.
#[derive(Clone, Debug)]
pub struct Alone {
    /// Where.
    pub core: usize,
    /// Gaps longer than [`GAP_NS`].
    pub gaps: Nanos,
    /// Their share of the time, in millionths.
    pub lost_ppm: u64,
}

/// What came out of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was asked for.
    pub options: Options,
    /// Nanoseconds from a command's planned time to its last event read.
    pub from_planned: Nanos,
    /// Nanoseconds from a command's publication to its last event read.
    pub from_published: Nanos,
    /// Gaps of the driver between two clock reads, in the same run.
    pub gaps: Nanos,
    /// Commands a second that were answered.
    pub achieved_rate: u64,
    /// Times the ring or the driver's memory of what is under way was full.
    pub full: u64,
    /// What a spinning thread met, on each core, before the run.
    pub alone: Vec<Alone>,
    /// One read of the clock.
    pub clock_ns: u64,
    /// One word from core to core and back.
    pub round_trip_ns: u64,
    /// Cores of the driver and of the matcher.
    pub cores: [usize; 2],
    /// Times either thread lost its core, the driver's first.
    pub switches: [u64; 2],
    /// Where the log's writer ran.
    pub writer: Writer,
    /// Bytes of the stage.
    pub stage_bytes: usize,
    /// Share of the machine's time that other processes took during the run, in thousandths.
    pub others_permille: u64,
    /// Share of the machine's time that its host took, in thousandths.
    pub steal_permille: u64,
    /// Processor, kernel, load.
    pub machine: String,
}

impl Report {
    /// Whether the run was at the bar's rate, and met it.
    #[must_use]
    pub fn passes(&self) -> bool {
        let within = |quantile, most| self.from_published.value_at_quantile(quantile) <= most;
        self.keeps_rate()
            && self.options.rate >= BAR_RATE
            && within(0.5, BAR_P50_NS)
            && within(0.99, BAR_P99_NS)
    }

    /// Whether at least 99 % of the rate were reached.
    #[must_use]
    pub fn keeps_rate(&self) -> bool {
        self.achieved_rate >= self.options.rate / 100 * 99
    }

    /// One JSON object; times in nanoseconds.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut alone = String::new();
        for one in &self.alone {
            let comma = if alone.is_empty() { "" } else { "," };
            let (core, lost, gaps) = (one.core, one.lost_ppm, json_of(&one.gaps));
            alone += &format!("{comma}{{\"core\":{core},\"lost_ppm\":{lost},\"gaps\":{gaps}}}");
        }
        let [driver, matcher] = self.cores;
        let [driver_switches, matcher_switches] = self.switches;
        format!(
            "{{\"schema\":1,\"stage\":\"ring to log, one process\",\"durability\":\"mem\",\
             \"rate\":{},\"achieved_rate\":{},\"seconds\":{},\"full\":{},\"bar_passed\":{},\
             \"from_published_ns\":{},\"from_planned_ns\":{},\"gaps_ns\":{},\"alone\":[{alone}],\
             \"clock_ns\":{},\"round_trip_ns\":{},\"driver_core\":{driver},\
             \"matcher_core\":{matcher},\"driver_switches\":{driver_switches},\
             \"matcher_switches\":{matcher_switches},\"writer\":\"{}\",\"stage_bytes\":{},\
             \"others_permille\":{},\"steal_permille\":{},\"machine\":\"{}\"}}",
            self.options.rate,
            self.achieved_rate,
            self.options.seconds,
            self.full,
            self.passes(),
            json_of(&self.from_published),
            json_of(&self.from_planned),
            json_of(&self.gaps),
            self.clock_ns,
            self.round_trip_ns,
            self.writer.describe(),
            self.stage_bytes,
            self.others_permille,
            self.steal_permille,
            self.machine.replace(['"', '\\'], "'"),
        )
    }

    /// A table for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::from("nanoseconds              n");
        for (name, _) in QUANTILES {
            let _ = write!(text, " {name:>9}");
        }
        text += "       max\n";
        let mut row = |name: &str, values: &Nanos| {
            let _ = write!(text, "{name:<14} {:>11}", values.len());
            for (_, quantile) in QUANTILES {
                let _ = write!(text, " {:>9}", values.value_at_quantile(quantile));
            }
            let _ = writeln!(text, " {:>9}", values.max());
        };
        row("from published", &self.from_published);
        row("from planned", &self.from_planned);
        row("gaps of driver", &self.gaps);
        for one in &self.alone {
            row(&format!("gaps of core {}", one.core), &one.gaps);
        }
        let lost: Vec<_> = self.alone.iter().map(|one| one.lost_ppm.to_string()).collect();
        let [driver, matcher] = self.cores;
        let [driver_switches, matcher_switches] = self.switches;
        let verdict = if self.passes() { "PASS" } else { "FAIL" };
        let _ = write!(
            text,
            "rate {} requested, {} achieved, full {} times\n\
             clock {} ns a read; core to core and back {} ns; lost when alone {} ppm\n\
             driver on core {driver} ({driver_switches} switches), matcher on core {matcher} \
             ({matcher_switches}), writer {}\n\
             other processes {} and host {} thousandths of the time; {}\n\
             {verdict}: from published, p50 <= {BAR_P50_NS} and p99 <= {BAR_P99_NS} ns \
             at {BAR_RATE}/s or more\n",
            self.options.rate,
            self.achieved_rate,
            self.full,
            self.clock_ns,
            self.round_trip_ns,
            lost.join(" and "),
            self.writer.describe(),
            self.others_permille,
            self.steal_permille,
            self.machine,
        );
        text
    }
}

const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999)];

fn json_of(values: &Nanos) -> String {
    let mut text = format!("{{\"n\":{}", values.len());
    for (name, quantile) in QUANTILES {
        let _ = write!(text, ",\"{name}\":{}", values.value_at_quantile(quantile));
    }
    let _ = write!(text, ",\"max\":{}}}", values.max());
    text
}

/// Measures this machine. Takes two cores for itself.
///
/// # Errors
/// See [`LatencyError`].
pub fn run(options: Options) -> Result<Report, LatencyError> {
    if options.rate == 0 || options.rate > 100_000_000 || options.seconds == 0 {
        return Err(LatencyError::Options);
    }
    let allowed = cores();
    let [driver, core, rest @ ..] = allowed.as_slice() else {
        return Err(LatencyError::Cores(allowed.len()));
    };
    let writer = match rest {
        _ if options.writer_shares => Writer::Shares,
        [] => Writer::Absent,
        [own, ..] => Writer::Core(*own),
    };
    // A thread of its own, so that the caller keeps its cores.
    let cores = [*driver, *core];
    std::thread::scope(|scope| {
        let work = scope.spawn(move || measure(options, cores, writer));
        work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn measure(options: Options, cores: [usize; 2], writer: Writer) -> Result<Report, LatencyError> {
    let alone = match options.alone_seconds {
        0 => Vec::new(),
        seconds => cores.iter().map(|core| spin_alone(*core, seconds)).collect(),
    };
    let round_trip_ns = round_trip(cores);
    let machine = clock::machine();
    let [driver_core, matcher_core] = cores;
    let stage_bytes = stage_bytes(&options, writer);
    let mut bench = Bench::new(stage_bytes, writer, driver_core)?;
    let counters = bench.matcher.counters();
    let stop = AtomicBool::new(false);
    let (driver, matcher) = (&mut bench.driver, bench.matcher);
    let (result, matcher_switches) = std::thread::scope(|scope| {
        let stop = &stop;
        let run = move || {
            let _pinned = clock::pin(matcher_core);
            let matcher = matcher.run(stop);
            (matcher, clock::switches())
        };
        let spawned =
            std::thread::Builder::new().name("ex-matcher".into()).spawn_scoped(scope, run);
        let thread = spawned.map_err(io("start the matcher"))?;
        let stopping = StopOnDrop(stop);
        let result = driver.warm_up_and_measure(&options);
        drop(stopping);
        let (matcher, switches) =
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        drop(matcher);
        Ok::<_, LatencyError>((result, switches))
    })?;
    let (pass, used) = result?;
    if let Some(writer) = bench.writer {
        writer.stop()?;
    }
    let (commands, faults) =
        (counters.commands.load(Ordering::Relaxed), counters.faults.load(Ordering::Relaxed));
    if faults != 0 || pass.rejects != 0 || commands != bench.driver.pushed {
        return Err(LatencyError::Wrong { commands, rejects: pass.rejects, faults });
    }
    Ok(Report {
        options,
        achieved_rate: pass.achieved_rate,
        from_planned: pass.from_planned,
        from_published: pass.from_published,
        gaps: pass.gaps,
        full: pass.full,
        alone,
        clock_ns: clock_cost(),
        round_trip_ns,
        cores,
        switches: [used.switches, matcher_switches],
        writer,
        stage_bytes,
        others_permille: used.others_permille,
        steal_permille: used.steal_permille,
        machine,
    })
}

/// Stops the matcher, also when the driver panics: the scope waits for its thread.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn io(step: &'static str) -> impl Fn(std::io::Error) -> LatencyError {
    move |source| LatencyError::Io { step, source }
}

/// Bytes of the stage: 256 MiB with a writer, the whole run without.
fn stage_bytes(options: &Options, writer: Writer) -> usize {
    let commands = options.rate * (options.seconds + options.warm_up_seconds) + (1 << 16);
    let all = commands * CELLS_OF_COMMAND * 64 + wire::limits::GROUP_BYTES_MAX as u64;
    let least = 256 << 20;
    if writer == Writer::Absent { (all as usize).next_power_of_two().max(least) } else { least }
}

/// The cores this process may use.
fn cores() -> Vec<usize> {
    let set = rustix::thread::sched_getaffinity(None).unwrap_or_default();
    (0..rustix::thread::CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

/// What all processors did since the machine started, in nanoseconds of one processor.
struct Processors {
    busy: u64,
    all: u64,
    steal: u64,
    /// By this process.
    ours: u64,
}

impl Processors {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        // User, nice, system, idle, waiting, interrupts, soft ones, stolen; guests are in user.
        let words = line.split_whitespace().skip(1).take(8);
        let times: Vec<u64> = words
            .map(|word| word.parse::<u64>().unwrap_or(0) * (SECOND / TICKS_A_SECOND))
            .collect();
        let at = |index: usize| times.get(index).copied().unwrap_or(0);
        let (all, steal) = (times.iter().sum(), at(7));
        let own = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let ours = own.tv_sec.cast_unsigned() * SECOND + own.tv_nsec.cast_unsigned();
        Self { busy: all - at(3) - at(4) - steal, all, steal, ours }
    }

    /// Thousandths of the time that other processes, and that the host, took.
    fn shares_since(&self, before: &Self) -> (u64, u64) {
        let all = (self.all - before.all).max(1);
        let busy = self.busy - before.busy;
        let others = busy.saturating_sub(self.ours - before.ours);
        (others * 1_000 / all, (self.steal - before.steal) * 1_000 / all)
    }
}

/// A histogram of the one form all here have.
fn nanos() -> Nanos {
    Histogram::new_with_bounds(1, 60 * SECOND, 3).unwrap_or_else(|_| unreachable!("valid bounds"))
}

/// Spins on a core and records what the thread did not get.
fn spin_alone(core: usize, seconds: u64) -> Alone {
    let _pinned = clock::pin(core);
    let (mut gaps, mut lost) = (nanos(), 0);
    let start = wall_ns();
    let (mut last, time) = (start, seconds * SECOND);
    while last - start < time {
        let now = wall_ns();
        let gap = now - last;
        if gap > GAP_NS {
            gaps.saturating_record(gap);
            lost += gap;
        }
        last = now;
    }
    Alone { core, gaps, lost_ppm: lost * 1_000_000 / time }
}

/// The clock's cost: the mean of many reads.
fn clock_cost() -> u64 {
    const READS: u64 = 1_000_000;
    let start = wall_ns();
    for _ in 1..READS {
        std::hint::black_box(wall_ns());
    }
    (wall_ns() - start) / READS
}

/// A word that one core writes and the other answers, on a line of its own.
#[repr(align(128))]
struct Word(AtomicU64);

/// Mean time of a word from core to core and back: what no ring can be faster than.
fn round_trip([here, there]: [usize; 2]) -> u64 {
    let (ask, answer) = (Word(AtomicU64::new(0)), Word(AtomicU64::new(0)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _pinned = clock::pin(there);
            for turn in 1..=ROUND_TRIPS {
                while ask.0.load(Ordering::Acquire) != turn {
                    std::hint::spin_loop();
                }
                answer.0.store(turn, Ordering::Release);
            }
        });
        let _pinned = clock::pin(here);
        let mut start = wall_ns();
        for turn in 1..=ROUND_TRIPS {
            ask.0.store(turn, Ordering::Release);
            while answer.0.load(Ordering::Acquire) != turn {
                std::hint::spin_loop();
            }
            if turn == 1 {
                start = wall_ns();
            }
        }
        (wall_ns() - start) / (ROUND_TRIPS - 1)
    })
}

/// Everything the two threads need.
struct Bench {
    driver: Driver,
    matcher: Matcher,
    writer: Option<JournalWriter>,
}

impl Bench {
    /// Binds the calling thread to the driver's core.
    fn new(bytes: usize, writer: Writer, driver_core: usize) -> Result<Self, LatencyError> {
        let boot_id = BootId::current().map_err(io("ask for the boot"))?;
        let dir = Folder::new().map_err(io("make a folder in shared memory"))?;
        let path = dir.0.join("stage");
        let config = StageConfig { bytes, gate: GateMode::Mem, ..StageConfig::new(boot_id, 1) };
        let (stage, appender) = Stage::create(&path, &config)?;
        let reader = StageView::open(&path, boot_id)?.read_from_start();
        drop(dir);
        let writer = start_writer(stage, writer, driver_core, boot_id)?;
        let _pinned = clock::pin(driver_core);
        let config =
            RingConfig { capacity: RING_CELLS, source: 1, boot_id, epoch: 1, wakes: false };
        let (producer, consumer) = pair(&config)?;
        let clock = Arc::new(Clock::default());
        clock.set(wall_ns());
        let engine = Engine::new(&Capacity {
            orders: 1 << 14,
            members: MEMBERS + 1,
            accounts: 4 * MEMBERS,
            lists: 4,
            ladder_ticks: 1 << 14,
        });
        let time = Time::Clock(Arc::clone(&clock));
        let matcher = Matcher::new(engine, appender, vec![consumer], time, WaitStrategy::Spin);
        let driver = Driver {
            producer,
            reader,
            clock,
            clock_due: 0,
            stream: stream(),
            next: 0,
            pushed: 0,
            times: vec![Times::default(); IN_FLIGHT].into_boxed_slice(),
            in_tick: false,
        };
        Ok(Self { driver, matcher, writer })
    }
}

/// The writer's thread inherits the core of the thread that starts it.
fn start_writer(
    stage: Arc<Stage>,
    writer: Writer,
    driver_core: usize,
    boot_id: BootId,
) -> Result<Option<JournalWriter>, LatencyError> {
    let mut config = WriterConfig::new(PathBuf::new(), boot_id);
    let core = match writer {
        Writer::Absent => return Ok(None),
        Writer::Core(core) => core,
        Writer::Shares => {
            (config.spins, config.yields) = (0, 0);
            config.sleep = Duration::from_millis(1);
            driver_core
        }
    };
    let _pinned = clock::pin(core);
    Ok(Some(JournalWriter::spawn(stage, config, Box::new(Discard::new()))?))
}

/// A folder in shared memory, gone when dropped; what is mapped stays.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("opex-latency-{}-{number}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is found by its name, which holds our process id.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// When a command was due, and when it was published.
#[derive(Clone, Copy, Default)]
struct Times {
    planned: u64,
    published: u64,
}

/// What the driver saw in one pass.
struct Pass {
    from_planned: Nanos,
    from_published: Nanos,
    gaps: Nanos,
    rejects: u64,
    full: u64,
    achieved_rate: u64,
    last: u64,
}

impl Pass {
    fn new() -> Self {
        let (from_planned, from_published, gaps) = (nanos(), nanos(), nanos());
        let (rejects, full, achieved_rate, last) = (0, 0, 0, wall_ns());
        Self { from_planned, from_published, gaps, rejects, full, achieved_rate, last }
    }

    /// Reads the clock, and records the gap since it was last read.
    #[inline]
    fn now(&mut self) -> u64 {
        let now = wall_ns();
        let gap = now - self.last;
        if gap > GAP_NS {
            self.gaps.saturating_record(gap);
        }
        self.last = now;
        now
    }
}

/// What the run took from the machine, and others meanwhile.
struct Used {
    switches: u64,
    others_permille: u64,
    steal_permille: u64,
}

/// The thread that pushes and reads.
struct Driver {
    producer: Producer,
    reader: Reader,
    clock: Arc<Clock>,
    clock_due: u64,
    stream: Vec<Command>,
    /// Place in the stream.
    next: usize,
    /// Commands pushed in all.
    pushed: u64,
    times: Box<[Times]>,
    /// The group being read is a tick, which no command caused.
    in_tick: bool,
}

impl Driver {
    /// The stream once, without a clock on it, then the warm-up, then what counts.
    fn warm_up_and_measure(&mut self, options: &Options) -> Result<(Pass, Used), LatencyError> {
        let turn = self.stream.len() as u64;
        let stream = std::mem::replace(&mut self.stream, setting());
        let settings = self.stream.len() as u64;
        self.pass(BAR_RATE / 10, settings)?;
        self.stream = stream;
        self.next = 0;
        // Cancels in the first turn name orders that are not there yet.
        self.pass(BAR_RATE / 10, turn)?;
        self.pass(options.rate, options.rate * options.warm_up_seconds)?;
        let before = (clock::switches(), Processors::now());
        let pass = self.pass(options.rate, options.rate * options.seconds)?;
        let after = (clock::switches(), Processors::now());
        let (others_permille, steal_permille) = after.1.shares_since(&before.1);
        Ok((pass, Used { switches: after.0 - before.0, others_permille, steal_permille }))
    }

    /// Pushes `count` commands at `rate` and reads until all are answered.
    #[inline(never)]
    fn pass(&mut self, rate: u64, count: u64) -> Result<Pass, LatencyError> {
        let mut pass = Pass::new();
        let start = wall_ns() + CLOCK_STEP_NS;
        let (mut sent, mut seen, mut due) = (0, 0, start);
        let mut seen_at = start;
        while seen < count {
            let now = pass.now();
            if now >= self.clock_due {
                self.clock.set(now);
                self.clock_due = now + CLOCK_STEP_NS;
            }
            if now >= due && sent < count {
                let has_place = sent - seen < IN_FLIGHT as u64;
                if has_place && self.push(Times { planned: due, published: now }, sent)? {
                    sent += 1;
                    due = start + sent * SECOND / rate;
                } else {
                    pass.full += 1;
                }
            }
            let answered = self.poll(&mut pass, seen)?;
            if answered != 0 {
                (seen, seen_at) = (seen + answered, pass.last);
            } else if sent != seen && pass.last > seen_at.max(due) + SECOND {
                return Err(LatencyError::Stuck { sent, seen });
            }
        }
        pass.achieved_rate = count * SECOND / pass.last.saturating_sub(start).max(1);
        Ok(pass)
    }

    /// Publishes the next command; `false` if the ring is full.
    #[inline]
    fn push(&mut self, times: Times, index: u64) -> Result<bool, LatencyError> {
        match self.producer.try_push(&mut self.stream[self.next]) {
            Ok(()) => {}
            Err(PushError::Full) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        self.times[index as usize % IN_FLIGHT] = times;
        self.next = if self.next + 1 < self.stream.len() { self.next + 1 } else { 0 };
        self.pushed += 1;
        Ok(true)
    }

    /// Reads what the log has, up to 32 records, and tells how many commands that answers.
    #[inline]
    fn poll(&mut self, pass: &mut Pass, seen: u64) -> Result<u64, LatencyError> {
        let mut answered = 0;
        for _ in 0..32 {
            let Some([first, ..]) = self.reader.next_record(Limit::Staged)? else { break };
            let header = first.header();
            if header.kind < event::kind::FIRST {
                self.in_tick = header.kind == kind::TICK;
            } else if header.kind == event::kind::REJECTED {
                pass.rejects += 1;
            }
            if header.flags & LAST_OF_GROUP != 0 && !self.in_tick {
                let times = self.times[(seen + answered) as usize % IN_FLIGHT];
                let now = pass.now();
                pass.from_published.saturating_record(now - times.published);
                pass.from_planned.saturating_record(now - times.planned);
                answered += 1;
            }
        }
        Ok(answered)
    }
}

/// Two currencies, a market, members with money.
fn setting() -> Vec<Command> {
    let mut commands = Vec::new();
    let mut operation = 0;
    let mut next = || {
        operation += 1;
        operation
    };
    for currency in [1, 2] {
        let header = Header::new(kind::CURRENCY_SET, 1, 0);
        let set =
            CurrencySet { header, operation: next(), currency, scale: 8, ..CurrencySet::default() };
        commands.push(Command::new(&set));
    }
    commands.push(Command::new(&MarketSet {
        header: Header::new(kind::MARKET_SET, 3, 1),
        operation: next(),
        base: 1,
        quote: 2,
        state: MarketState::Continuous.code(),
        lot_units: Amount::new(1),
        tick_units: Amount::new(1),
        min_price_ticks: 1,
        max_price_ticks: 1 << 30,
        min_quantity_lots: 1,
        max_quantity_lots: 1 << 30,
        sweep_limit: 64,
        ..MarketSet::default()
    }));
    for member in 1..=MEMBERS {
        let header = Header::new(kind::MEMBER_SET, 1, 0);
        let set = MemberSet { header, operation: next(), member, ..MemberSet::default() };
        commands.push(Command::new(&set));
        for currency in [1, 2] {
            let header = Header::new(kind::DEPOSIT, 1, 0);
            let (operation, amount) = (next(), Amount::new(1 << 60));
            let deposit = Funds { header, operation, member, currency, amount, ..Funds::default() };
            commands.push(Command::new(&deposit));
        }
    }
    commands
}

fn order(
    client_order_id: u64,
    side: Side,
    price_ticks: u64,
    time_in_force: TimeInForce,
) -> Command {
    Command::new(&NewOrder {
        header: Header::new(kind::NEW_ORDER, 1, 1),
        member: member_of(client_order_id),
        client_order_id,
        price_ticks,
        quantity_lots: 5,
        side: side.code(),
        order_type: OrderType::Limit.code(),
        time_in_force: time_in_force.code(),
        ..NewOrder::default()
    })
}

fn member_of(client_order_id: u64) -> u32 {
    1 + (client_order_id % u64::from(MEMBERS)) as u32
}

/// Commands that can be repeated for ever: orders that rest, each cancelled when [`RESTING`] more
/// have come, and now and then one at the top that the next one takes.
fn stream() -> Vec<Command> {
    let (mut commands, mut rng) = (Vec::new(), crate::workload::Rng(7));
    for turn in 0..TURN {
        let side = if turn % 2 == 0 { Side::Buy } else { Side::Sell };
        let away = 1 + rng.below(100);
        let price = if side == Side::Buy { 30_000 - away } else { 30_000 + away };
        commands.push(order(1 + turn, side, price, TimeInForce::Gtc));
        let target = 1 + (turn + TURN - RESTING) % TURN;
        let mut header = Header::new(kind::CANCEL, 1, 1);
        header.flags = flag::BY_CLIENT_ID;
        let member = member_of(target);
        commands.push(Command::new(&Cancel { header, member, target, ..Cancel::default() }));
        if turn % 8 == 0 {
            let (maker, taker) = (10_000 + turn, 20_001 + turn);
            commands.push(order(maker, side, 30_000, TimeInForce::Gtc));
            commands.push(order(taker, side.opposite(), 30_000, TimeInForce::Ioc));
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_answered_and_recorded_twice() {
        let quick = Options {
            rate: 20_000,
            seconds: 1,
            warm_up_seconds: 0,
            alone_seconds: 0,
            ..Options::default()
        };
        if cores().len() < 2 {
            return assert!(matches!(run(quick), Err(LatencyError::Cores(_))));
        }
        let report = run(quick).unwrap();
        assert_eq!((report.from_planned.len(), report.from_published.len()), (20_000, 20_000));
        // A command is never published before it is due.
        assert!(report.from_planned.max() >= report.from_published.max());
        assert!(report.to_json().contains("\"rate\":20000,"));
        assert!(!report.passes(), "the bar is for a higher rate");
    }

    #[test]
    fn a_rate_of_zero_is_refused() {
        let none = Options { rate: 0, ..Options::default() };
        assert!(matches!(run(none), Err(LatencyError::Options)));
    }
}
