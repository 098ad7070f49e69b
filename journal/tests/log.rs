//! The log from the appender to the files and back, with everything that can go wrong on the way.
//! One test runs this binary again as a child, which `child` obeys if `LOG_CHILD` is set.

use journal::direct::PwriteDirect;
use journal::format::{BLOCK_BYTES, Block, SegmentHeader, TABLES, segment_name};
use journal::gate::Gate;
use journal::mapped::FileMapped;
use journal::segment::{End, EndKind, SegmentError, SegmentReader};
use journal::stage::{
    Appender, GateMode, HaltCode, Limit, ReadError, Stage, StageConfig, StageError, StageView,
};
use journal::uring::UringDirect;
use journal::writer::{Discard, JournalWriter, SegmentSink, Start, WriterConfig, WriterError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wire::command::Command;
use wire::event::{Done, Event, EventSink, Trade};
use wire::record::{Cell, Header, LAST_OF_GROUP};
use wire::region::BootId;

/// A directory and a stage's path that go away with the test.
struct Place {
    dir: PathBuf,
    stage: PathBuf,
}

impl Place {
    /// Files on a disk that knows `O_DIRECT`.
    fn new(name: &str) -> Self {
        Self::below(Path::new(env!("CARGO_TARGET_TMPDIR")), name)
    }

    /// Files in memory.
    fn in_memory(name: &str) -> Self {
        Self::below(Path::new("/dev/shm"), name)
    }

    fn below(base: &Path, name: &str) -> Self {
        let name = format!("journal-log-{}-{name}", std::process::id());
        let place = Self { dir: base.join(&name), stage: Path::new("/dev/shm").join(name + ".s") };
        std::fs::create_dir_all(&place.dir).unwrap();
        place
    }

    fn boot() -> BootId {
        BootId::current().unwrap()
    }

    fn stage(&self, change: impl FnOnce(&mut StageConfig)) -> (Arc<Stage>, Appender) {
        let mut config = StageConfig::new(Self::boot(), 3);
        config.bytes = 64 << 10;
        change(&mut config);
        Stage::create(&self.stage, &config).unwrap()
    }

    fn view(&self) -> StageView {
        StageView::open(&self.stage, Self::boot()).unwrap()
    }

    fn writer(
        &self,
        stage: &Arc<Stage>,
        sink: impl SegmentSink + 'static,
        change: impl FnOnce(&mut WriterConfig),
    ) -> JournalWriter {
        let mut config = WriterConfig::new(self.dir.clone(), Self::boot());
        config.segment_bytes = 64 << 10;
        change(&mut config);
        JournalWriter::spawn(Arc::clone(stage), config, Box::new(sink)).unwrap()
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.dir.join(segment_name(0, number))
    }

    /// Everything the files hold, and how they end.
    fn read(&self) -> Result<(Vec<Vec<Cell>>, End), SegmentError> {
        let mut reader = SegmentReader::open(&self.dir, 0)?;
        let mut records = Vec::new();
        reader.for_each(|record| records.push(record.to_vec()))?;
        let end = reader.end().cloned().unwrap();
        Ok((records, end))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
        let _ = std::fs::remove_file(&self.stage);
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn cell(&mut self) -> Cell {
        Cell(core::array::from_fn(|_| self.next()))
    }
}

/// Appends random groups and keeps what the log has to hold.
struct Model {
    random: Random,
    records: Vec<Vec<Cell>>,
    sequence: u64,
}

impl Model {
    fn new(seed: u64, first_sequence: u64) -> Self {
        Self { random: Random(seed), records: Vec::new(), sequence: first_sequence }
    }

    fn expect(&mut self, cells: &[Cell], source: u16) {
        let mut cells = cells.to_vec();
        let header: &mut Header =
            bytemuck::from_bytes_mut(bytemuck::cast_slice_mut(&mut cells[0].0[..2]));
        header.cells = 0;
        header.flags &= !LAST_OF_GROUP;
        header.source = source;
        header.sequence = self.sequence;
        let count = cells.len() as u8;
        let header: &mut Header =
            bytemuck::from_bytes_mut(bytemuck::cast_slice_mut(&mut cells[0].0[..2]));
        header.cells = count;
        self.sequence += 1;
        self.records.push(cells);
    }

    fn put<E: Event>(&mut self, appender: &mut Appender, source: u16) {
        let mut event = E::zeroed();
        for word in bytemuck::cast_slice_mut::<E, u64>(core::slice::from_mut(&mut event)) {
            *word = self.random.next();
        }
        appender.put(&event);
        let mut cells = vec![Cell::ZERO; usize::from(E::CELLS)];
        bytemuck::cast_slice_mut::<Cell, u8>(&mut cells)
            .copy_from_slice(bytemuck::bytes_of(&event));
        self.expect(&cells, source);
    }

    /// One command of 1 to 4 cells and up to 5 events; published now and then.
    fn group(&mut self, appender: &mut Appender) {
        while appender.room() < 16 * 64 {
            appender.publish();
            std::thread::yield_now();
        }
        let cells: [Cell; 4] = core::array::from_fn(|_| self.random.cell());
        let mut command = Command::from_cells(&cells);
        command.header_mut().cells = self.random.below(4) as u8 + 1;
        let source = command.header().source;
        appender.begin(&command);
        self.expect(command.cells(), source);
        for _ in 0..self.random.below(6) {
            if self.random.below(2) == 0 {
                self.put::<Trade>(appender, source);
            } else {
                self.put::<Done>(appender, source);
            }
        }
        appender.end_group();
        let last = self.records.last_mut().unwrap();
        last[0].0[0] |= u64::from(LAST_OF_GROUP) << 16;
        if self.random.below(20) == 0 {
            appender.publish();
        }
    }
}

/// A group of one record whose every word is its sequence.
fn plain(appender: &mut Appender, cells: u8) {
    let sequence = appender.next_sequence();
    let mut command = Command::from_cells(&[Cell([sequence; 8]); 4]);
    *command.header_mut() = Header::new(1, cells, 0);
    appender.begin(&command);
    appender.end_group();
}

fn assert_is_plain(record: &[Cell], sequence: u64) {
    assert_eq!(record[0].header().sequence, sequence);
    assert_eq!(record[0].0[2..], [sequence; 6]);
    assert!(record[1..].iter().all(|cell| *cell == Cell([sequence; 8])));
}

fn any_stream_comes_back(name: &str, sink: impl SegmentSink + 'static, seed: u64) {
    let place = Place::new(name);
    let (stage, mut appender) = place.stage(|config| config.first_sequence = 1000);
    let writer = place.writer(&stage, sink, |_| {});
    let mut model = Model::new(seed, 1000);
    let mut reader = place.view().read_from_start();
    let mut seen = 0;
    for _ in 0..5000 {
        model.group(&mut appender);
        // The stage gives the same as the files, and nothing before the gate.
        let polled = reader.poll(Limit::Gate, 50, |record| {
            assert_eq!(record, model.records[seen]);
            assert!(record[0].header().sequence <= stage.durable_sequence());
            seen += 1;
        });
        assert!(matches!(polled, Ok(_) | Err(ReadError::Lapped { .. })), "seed {seed}");
        if polled.is_err() {
            let next = model.sequence;
            if let Some(newer) = place.view().read_from(next) {
                reader = newer;
                seen = (next - 1000) as usize;
            }
        }
    }
    appender.publish();
    let report = writer.stop().unwrap();
    assert_eq!(report.records, model.records.len() as u64);
    assert!(report.segments > 10);
    let (records, end) = place.read().unwrap();
    assert!(records == model.records, "seed {seed}");
    assert_eq!((end.kind, end.next_sequence), (EndKind::Clean, model.sequence));

    let middle = 1000 + model.records.len() as u64 / 2;
    let mut reader = SegmentReader::open_at(&place.dir, 0, middle).unwrap();
    assert_eq!(reader.next_record().unwrap().unwrap(), model.records[(middle - 1000) as usize]);
    assert!(matches!(
        SegmentReader::open_at(&place.dir, 0, 5),
        Err(SegmentError::TooLate { found: 1000, expected: 5, .. })
    ));
}

#[test]
fn any_stream_comes_back_identical_through_the_direct_sink() {
    for seed in [1, 0xdead_beef] {
        any_stream_comes_back("direct", UringDirect::new().unwrap(), seed);
    }
}

#[test]
fn any_stream_comes_back_identical_through_the_pwrite_sink() {
    any_stream_comes_back("pwrite", PwriteDirect::new(), 78);
}

#[test]
fn any_stream_comes_back_identical_through_the_mapped_sink() {
    any_stream_comes_back("mapped", FileMapped::new(), 77);
}

#[test]
fn the_discarding_sink_opens_a_memory_gate_and_makes_nothing_durable() {
    let place = Place::in_memory("discard");
    let (stage, mut appender) = place.stage(|config| config.gate = GateMode::Mem);
    let writer = place.writer(&stage, Discard::new(), |_| {});
    let gate = Gate::of_view(place.view());
    for sequence in 1..10_000 {
        while appender.room() < 256 {}
        plain(&mut appender, 2);
        appender.publish();
        assert_eq!(gate.open_to(), sequence);
    }
    assert_eq!(writer.stop().unwrap().records, 9999);
    assert_eq!(stage.durable_sequence(), 0);
    assert!(std::fs::read_dir(&place.dir).unwrap().next().is_none());
}

/// Batches of 3, 1, 2 and 1 blocks, one after the other, in one segment of 16 blocks.
fn small_segment(name: &str) -> Place {
    let place = Place::in_memory(name);
    let (stage, mut appender) = place.stage(|_| {});
    let writer = place.writer(&stage, FileMapped::new(), |_| {});
    for records in [80, 10, 40, 5] {
        for _ in 0..records {
            plain(&mut appender, 2);
        }
        appender.publish();
        while stage.durable_sequence() < appender.next_sequence() - 1 {
            std::thread::yield_now();
        }
    }
    assert_eq!(writer.stop().unwrap().blocks, 7);
    place
}

fn patch(path: &Path, offset: u64, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

#[test]
fn every_flipped_bit_is_noticed() {
    let place = small_segment("flip");
    let path = place.segment(1);
    let good = std::fs::read(&path).unwrap();
    let (records, end) = place.read().unwrap();
    assert_eq!((records.len(), end.kind), (135, EndKind::Clean));
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    // All that was written, and two blocks that were not.
    for (offset, byte) in good.iter().enumerate().take(10 * BLOCK_BYTES) {
        for bit in 0..8 {
            file.write_all_at(&[byte ^ 1 << bit], offset as u64).unwrap();
            let Ok(mut reader) = SegmentReader::open(&place.dir, 0) else { continue };
            let mut count = 0;
            let read = reader.for_each(|record| {
                count += 1;
                assert_is_plain(record, count);
            });
            let block = offset / BLOCK_BYTES;
            match read {
                Err(SegmentError::Damaged { offset: told, .. }) => {
                    assert_eq!(told, (block * BLOCK_BYTES) as u64);
                }
                Err(error) => panic!("byte {offset} bit {bit}: {error}"),
                // In the last batch, or behind it, nothing proves that it was acknowledged.
                Ok(_) => {
                    assert!(block >= 7, "byte {offset} bit {bit}");
                    assert!(matches!(reader.end().unwrap().kind, EndKind::Torn { beyond: 0 }));
                }
            }
        }
        file.write_all_at(&[*byte], offset as u64).unwrap();
    }
}

#[test]
fn a_torn_tail_is_an_end_and_damage_to_what_was_acknowledged_an_error() {
    let place = small_segment("torn");
    let path = place.segment(1);
    let good = std::fs::read(&path).unwrap();
    let block = |number: usize| (number * BLOCK_BYTES) as u64;
    let check = |place: &Place, kind: EndKind, next: u64| {
        let (records, end) = place.read().unwrap();
        assert_eq!((end.kind, end.next_sequence, records.len() as u64), (kind, next, next - 1));
        end
    };
    // The last batch, cut after its first sector.
    patch(&path, block(7) + 512, &[0; BLOCK_BYTES - 512]);
    let end = check(&place, EndKind::Torn { beyond: 0 }, 131);
    assert_eq!(end.offset, block(7));
    // It never arrived.
    patch(&path, block(7), &[0; BLOCK_BYTES]);
    check(&place, EndKind::Clean, 131);
    // Of the batch of two blocks the second arrived, the first did not: nobody was told of either.
    patch(&path, block(5), &[0; BLOCK_BYTES]);
    check(&place, EndKind::Torn { beyond: 1 }, 91);
    // With a later batch behind it, it had been acknowledged.
    std::fs::write(&path, &good).unwrap();
    patch(&path, block(5), &[0; BLOCK_BYTES]);
    let error = place.read().unwrap_err();
    assert!(matches!(error, SegmentError::Damaged { proven: 130, .. }), "{error}");
    // The last record of the first batch passes a border: without its end it is not delivered.
    std::fs::write(&path, &good).unwrap();
    for number in 2..8 {
        patch(&path, block(number), &[0; BLOCK_BYTES]);
    }
    check(&place, EndKind::Torn { beyond: 0 }, 32);
}

#[test]
fn files_of_another_kind_are_refused_with_the_field_that_tells() {
    let place = small_segment("garbage");
    let path = place.segment(1);
    let good = std::fs::read(&path).unwrap();
    let refused = |expected: &str| match place.read() {
        Err(SegmentError::Field { field, .. }) => assert_eq!(field, expected),
        other => panic!("{expected}: {:?}", other.map(|(_, end)| end)),
    };
    let mut random = Random(5);
    let mut noise = good.clone();
    noise.fill_with(|| random.next() as u8);
    std::fs::write(&path, &noise).unwrap();
    refused("magic");
    let with_header = |change: &dyn Fn(&mut SegmentHeader)| {
        let mut bytes = good.clone();
        let block: Block = bytemuck::pod_read_unaligned(&bytes[..BLOCK_BYTES]);
        let (mut header, _) = SegmentHeader::from_block(&block);
        change(&mut header);
        let (block, _) = header.to_block();
        bytes[..BLOCK_BYTES].copy_from_slice(bytemuck::bytes_of(&block));
        std::fs::write(&path, &bytes).unwrap();
    };
    with_header(&|header| header.format = 2);
    refused("format");
    with_header(&|header| header.layout = 99);
    refused("layout");
    with_header(&|header| header.shard = 4);
    refused("shard");
    with_header(&|header| header.segment = 4);
    refused("segment");
    with_header(&|header| header.block_bytes = 512);
    refused("block_bytes");
    with_header(&|header| header.segment_bytes *= 2);
    refused("segment_bytes");
    // A header of another life: the blocks do not chain to it. Nothing but their own
    // `durable_upto` tells that they were acknowledged.
    with_header(&|header| header.previous_digest = 1);
    assert!(matches!(place.read(), Err(SegmentError::Damaged { .. })));
    std::fs::write(&path, &good[..BLOCK_BYTES / 2]).unwrap();
    assert!(matches!(place.read(), Err(SegmentError::Io { .. })));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(place.read(), Err(SegmentError::NoSegment { .. })));
}

#[test]
fn a_second_writer_goes_on_behind_a_torn_tail_in_a_new_segment() {
    let place = small_segment("restart");
    patch(&place.segment(1), 7 * BLOCK_BYTES as u64 + 100, &[0xff; 8]);
    let (_, end) = place.read().unwrap();
    assert_eq!(end.start.segment, 2);
    let (stage, mut appender) = place.stage(|config| {
        config.first_sequence = end.next_sequence;
        config.epoch = end.epoch + 1;
    });
    let writer = place.writer(&stage, FileMapped::new(), |config| config.start = end.start);
    for _ in 0..100 {
        plain(&mut appender, 3);
    }
    appender.publish();
    writer.stop().unwrap();
    let (records, end) = place.read().unwrap();
    assert_eq!((records.len(), end.kind), (230, EndKind::Clean));
    for (sequence, record) in (1..).zip(&records) {
        assert_is_plain(record, sequence);
    }
    // Begun segments are never begun again.
    let (stage, _appender) = place.stage(|_| {});
    let config = WriterConfig::new(place.dir.clone(), Place::boot());
    let config = WriterConfig { segment_bytes: 64 << 10, start: Start::FRESH, ..config };
    let again = JournalWriter::spawn(stage, config, Box::new(FileMapped::new()));
    assert!(matches!(again.err(), Some(WriterError::Prepare(_))));
}

/// Takes its time, notes what is durable only at the end of it, and may fail.
struct SlowSink {
    buffer: Vec<Block>,
    durable: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    fail_at: u64,
}

impl SegmentSink for SlowSink {
    fn is_durable(&self) -> bool {
        true
    }

    fn buffer(&mut self) -> &mut [Block] {
        &mut self.buffer
    }

    fn open(&mut self, _path: &Path, _header: &Block) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _block: u64, count: usize) -> io::Result<()> {
        std::thread::sleep(Duration::from_millis(2));
        if self.writes.fetch_add(1, Ordering::Relaxed) + 1 == self.fail_at {
            return Err(io::Error::from_raw_os_error(5));
        }
        let cells = self.buffer[..count]
            .iter()
            .flat_map(|block| &block.cells[..usize::from(block.header.used_cells)]);
        let mut left = 0;
        for cell in cells {
            if left == 0 {
                left = cell.header().cells;
                self.durable.store(cell.header().sequence, Ordering::SeqCst);
            }
            left -= 1;
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn slow(fail_at: u64) -> (SlowSink, Arc<AtomicU64>, Arc<AtomicU64>) {
    let (durable, writes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let buffer = vec![Block::ZERO; 16];
    let sink =
        SlowSink { buffer, durable: Arc::clone(&durable), writes: Arc::clone(&writes), fail_at };
    (sink, durable, writes)
}

#[test]
fn the_gate_never_passes_what_is_not_durable() {
    let place = Place::in_memory("gate");
    let (stage, mut appender) = place.stage(|_| {});
    let (sink, durable, _) = slow(0);
    let writer = place.writer(&stage, sink, |_| {});
    let mut reader = place.view().read_from_start();
    let gate = Gate::new(Arc::clone(&stage));
    let mut seen = 0;
    while seen < 5000 {
        if appender.room() >= 256 {
            plain(&mut appender, 1);
            appender.publish();
        }
        assert!(gate.open_to() <= durable.load(Ordering::SeqCst));
        let polled = reader.poll(Limit::Gate, usize::MAX, |record| {
            seen += 1;
            assert_is_plain(record, seen);
            assert!(seen <= durable.load(Ordering::SeqCst));
        });
        polled.unwrap();
    }
    writer.stop().unwrap();
}

#[test]
fn a_failed_write_halts_for_good_and_is_not_tried_again() {
    let place = Place::in_memory("fail");
    let (stage, mut appender) = place.stage(|_| {});
    let (sink, durable, writes) = slow(3);
    let writer = place.writer(&stage, sink, |_| {});
    let view = place.view();
    let gate = Gate::of_view(view.clone());
    while view.halt_code().is_none() {
        if appender.room() >= 256 {
            plain(&mut appender, 1);
            appender.publish();
        }
    }
    assert_eq!(view.halt_code(), Some(HaltCode::WriteFailed));
    assert_eq!(appender.room(), 0);
    let last = durable.load(Ordering::SeqCst);
    assert_eq!(gate.open_to(), last);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!((gate.open_to(), writes.load(Ordering::Relaxed)), (last, 3));
    assert!(writer.has_ended());
    assert!(matches!(writer.stop(), Err(WriterError::Sink { step: "write", .. })));
}

#[test]
fn an_append_without_room_overwrites_nothing_and_halts() {
    let place = Place::in_memory("overflow");
    let (_stage, mut appender) = place.stage(|_| {});
    let mut count = 0;
    while !appender.is_halted() {
        plain(&mut appender, 3);
        appender.publish();
        count += 1;
    }
    // 1024 cells take 341 records of three; the next one met no room.
    assert_eq!((count, appender.room()), (342, 0));
    let view = place.view();
    assert_eq!(view.halt_code(), Some(HaltCode::StageOverflow));
    let mut reader = view.read_from_start();
    let mut seen = 0;
    reader
        .poll(Limit::Staged, 1000, |record| {
            seen += 1;
            assert_is_plain(record, seen);
        })
        .unwrap();
    assert_eq!(seen, 341);
}

#[test]
fn only_whole_groups_are_published_and_the_last_record_says_so() {
    let place = Place::in_memory("groups");
    let (stage, mut appender) = place.stage(|_| {});
    appender.end_group();
    let mut command = Command::from_cells(&[Cell([0; 8])]);
    *command.header_mut() = Header { source: 9, ..Header::new(2, 1, 4) };
    command.header_mut().sequence = 77;
    appender.begin(&command);
    appender.publish();
    assert_eq!(stage.staged(), (0, 0));
    appender.put(&Trade { header: Trade::header_for(4), ..Trade::default() });
    appender.put(&Done { header: Done::header_for(4), ..Done::default() });
    appender.publish();
    assert_eq!(stage.staged(), (0, 0));
    appender.end_group();
    appender.begin(&command);
    appender.publish();
    assert_eq!(stage.staged(), (4, 3));
    let mut reader = place.view().read_from_start();
    let mut headers = Vec::new();
    reader.poll(Limit::Staged, 9, |record| headers.push(*record[0].header())).unwrap();
    let seen: Vec<_> = headers
        .iter()
        .map(|header| (header.sequence, header.cells, header.source, header.market, header.flags))
        .collect();
    assert_eq!(seen, [(1, 1, 9, 4, 0), (2, 2, 9, 4, 0), (3, 1, 9, 4, LAST_OF_GROUP)]);
}

#[test]
fn a_reader_that_is_lapped_says_so_and_never_delivers_a_mixture() {
    let place = Place::in_memory("lapped");
    let (stage, mut appender) = place.stage(|config| config.gate = GateMode::Mem);
    let writer = place.writer(&stage, Discard::new(), |_| {});
    let view = place.view();
    let appending = std::thread::spawn(move || {
        let mut random = Random(9);
        while appender.next_sequence() < 2_000_000 {
            if appender.room() < 256 {
                std::thread::yield_now();
                continue;
            }
            plain(&mut appender, random.below(4) as u8 + 1);
            appender.publish();
        }
    });
    let mut reader = view.read_from_start();
    let (mut lapped, mut delivered) = (0_u64, 0_u64);
    while !appending.is_finished() {
        let due = reader.next_sequence();
        match reader.next_record(Limit::Gate) {
            Ok(Some(record)) => {
                assert_is_plain(record, due);
                delivered += 1;
            }
            Ok(None) => {}
            Err(ReadError::Lapped { sequence }) => {
                assert_eq!(sequence, due);
                lapped += 1;
                let newest = view.staged().1;
                if let Some(newer) = view.read_from(newest.saturating_sub(100).max(1)) {
                    reader = newer;
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    appending.join().unwrap();
    writer.stop().unwrap();
    assert!(delivered > 0, "{lapped} times lapped");
    assert!(view.read_from(1).is_none());
    let (_, staged) = view.staged();
    for sequence in [staged - 200, staged - 1, staged] {
        let mut reader = view.read_from(sequence).unwrap();
        assert_is_plain(reader.next_record(Limit::Staged).unwrap().unwrap(), sequence);
    }
    assert!(view.read_from(staged + 2).is_none());
}

#[test]
fn a_stage_that_does_not_fit_is_refused_with_its_reason() {
    let place = Place::in_memory("refused");
    let mut config = StageConfig::new(Place::boot(), 1);
    for bytes in [0, 4096, 100_000, 3 << 20] {
        config.bytes = bytes;
        let made = Stage::create(&place.stage, &config);
        assert!(matches!(made.err(), Some(StageError::Bytes { .. })));
    }
    let open = |boot_id| StageView::open(&place.stage, boot_id).err();
    assert!(matches!(open(Place::boot()), Some(StageError::Region(_))));
    let _stage = place.stage(|_| {});
    assert!(matches!(open(BootId([0, 1])), Some(StageError::OtherBoot)));
    patch(&place.stage, 5 * 8, &(1_u64 << 20).to_le_bytes());
    assert!(matches!(open(Place::boot()), Some(StageError::Size { .. })));
    patch(&place.stage, 8, &[9; 8]);
    assert!(matches!(open(Place::boot()), Some(StageError::Version { .. })));
    patch(&place.stage, 0, &[9; 8]);
    assert!(matches!(open(Place::boot()), Some(StageError::Magic { .. })));
    patch(&place.stage, 0, &[0; 8]);
    assert!(matches!(open(Place::boot()), Some(StageError::NotReady)));
}

#[test]
fn child() {
    let Ok(path) = std::env::var("LOG_CHILD") else { return };
    let mut config = StageConfig::new(Place::boot(), 3);
    config.bytes = 16 << 20;
    config.gate = GateMode::Mem;
    let (_stage, mut appender) = Stage::create(Path::new(&path), &config).unwrap();
    let mut random = Random(3);
    loop {
        if appender.room_cached() < 4096 && appender.room() < 4096 {
            std::thread::yield_now();
            continue;
        }
        for _ in 0..random.below(5) {
            plain(&mut appender, random.below(4) as u8 + 1);
        }
        appender.publish();
    }
}

#[test]
fn every_record_published_before_a_kill_is_in_the_stage_after_it() {
    let place = Place::in_memory("kill");
    let mut random = Random(11);
    for _ in 0..50 {
        let _ = std::fs::remove_file(&place.stage);
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact"])
            .env("LOG_CHILD", &place.stage)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let before = loop {
            if let Ok(view) = StageView::open(&place.stage, Place::boot())
                && view.staged().1 > 0
            {
                std::thread::sleep(Duration::from_micros(random.below(3000)));
                break view.staged().1;
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
        let view = place.view();
        let mut reader = view.read_from_start();
        let mut seen = 0;
        while let Some(record) = reader.next_record(Limit::Gate).unwrap() {
            seen += 1;
            assert_is_plain(record, seen);
        }
        // The index is the truth: a kill between the two stores leaves the sequence one step ahead.
        assert!(seen >= before.saturating_sub(5) && seen <= view.staged().1);
        assert!(view.staged().1 - seen <= 5);
    }
}

#[test]
fn format_md_says_what_the_code_does() {
    let text = include_str!("../FORMAT.md");
    let mut rows = text.lines().filter(|line| line.starts_with("| ")).map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        [cells.next().unwrap(), cells.next().unwrap(), cells.next().unwrap()]
    });
    for (table, fields) in TABLES {
        assert_eq!(rows.next().unwrap(), [table, "offset", "bytes"]);
        for (name, offset, bytes) in *fields {
            let expected = [name.to_string(), offset.to_string(), bytes.to_string()];
            assert_eq!(rows.next().unwrap(), expected.each_ref().map(String::as_str));
        }
    }
    assert_eq!(rows.next(), None);
}
