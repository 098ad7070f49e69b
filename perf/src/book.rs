//! Times the bare books on a workload.

use crate::clock;
use crate::driver::Driver;
use crate::generate::{SEED, Shape, generate};
use crate::workload::{Record, Trades, Workload, digest};
use std::time::Instant;

/// Commands between the three hints and their command.
const AHEAD: [usize; 3] = [32, 20, 10];

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Hint commands ahead, as a matcher with a backlog can.
    pub look_ahead: bool,
    /// Time every single command too.
    pub latency: bool,
}

/// What came out of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What ran.
    pub engine: &'static str,
    /// Timed commands.
    pub commands: usize,
    /// Wall time of one.
    pub wall_ns: f64,
    /// Processor time of one.
    pub cpu_ns: f64,
    /// Trades while timed.
    pub trades: usize,
    /// Digest of all trades; `None` if they did not fit.
    pub digest: Option<u64>,
    /// Memory the books took, in KiB.
    pub resident_kib: u64,
    /// How often another thread took the processor.
    pub switches: u64,
    /// Nanoseconds of a fixed arithmetic step: see [`clock::calibrate`].
    pub calibration: f64,
    /// Nanoseconds of single commands, sorted; empty unless asked for.
    pub latencies: Vec<u32>,
}

impl Report {
    /// One line of JSON; `file` is what ran through it.
    #[must_use]
    pub fn to_json(&self, file: &str) -> String {
        let quantiles = [("p50", 500), ("p90", 900), ("p99", 990), ("p999", 999), ("max", 1000)];
        let mut tail = String::new();
        for (name, permille) in quantiles {
            let place =
                (self.latencies.len() * permille / 1000).min(self.latencies.len().max(1) - 1);
            if let Some(nanos) = self.latencies.get(place) {
                tail += &format!(",\"{name}\":{nanos}");
            }
        }
        format!(
            "{{\"engine\":\"{}\",\"file\":\"{file}\",\"n\":{},\"wall_ns_op\":{:.2},\
             \"cpu_ns_op\":{:.2},\"mops_cpu\":{:.3},\"trades\":{},\"digest\":\"{:016x}\",\
             \"rss_mb\":{:.1},\"nivcsw\":{},\"calib\":{:.3}{tail}}}",
            self.engine,
            self.commands,
            self.wall_ns,
            self.cpu_ns,
            1e3 / self.cpu_ns,
            self.trades,
            self.digest.unwrap_or(0),
            self.resident_kib as f64 / 1024.0,
            self.switches,
            self.calibration,
        )
    }
}

/// Live orders of a scaling run.
pub const SCALES: [u32; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The same mix around ever more live orders: does a command cost the same? Reports of every size,
/// each with its name; the sizes take turns. Needs some 4 GiB for the largest.
#[must_use]
pub fn scaling(commands: usize, rounds: usize, options: Options) -> Vec<(String, Vec<Report>)> {
    let shapes = SCALES.map(Shape::Scale);
    run_shapes(&shapes, commands, rounds, options)
}

/// Makes the workloads of `shapes` and runs them in turns.
#[must_use]
pub fn run_shapes(
    shapes: &[Shape],
    commands: usize,
    rounds: usize,
    options: Options,
) -> Vec<(String, Vec<Report>)> {
    let made: Vec<(String, Workload)> =
        shapes.iter().map(|shape| (shape.name(), generate(*shape, commands, SEED))).collect();
    let mut all: Vec<(String, Vec<Report>)> =
        made.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
    for _ in 0..rounds.max(1) {
        for ((_, workload), (_, reports)) in made.iter().zip(&mut all) {
            reports.push(run(workload, options));
        }
    }
    all
}

/// Runs a workload through fresh books.
#[must_use]
pub fn run(workload: &Workload, options: Options) -> Report {
    let (prefill, timed, drain) = workload.parts();
    let mut out = Trades::with_capacity(workload.records.len() * 2 + 4_000_000);
    let calibration = clock::calibrate();
    let resident = clock::resident_kib();
    let mut driver = Driver::new(workload);
    for record in prefill {
        driver.apply(record, &mut out);
    }
    let mut latencies = if options.latency { vec![1u32; timed.len()] } else { Vec::new() };
    let before = (clock::switches(), clock::wall_ns(), clock::thread_ns());
    if options.latency {
        let mut last = Instant::now();
        for (record, latency) in timed.iter().zip(&mut latencies) {
            driver.apply(record, &mut out);
            let now = Instant::now();
            *latency = (now - last).as_nanos().min(u128::from(u32::MAX)) as u32;
            last = now;
        }
    } else if options.look_ahead {
        pass_ahead(&mut driver, timed, &mut out);
    } else {
        pass(&mut driver, timed, &mut out);
    }
    let after = (clock::switches(), clock::wall_ns(), clock::thread_ns());
    let (trades, resident_after) = (out.count(), clock::resident_kib());
    for record in drain {
        driver.apply(record, &mut out);
    }
    latencies.sort_unstable();
    let commands = timed.len();
    Report {
        engine: if options.look_ahead { "opex-book-ahead" } else { "opex-book" },
        commands,
        wall_ns: (after.1 - before.1) as f64 / commands as f64,
        cpu_ns: (after.2 - before.2) as f64 / commands as f64,
        trades,
        digest: out.all().map(digest),
        resident_kib: resident_after.saturating_sub(resident),
        switches: after.0 - before.0,
        calibration,
        latencies,
    }
}

/// Its own function, so that a profiler can be told to count only here.
#[inline(never)]
fn pass_ahead(driver: &mut Driver, timed: &[Record], out: &mut Trades) {
    let [far, ..] = AHEAD;
    let together = timed.len().saturating_sub(far);
    for (index, record) in timed.iter().enumerate() {
        if index < together {
            driver.hint(AHEAD.map(|distance| &timed[index + distance]));
        }
        driver.apply(record, out);
    }
}

#[inline(never)]
fn pass(driver: &mut Driver, timed: &[Record], out: &mut Trades) {
    for record in timed {
        driver.apply(record, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::Oracle;

    const SHAPES: [Shape; 5] =
        [Shape::Ec1k, Shape::Deep100k, Shape::Multi1000, Shape::Sweep, Shape::Scale(300)];

    fn oracle_digest(workload: &Workload) -> u64 {
        let mut oracle = Oracle::new(workload.header.symbols, 0);
        let mut out = Trades::with_capacity(4_000_000);
        for record in &workload.records {
            oracle.apply(record, &mut out);
        }
        digest(out.all().unwrap())
    }

    #[test]
    fn the_books_trade_as_the_oracle_does_on_every_shape_and_seed() {
        for (seed, shape) in SHAPES.into_iter().enumerate() {
            let workload = generate(shape, 20_000, seed as u64);
            let wanted = Some(oracle_digest(&workload));
            for look_ahead in [false, true] {
                let options = Options { look_ahead, latency: false };
                assert_eq!(run(&workload, options).digest, wanted, "{shape:?} {look_ahead}");
            }
        }
    }

    /// The files are a format: other engines are measured on the same bytes.
    #[test]
    fn a_seed_makes_the_same_workload_for_ever() {
        let digests = SHAPES.map(|shape| oracle_digest(&generate(shape, 10_000, SEED)));
        assert_eq!(digests.map(|digest| format!("{digest:016x}")), GOLDEN);
    }

    const GOLDEN: [&str; 5] = [
        "57933801f38efaaa",
        "b23a01a5777749e5",
        "810b78e4bd3467be",
        "1331df16459ed362",
        "fda567a22c66a739",
    ];
}
