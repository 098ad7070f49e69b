//! What the matcher's thread may not do after boot: allocate, fault, call the system.

use journal::stage::{Appender, GateMode, Stage, StageConfig};
use journal::writer::{Discard, JournalWriter, WriterConfig};
use judge::Fast;
use matcher::boot::{memory, seccomp};
use matcher::cycle::{Matcher, Time};
use matcher::engine::Engine;
use matcher::engine::desk::Capacity;
use reference::Config;
use reference::events::Events;
use reference::generate::Generator;
use reference::judge::Machine;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wire::command::Command;
use wire::region::BootId;
use wire::ring::{Consumer, Producer, RingConfig, WaitStrategy, pair};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts what the calling thread allocates.
struct Counting;

// SAFETY: every call goes to the system's allocator with the arguments unchanged; the counter is a
// plain thread-local cell that needs no allocation itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Commands of a seed, recorded from a matcher that executed them.
fn recorded(seed: u64, count: usize) -> (Config, Vec<Command>) {
    let (config, mut generator) = Generator::new(seed);
    let mut fast = Fast::new(config);
    let mut commands = Vec::with_capacity(count);
    for _ in 0..count {
        let command = generator.next();
        let mut events = Events::default();
        if fast.tick_due(command.time_ns()) {
            fast.apply(&Generator::tick_before(&command), &mut events);
        }
        fast.apply(&command, &mut events);
        generator.learn(&events.0);
        commands.push(command);
    }
    (config, commands)
}

struct Bench {
    producer: Producer,
    matcher: Matcher,
    writer: JournalWriter,
    dir: PathBuf,
}

fn stage_in(name: &str) -> (PathBuf, Arc<Stage>, Appender) {
    let dir = std::env::temp_dir().join(format!("opex-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let boot_id = BootId::current().unwrap();
    let config =
        StageConfig { bytes: 64 << 20, gate: GateMode::Mem, ..StageConfig::new(boot_id, 1) };
    let (stage, appender) = Stage::create(&dir.join("stage"), &config).unwrap();
    (dir, stage, appender)
}

fn ring() -> (Producer, Consumer) {
    let boot_id = BootId::current().unwrap();
    pair(&RingConfig { capacity: 1024, source: 1, boot_id, epoch: 1, wakes: false }).unwrap()
}

fn bench(name: &str, config: Config) -> Bench {
    let (dir, stage, appender) = stage_in(name);
    let boot_id = BootId::current().unwrap();
    let writer = JournalWriter::spawn(
        stage,
        WriterConfig::new(dir.clone(), boot_id),
        Box::new(Discard::new()),
    )
    .unwrap();
    let engine = Engine::new(&Capacity {
        orders: config.orders,
        members: config.members + 1,
        accounts: config.accounts,
        lists: config.lists,
        ladder_ticks: u32::try_from(config.ladder_ticks).unwrap(),
    });
    let (producer, consumer) = ring();
    let matcher =
        Matcher::new(engine, appender, vec![consumer], Time::Producer, WaitStrategy::Spin);
    Bench { producer, matcher, writer, dir }
}

impl Bench {
    /// Pushes all commands and lets the matcher take them.
    fn play(&mut self, commands: &[Command]) {
        for command in commands {
            let mut command = *command;
            // Garbage that is no message of the ring belongs to another test.
            while self.producer.try_push(&mut command) == Err(wire::ring::PushError::Full) {
                self.matcher.step();
            }
        }
        for _ in 0..64 {
            self.matcher.step();
        }
    }

    fn end(self) {
        drop(self.matcher);
        self.writer.stop().unwrap();
        std::fs::remove_dir_all(self.dir).unwrap();
    }
}

#[test]
fn a_million_mixed_commands_allocate_nothing_after_boot() {
    for seed in 1..=10 {
        let (config, commands) = recorded(seed, 100_000);
        let mut bench = bench("allocations", config);
        let before = ALLOCATIONS.get();
        bench.play(&commands);
        assert_eq!(ALLOCATIONS.get() - before, 0, "seed {seed}");
        let taken = bench.matcher.counters().commands.load(Ordering::Relaxed);
        assert!(taken > 99_000, "seed {seed}: only {taken} commands were taken");
        bench.end();
    }
}

#[test]
fn the_allocation_counter_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}

#[test]
fn locked_memory_takes_no_page_fault_while_commands_flow() {
    let (config, commands) = recorded(3, 100_000);
    let mut bench = bench("faults", config);
    // Touches the code and the stack of the path once.
    let (first, rest) = commands.split_at(50_000);
    bench.play(first);
    match memory::lock_all() {
        Ok(()) => {
            let before = memory::thread_faults().unwrap();
            bench.play(rest);
            assert_eq!(memory::thread_faults().unwrap(), before);
        }
        Err(refused) => assert!(matches!(refused.raw_os_error(), Some(libc::EPERM | libc::ENOMEM))),
    }
    bench.end();
}

/// What the child process of a test does; set by its parent.
const ROLE: &str = "OPEX_QUIET_ROLE";

fn child(role: &str) -> std::process::ExitStatus {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "quiet::a_child_process_of_the_system_call_tests", "--nocapture"])
        .env(ROLE, role)
        .status()
        .unwrap()
}

#[test]
fn a_matcher_without_system_calls_takes_a_million_commands() {
    let status = child("matcher");
    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn one_system_call_after_the_filter_kills_the_process() {
    let status = child("caller");
    assert_eq!(status.signal(), Some(libc::SIGSYS), "{status}");
}

#[test]
fn a_child_process_of_the_system_call_tests() {
    let role = std::env::var(ROLE).unwrap_or_default();
    if role == "caller" {
        seccomp::forbid_system_calls().unwrap();
        std::thread::yield_now();
    } else if role == "matcher" {
        run_without_system_calls();
    }
}

/// Runs the matcher's own loop on a thread that may make no system call, and ends the process.
fn run_without_system_calls() {
    let (config, commands) = recorded(5, 1_000_000);
    let Bench { mut producer, matcher, writer: _writer, dir } = bench("calls", config);
    let counters = matcher.counters();
    let ready = Arc::new(AtomicBool::new(false));
    let (told, stop) = (Arc::clone(&ready), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            seccomp::forbid_system_calls().unwrap();
            told.store(true, Ordering::Release);
            // Never stopped: leaving a thread takes system calls.
            let _matcher = matcher.run(&stop);
        });
        while !ready.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let mut pushed = 0;
        for command in &commands {
            let mut command = *command;
            loop {
                match producer.try_push(&mut command) {
                    Err(wire::ring::PushError::Full) => std::hint::spin_loop(),
                    Ok(()) => break pushed += 1,
                    Err(_) => break,
                }
            }
        }
        while counters.commands.load(Ordering::Relaxed) < pushed {
            std::hint::spin_loop();
        }
        std::fs::remove_dir_all(&dir).unwrap();
        let enough = pushed > 990_000;
        std::process::exit(if enough { 0 } else { 3 });
    });
}
