//! One suite over the heap and over a mapped file; and, under `--cfg loom`, a model of two threads:
//! `RUSTFLAGS="--cfg loom" cargo test -p wire --release --lib ring::tests::model`.

use super::*;

pub(super) const CONFIG: RingConfig =
    RingConfig { capacity: 8, source: 7, boot_id: BootId([1, 2]), epoch: 3, wakes: false };
#[cfg(not(loom))]
pub(super) const EXPECTED: Expected = Expected { boot_id: CONFIG.boot_id, epoch: CONFIG.epoch };

/// A message of `cells` cells whose every word tells which message it belongs to.
pub(super) fn message(cells: u8, tag: u64) -> Command {
    let mut copied = [Cell::ZERO; CELLS_MAX];
    for cell in copied.iter_mut().take(usize::from(cells)) {
        *cell = Cell([tag; 8]);
    }
    let mut command = Command::from_cells(&copied);
    *command.header_mut() = crate::record::Header::new(1, cells, 0);
    command
}

/// Checks that a delivered message is the one `message` made, and whole.
pub(super) fn assert_is(command: &Command, cells: u8, tag: u64, sequence: u64) {
    let header = command.header();
    assert_eq!((header.cells, header.source, header.sequence), (cells, 7, sequence));
    assert_eq!(command.time_ns(), tag);
    assert!(command.cells().iter().skip(1).all(|cell| *cell == Cell([tag; 8])));
}

#[cfg(loom)]
mod model {
    use super::*;

    /// Two messages of two cells through a ring while the consumer looks at any moment: each is
    /// seen whole, in order, or not yet.
    #[test]
    fn every_interleaving_delivers_whole_messages_in_order() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let (mut producer, mut consumer) = pair(&CONFIG).unwrap();
            let pushing = loom::thread::spawn(move || {
                for tag in 1..=2 {
                    producer.try_push(&mut message(2, tag)).unwrap();
                }
            });
            let mut buffer = [Command::ZERO; 2];
            let mut seen = 0;
            while seen < 2 {
                let filled = consumer.fill(&mut buffer);
                assert_eq!(filled.fault, None);
                for command in &buffer[..filled.count] {
                    seen += 1;
                    assert_is(command, 2, seen, seen);
                }
                consumer.release();
                loom::thread::yield_now();
            }
            pushing.join().unwrap();
        });
    }

    /// A full ring: cells are written again only after the consumer has released them.
    #[test]
    fn no_interleaving_overwrites_what_is_not_released() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(|| {
            let (mut producer, mut consumer) = pair(&CONFIG).unwrap();
            producer.try_push(&mut message(4, 1)).unwrap();
            producer.try_push(&mut message(4, 2)).unwrap();
            let pushing = loom::thread::spawn(move || {
                while producer.try_push(&mut message(4, 3)) == Err(PushError::Full) {
                    loom::thread::yield_now();
                }
            });
            let mut buffer = [Command::ZERO; 1];
            let mut seen = 0;
            while seen < 3 {
                let filled = consumer.fill(&mut buffer);
                assert_eq!(filled.fault, None);
                if filled.count == 1 {
                    seen += 1;
                    assert_is(&buffer[0], 4, seen, seen);
                    consumer.release();
                } else {
                    loom::thread::yield_now();
                }
            }
            pushing.join().unwrap();
        });
    }
}

#[cfg(not(loom))]
mod suite {
    #![expect(clippy::disallowed_macros, reason = "a test may format")]

    use super::*;
    use crate::region::MapOptions;
    use std::path::PathBuf;

    fn file(name: &str) -> PathBuf {
        PathBuf::from(format!("/dev/shm/wire-ring-{}-{name}", std::process::id()))
    }

