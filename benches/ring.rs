//! The ring: what staging, publishing and taking cost one thread, and how long a command and its
//! answer take between two. The raw round trip of one word is what no ring can be faster than.

use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wire::command::{Command, NewOrder, kind};
use wire::record::Header;
use wire::region::BootId;
use wire::ring::{Consumer, Producer, RingConfig, pair};

fn ring() -> (Producer, Consumer) {
    let boot_id = BootId([1, 1]);
    let config = RingConfig { capacity: 1024, source: 1, boot_id, epoch: 1, wakes: false };
    pair(&config).expect("a valid ring")
}

fn command() -> Command {
    Command::new(&NewOrder { header: Header::new(kind::NEW_ORDER, 1, 1), ..NewOrder::default() })
}

fn one_thread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring/stage, publish, fill, release");
    for count in [1, 16, 64] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            let ((mut producer, mut consumer), mut command) = (ring(), command());
            let mut buffer = vec![Command::ZERO; count as usize];
            bencher.iter(|| {
                for _ in 0..count {
                    producer.stage(&mut command).expect("an empty ring");
                }
                producer.publish().expect("our ring");
                let filled = consumer.fill(&mut buffer);
                assert_eq!(filled.count as u64, count);
                consumer.release();
                black_box(&buffer);
            });
        });
    }
    group.finish();
}

/// Takes one command, waiting for it.
fn take(consumer: &mut Consumer, buffer: &mut [Command]) {
    while consumer.fill(buffer).count == 0 {
        spin_loop();
    }
    consumer.release();
}

fn round_trips(count: u64) -> Duration {
    let ((mut ask, mut asked), (mut answer, mut answered)) = (ring(), ring());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = [Command::ZERO];
            for _ in 0..=count {
                take(&mut asked, &mut buffer);
                answer.try_push(&mut buffer[0]).expect("an empty ring");
            }
        });
        let (mut command, mut buffer) = (command(), [Command::ZERO]);
        let mut turn = || {
            ask.try_push(&mut command).expect("an empty ring");
            take(&mut answered, &mut buffer);
        };
        // The first one waits for the thread to start.
        turn();
        let start = Instant::now();
        (0..count).for_each(|_| turn());
        start.elapsed()
    })
}

/// A word on a line of its own.
#[repr(align(128))]
struct Word(AtomicU64);

fn raw_round_trips(count: u64) -> Duration {
    let (ask, answer) = (Word(AtomicU64::new(0)), Word(AtomicU64::new(0)));
    let wait = |word: &Word, number| {
        while word.0.load(Ordering::Acquire) != number {
            spin_loop();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=count + 1 {
                wait(&ask, number);
                answer.0.store(number, Ordering::Release);
            }
        });
        let turn = |number| {
            ask.0.store(number, Ordering::Release);
            wait(&answer, number);
        };
        turn(1);
        let start = Instant::now();
        (2..count + 2).for_each(turn);
        start.elapsed()
    })
}

fn two_threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring/round trip of two threads");
    group.bench_function("one word", |bencher| bencher.iter_custom(raw_round_trips));
    group.bench_function("a pair of rings", |bencher| bencher.iter_custom(round_trips));
    group.finish();
}

/// Some seconds each, so that all of them fit into two minutes.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

fn main() {
    let mut criterion = short().configure_from_args();
    one_thread(&mut criterion);
    two_threads(&mut criterion);
    criterion.final_summary();
}
