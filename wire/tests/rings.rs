//! Rings between real processes that are killed, stopped or hostile. The test binary runs itself
//! again as the producer: `child` is no test unless the variable `RING_CHILD` tells it what to do.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "a test may format and has deadlines"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use wire::command::Command;
use wire::record::{Cell, Header};
use wire::region::{BootId, MapOptions, Region};
use wire::ring::{
    CONTROL_LINES, Consumer, Expected, Producer, ProducerState, PushError, RingConfig, RingError,
};

const EPOCH: u64 = 5;
const CAPACITY: usize = 1024;

fn message(sequence: u64) -> Command {
    let cells = sequence % 4 + 1;
    let mut command = Command::from_cells(&[Cell([sequence; 8]); 4]);
    *command.header_mut() = Header::new(1, cells as u8, 0);
    command
}

fn assert_is_whole(command: &Command, sequence: u64) {
    assert_eq!(command.header().sequence, sequence);
    assert_eq!(u64::from(command.header().cells), sequence % 4 + 1);
    assert_eq!(command.time_ns(), sequence);
    assert!(command.cells().iter().skip(1).all(|cell| *cell == Cell([sequence; 8])));
}

struct Ring {
    path: PathBuf,
    consumer: Consumer,
    seen: u64,
}

impl Ring {
    fn create(name: &str) -> Self {
        let path = PathBuf::from(format!("/dev/shm/wire-rings-{}-{name}", std::process::id()));
        let boot_id = BootId::current().unwrap();
        let config =
            RingConfig { capacity: CAPACITY, source: 1, boot_id, epoch: EPOCH, wakes: false };
        let consumer = Consumer::create(&path, &config, MapOptions::default()).unwrap();
        Self { path, consumer, seen: 0 }
    }

    fn spawn(&self, what: &str) -> Child {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture"])
            .env("RING_CHILD", what)
            .env("RING_PATH", &self.path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Takes what is there and checks that it is whole and in sequence.
    fn drain(&mut self) {
        let mut buffer = [Command::ZERO; 12];
        loop {
            let filled = self.consumer.fill(&mut buffer);
            assert_eq!(filled.fault, None);
            for command in &buffer[..filled.count] {
                self.seen += 1;
                assert_is_whole(command, self.seen);
            }
            self.consumer.release();
            if filled.count == 0 {
                return;
            }
        }
    }

    /// Drains until `count` more messages have come.
    fn drain_more(&mut self, count: u64) {
        let (target, started) = (self.seen + count, Instant::now());
        while self.seen < target {
            self.drain();
            assert!(started.elapsed() < Duration::from_secs(30), "the flow has stopped");
            std::thread::yield_now();
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Ends its process when the test does, also by a panic.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let status = std::process::Command::new("kill").args([name, &pid]).status().unwrap();
    assert!(status.success());
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn child() {
    let (Ok(what), Ok(path)) = (std::env::var("RING_CHILD"), std::env::var("RING_PATH")) else {
        return;
    };
    match what.as_str() {
        "push" => push(Path::new(&path)),
        _ => scribble(Path::new(&path)),
    }
}

fn push(path: &Path) {
    let expected = Expected { boot_id: BootId::current().unwrap(), epoch: EPOCH };
    let mut producer = Producer::attach(path, &expected).unwrap();
    loop {
        producer.beat();
        // A few at a time, so that a kill also meets messages that are staged.
        for _ in 0..5 {
            match producer.stage(&mut message(producer.sequence() + 1)) {
                Ok(()) => {}
                Err(PushError::Full) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
        producer.publish().unwrap();
    }
}

/// Writes random words over the whole ring: cells, indices, identity.
fn scribble(path: &Path) {
    let region = Region::open(path, MapOptions::default()).unwrap();
    let control = region.window(0, CONTROL_LINES).unwrap();
    let cells = region.window(CONTROL_LINES, CAPACITY).unwrap();
    let mut state = 88_172_645_463_325_252;
    for index in 0.. {
        let mut words = [0; 8];
        words.fill_with(|| random(&mut state));
        cells.line(index).store(&words);
        if index.is_multiple_of(16) {
            // Most of the time the published index is one that could be. The consumer's own line is
            // left alone, as that is where we learn what could be.
            let consumed = control.line(6).load().0[0];
            let line = random(&mut state) % 16;
            if !line.is_multiple_of(4) {
                words[0] = consumed + words[0] % 1024;
                control.line(4).store(&words);
            } else {
                control.line(line).store(&words);
            }
        }
    }
}

#[test]
fn a_producer_killed_at_any_instant_leaves_whole_messages_in_sequence() {
    let mut victim = Ring::create("kill");
    let mut other = Ring::create("kill-other");
    let _flow = Ended(other.spawn("push"));
    let mut state = 1;
    for _ in 0..200 {
        let mut child = Ended(victim.spawn("push"));
        victim.drain_more(1);
        let until = Instant::now() + Duration::from_micros(random(&mut state) % 2000);
        while Instant::now() < until {
            victim.drain();
        }
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        victim.drain();
        let pid = u64::from(child.0.id());
        assert_eq!(victim.consumer.producer_state().unwrap(), ProducerState::Dead { pid });
        other.drain_more(100);
    }
    assert_eq!(victim.consumer.faults(), Default::default());
}

#[test]
fn a_stopped_producer_holds_up_nobody_else_and_cannot_be_replaced() {
    let mut stopped = Ring::create("stop");
    let mut other = Ring::create("stop-other");
    let child = Ended(stopped.spawn("push"));
    for _ in 0..20 {
        stopped.drain_more(10);
        signal(&child.0, "-STOP");
        // It stops in the middle of whatever it did; what it had published comes out whole.
        let mut last = u64::MAX;
        while last != stopped.seen {
            last = stopped.seen;
            std::thread::sleep(Duration::from_millis(2));
            stopped.drain();
        }
        let beat = stopped.consumer.producer_state().unwrap();
        assert!(matches!(beat, ProducerState::Alive { .. }));
        {
            let _flow = Ended(other.spawn("push"));
            other.drain_more(1000);
        }
        assert_eq!(stopped.consumer.producer_state().unwrap(), beat, "its heart stands still");
        signal(&child.0, "-CONT");
    }
    signal(&child.0, "-STOP");
    let expected = Expected { boot_id: BootId::current().unwrap(), epoch: EPOCH };
    let pid = u64::from(child.0.id());
    let refused = Producer::attach(&stopped.path, &expected).err();
    assert!(matches!(refused, Some(RingError::Attached { pid: found }) if found == pid));
}

#[test]
fn a_producer_that_writes_garbage_everywhere_harms_its_own_ring_only() {
    let mut own = Ring::create("garbage");
    let mut other = Ring::create("garbage-other");
    let _flow = Ended(other.spawn("push"));
    let _vandal = Ended(own.spawn("scribble"));
    let mut buffer = [Command::ZERO; 12];
    let (mut delivered, started) = (0, Instant::now());
    let mut rounds = 0;
    while rounds < 300 || delivered < 100_000 {
        // As many calls as a fair matcher would make before it turns to the next ring.
        for _ in 0..100 {
            delivered += own.consumer.fill(&mut buffer).count;
            own.consumer.release();
        }
        other.drain_more(20);
        rounds += 1;
        assert!(started.elapsed() < Duration::from_secs(60), "{delivered} delivered");
    }
    let faults = own.consumer.faults();
    assert!(faults.length > 0 && faults.index > 0 && faults.sequence > 0, "{faults:?}");
    assert_eq!(other.consumer.faults(), Default::default());
}