    /// Runs `test` over a heap region and over a mapped one.
    fn over_both(name: &str, config: &RingConfig, test: impl Fn(Region)) {
        test(Region::heap(CONTROL_LINES + config.capacity));
        let path = file(name);
        let lines = CONTROL_LINES + config.capacity;
        let region = Region::create(&path, lines, MapOptions::default()).unwrap();
        std::fs::remove_file(path).unwrap();
        test(region);
    }

    fn pair_over(region: &Region, config: &RingConfig) -> (Producer, Consumer) {
        let consumer = Consumer::over(region.clone(), config).unwrap();
        (Producer::over(region.clone(), &EXPECTED).unwrap(), consumer)
    }

    fn sound(count: usize) -> Filled {
        Filled { count, fault: None }
    }

    #[test]
    fn messages_of_all_lengths_pass_the_end_whole_and_in_order() {
        over_both("lengths", &CONFIG, |region| {
            let (mut producer, mut consumer) = pair_over(&region, &CONFIG);
            let mut buffer = [Command::ZERO; 3];
            for tag in 1..1000 {
                let cells = (tag % 4 + 1) as u8;
                producer.try_push(&mut message(cells, tag)).unwrap();
                assert_eq!(consumer.fill(&mut buffer), sound(1));
                assert_is(&buffer[0], cells, tag, tag);
                assert!(buffer[0].extra::<Cell>() == Cell::ZERO || cells > 1);
                consumer.release();
            }
            assert_eq!(consumer.faults(), FaultCounts::default());
        });
    }

    #[test]
    fn staged_commands_are_unseen_until_they_are_published() {
        over_both("staged", &CONFIG, |region| {
            let (mut producer, mut consumer) = pair_over(&region, &CONFIG);
            let mut buffer = [Command::ZERO; 12];
            producer.stage(&mut message(1, 1)).unwrap();
            producer.stage(&mut message(2, 2)).unwrap();
            assert_eq!((consumer.fill(&mut buffer), consumer.waiting_cells()), (sound(0), 0));
            producer.publish().unwrap();
            assert_eq!(consumer.waiting_cells(), 3);
            assert_eq!(consumer.fill(&mut buffer), sound(2));
            assert_is(&buffer[0], 1, 1, 1);
            assert_is(&buffer[1], 2, 2, 2);
        });
    }

    #[test]
    fn a_full_ring_refuses_until_cells_are_released_and_not_merely_read() {
        over_both("full", &CONFIG, |region| {
            let (mut producer, mut consumer) = pair_over(&region, &CONFIG);
            let mut buffer = [Command::ZERO; 12];
            producer.stage(&mut message(4, 1)).unwrap();
            producer.stage(&mut message(4, 2)).unwrap();
            // Refused, but what was staged is shown, so that waiting makes sense.
            assert_eq!(producer.stage(&mut message(1, 3)), Err(PushError::Full));
            assert_eq!(consumer.fill(&mut buffer), sound(2));
            assert_eq!(producer.try_push(&mut message(1, 3)), Err(PushError::Full));
            consumer.release();
            producer.try_push(&mut message(1, 3)).unwrap();
            assert_eq!(consumer.fill(&mut buffer), sound(1));
            assert_is(&buffer[0], 1, 3, 3);
        });
    }

    #[test]
    fn a_command_without_a_length_is_refused_by_the_producer() {
        let (mut producer, _consumer) = pair(&CONFIG).unwrap();
        for cells in [0, 5, 255] {
            let mut command = message(1, 1);
            command.header_mut().cells = cells;
            assert_eq!(producer.try_push(&mut command), Err(PushError::Length));
        }
    }

    /// What a hostile producer can do: write anything anywhere in the ring.
    struct Vandal {
        control: Window,
        cells: Window,
        at: u64,
    }

    impl Vandal {
        fn new(region: &Region) -> Self {
            let control = region.window(0, CONTROL_LINES).unwrap();
            Self { control, cells: region.window(CONTROL_LINES, 8).unwrap(), at: 0 }
        }

        fn put(&mut self, cells: u8, sequence: u64) {
            let mut command = message(1, 9);
            *command.header_mut() = crate::record::Header { cells, sequence, ..*command.header() };
            self.cells.line(self.at).store(&command.cells()[0].0);
            self.at += 1;
            self.publish(self.at);
        }

        fn publish(&self, index: u64) {
            let line = self.control.line(part::PRODUCER);
            line.word(word::PUBLISHED).store(index, Ordering::Release);
        }
    }

    #[test]
    fn every_kind_of_nonsense_is_told_counted_and_skipped() {
        over_both("nonsense", &CONFIG, |region| {
            let mut consumer = Consumer::over(region.clone(), &CONFIG).unwrap();
            let mut vandal = Vandal::new(&region);
            let mut buffer = [Command::ZERO; 4];
            let mut check = |vandal: &Vandal, count: usize, expected: Option<Fault>| {
                let filled = consumer.fill(&mut buffer);
                assert_eq!(filled, Filled { count, fault: expected });
                consumer.release();
                let line = vandal.control.line(part::CONSUMER);
                assert_eq!(line.word(word::CONSUMED).load(Ordering::Relaxed), consumer.position);
                consumer.faults()
            };
            vandal.put(1, 1);
            vandal.put(0, 2);
            check(&vandal, 2, Some(Fault::Length { found: 0 }));
            vandal.put(200, 2);
            check(&vandal, 1, Some(Fault::Length { found: 200 }));
            vandal.put(3, 2);
            check(&vandal, 1, Some(Fault::Torn { cells: 3, published: 1 }));
            vandal.put(1, 40);
            check(&vandal, 1, Some(Fault::Sequence { expected: 2, found: 40 }));
            vandal.put(1, 41);
            check(&vandal, 1, None);
            for found in [5, vandal.at + 9, u64::MAX] {
                vandal.publish(found);
                let (from, to) = (vandal.at, vandal.at + 8);
                check(&vandal, 0, Some(Fault::Index { found, from, to }));
                check(&vandal, 0, None);
            }
            vandal.put(1, 42);
            let faults = check(&vandal, 1, None);
            assert_eq!(faults, FaultCounts { length: 2, torn: 1, sequence: 1, index: 3 });
        });
    }

    #[test]
    fn a_producer_that_takes_over_goes_on_counting_after_any_end_of_the_last_one() {
        over_both("takeover", &CONFIG, |region| {
            let (mut producer, mut consumer) = pair_over(&region, &CONFIG);
            let mut buffer = [Command::ZERO; 4];
            let mut sequence = 0;
            for round in 0..20 {
                for _ in 0..round % 3 {
                    sequence += 1;
                    producer.try_push(&mut message(2, sequence)).unwrap();
                }
                // Staged and never published: gone with its producer.
                producer.stage(&mut message(1, 999)).unwrap();
                if round % 2 == 0 {
                    drop(producer);
                } else {
                    core::mem::forget(producer);
                    region.file().map(std::fs::File::unlock);
                }
                producer = Producer::over(region.clone(), &EXPECTED).unwrap();
                sequence += 1;
                producer.try_push(&mut message(1, sequence)).unwrap();
                let filled = consumer.fill(&mut buffer);
                assert_eq!(filled.fault, None);
                assert_eq!(buffer[filled.count - 1].header().sequence, sequence);
                consumer.release();
            }
        });
    }

    #[test]
    fn a_producer_whose_lease_is_over_is_refused_when_it_publishes() {
        let region = Region::heap(CONTROL_LINES + 8);
        let (mut old, mut consumer) = pair_over(&region, &CONFIG);
        let mut new = Producer::over(region, &EXPECTED).unwrap();
        assert_eq!(old.try_push(&mut message(1, 1)), Err(PushError::Stale));
        new.try_push(&mut message(1, 2)).unwrap();
        let mut buffer = [Command::ZERO; 2];
        assert_eq!(consumer.fill(&mut buffer), sound(1));
        assert_is(&buffer[0], 1, 2, 1);
    }

    #[test]
    fn a_new_producer_heals_a_ring_left_in_ruins() {
        over_both("ruins", &CONFIG, |region| {
            let (mut producer, mut consumer) = pair_over(&region, &CONFIG);
            let mut buffer = [Command::ZERO; 2];
            producer.try_push(&mut message(1, 1)).unwrap();
            assert_eq!(consumer.fill(&mut buffer), sound(1));
            let vandal = Vandal::new(&region);
            vandal.publish(1 << 40);
            assert!(consumer.fill(&mut buffer).fault.is_some());
            drop(producer);
            // One message is read and not released: the new producer starts before it.
            let mut producer = Producer::over(region.clone(), &EXPECTED).unwrap();
            producer.try_push(&mut message(1, 2)).unwrap();
            producer.try_push(&mut message(1, 3)).unwrap();
            let filled = consumer.fill(&mut buffer);
            assert_eq!(filled.count, 1);
            assert!(matches!(filled.fault, Some(Fault::Sequence { .. })), "{filled:?}");
            assert_eq!(consumer.fill(&mut buffer), sound(1));
            assert_eq!(buffer[0].time_ns(), 3);
        });
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason() {
        let path = file("refused");
        let config = RingConfig { capacity: 64, ..CONFIG };
        let consumer = Consumer::create(&path, &config, MapOptions::default()).unwrap();
        assert_eq!(consumer.producer_state().unwrap(), ProducerState::Never);
        let attach = |expected: Expected| Producer::attach(&path, &expected);
        let boot_id = BootId([1, 3]);
        assert!(matches!(attach(Expected { boot_id, ..EXPECTED }), Err(RingError::OtherBoot)));
        let other = attach(Expected { epoch: 4, ..EXPECTED });
        assert!(matches!(other, Err(RingError::OtherEpoch { found: 3, expected: 4 })));
        let first = attach(EXPECTED).unwrap();
        let second = attach(EXPECTED);
        let own = u64::from(std::process::id());
        assert!(matches!(second, Err(RingError::Attached { pid }) if pid == own));
        assert!(matches!(consumer.producer_state(), Ok(ProducerState::Alive { .. })));
        drop(first);
        assert_eq!(consumer.producer_state().unwrap(), ProducerState::Detached);

        let control = consumer.region.window(0, CONTROL_LINES).unwrap();
        let identity = control.line(part::IDENTITY);
        identity.word(word::CAPACITY).store(1 << 20, Ordering::Relaxed);
        assert!(matches!(attach(EXPECTED), Err(RingError::Size { .. })));
        identity.word(word::CAPACITY).store(9, Ordering::Relaxed);
        assert!(matches!(attach(EXPECTED), Err(RingError::Capacity { capacity: 9 })));
        identity.word(word::VERSION).store(9, Ordering::Relaxed);
        assert!(matches!(attach(EXPECTED), Err(RingError::Version { found: 9, .. })));
        identity.word(word::MAGIC).store(9, Ordering::Relaxed);
        assert!(matches!(attach(EXPECTED), Err(RingError::Magic { found: 9 })));
        identity.word(word::MAGIC).store(0, Ordering::Relaxed);
        assert!(matches!(attach(EXPECTED), Err(RingError::NotReady)));
        for capacity in [0, 4, 12, CAPACITY_MAX * 2] {
            let config = RingConfig { capacity, ..CONFIG };
            let made = Consumer::create(&path, &config, MapOptions::default());
            assert!(matches!(made, Err(RingError::Capacity { .. })));
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_ring_that_is_replaced_tells_its_producer() {
        let path = file("replaced");
        let _old = Consumer::create(&path, &CONFIG, MapOptions::default()).unwrap();
        let mut producer = Producer::attach(&path, &EXPECTED).unwrap();
        producer.try_push(&mut message(1, 1)).unwrap();
        let config = RingConfig { epoch: 4, ..CONFIG };
        let _new = Consumer::create(&path, &config, MapOptions::default()).unwrap();
        assert_eq!(producer.try_push(&mut message(1, 2)), Err(PushError::Stale));
        let expected = Expected { epoch: 4, ..EXPECTED };
        assert!(Producer::attach(&path, &expected).is_ok());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_parked_consumer_of_many_rings_is_woken_by_any_of_them() {
        let config = RingConfig { wakes: true, ..CONFIG };
        let (producers, mut consumers): (Vec<_>, Vec<_>) =
            (0..5).map(|_| pair(&config).unwrap()).unzip();
        let pushing = std::thread::spawn(move || {
            for (tag, mut producer) in (1..).zip(producers) {
                std::thread::sleep(Duration::from_millis(20));
                producer.try_push(&mut message(1, tag)).unwrap();
            }
        });
        // Far longer than the test may take: a lost wake-up would show.
        let park = Duration::from_secs(100);
        let mut waiter = Waiter::new(WaitStrategy::SpinYieldPark { spins: 3, yields: 3, park });
        let mut buffer = [Command::ZERO; 2];
        let mut seen = 0;
        while seen < 5 {
            let mut count = 0;
            for consumer in &mut consumers {
                count += consumer.fill(&mut buffer).count;
                consumer.release();
            }
            seen += count;
            if count > 0 {
                waiter.reset();
            } else if seen < 5 {
                waiter.idle(consumers.iter());
            }
        }
        pushing.join().unwrap();
    }

    #[test]
    fn no_wake_up_is_lost_over_many_sleeps() {
        let config = RingConfig { wakes: true, capacity: 64, ..CONFIG };
        let (mut producer, mut consumer) = pair(&config).unwrap();
        let pushing = std::thread::spawn(move || {
            for tag in 1..=200_000 {
                while producer.try_push(&mut message(1, tag)) == Err(PushError::Full) {
                    std::thread::yield_now();
                }
            }
        });
        let park = Duration::from_secs(100);
        let mut waiter = Waiter::new(WaitStrategy::SpinYieldPark { spins: 0, yields: 0, park });
        let mut buffer = [Command::ZERO; 12];
        let mut seen = 0;
        while seen < 200_000 {
            let filled = consumer.fill(&mut buffer);
            assert_eq!(filled.fault, None);
            seen += filled.count;
            consumer.release();
            if filled.count == 0 {
                waiter.idle(core::iter::once(&consumer));
            }
        }
        pushing.join().unwrap();
    }

    #[test]
    fn ten_million_random_cells_neither_panic_nor_stall_the_consumer() {
        let region = Region::heap(CONTROL_LINES + 8);
        let mut consumer = Consumer::over(region.clone(), &CONFIG).unwrap();
        let mut vandal = Vandal::new(&region);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut buffer = [Command::ZERO; 12];
        let (mut cells, mut delivered) = (0, 0);
        while cells < 10_000_000_u64 {
            for _ in 0..random() % 9 {
                let mut words = [0; 8];
                words.fill_with(&mut random);
                // Half of the headers have a length that could be.
                if random() % 2 == 0 {
                    words[0] = words[0] & !0xff00 | (random() % 6) << 8;
                }
                vandal.cells.line(vandal.at).store(&words);
                vandal.at += 1;
                cells += 1;
            }
            vandal.publish(if random() % 64 == 0 { random() } else { vandal.at });
            // Every call delivers, tells once, or has nothing: eight cells take at most nine calls.
            for _ in 0..9 {
                delivered += consumer.fill(&mut buffer).count;
            }
            consumer.release();
            vandal.at = consumer.position;
        }
        let faults = consumer.faults();
        assert!(faults.length > 0 && faults.torn > 0 && faults.sequence > 0 && faults.index > 0);
        assert!(delivered > 1_000_000, "{delivered}");
    }
}
