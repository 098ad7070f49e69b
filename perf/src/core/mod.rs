//! Times the whole state machine on one thread: checks, funds, fees, book, and a log in memory of
//! every command and event. No rings, no durable log, no other thread: what matching itself takes.

pub mod flow;
pub mod log;

use crate::clock;
use crate::generate::{SEED, Shape, generate};
use crate::workload::Workload;
use flow::Flow;
use log::Log;
use matcher::cycle::{HINT_FAR, HINT_NEAR};
use matcher::engine::Engine;
use wire::command::Command;
use wire::record::Cell;

/// Commands in a batch, as the matcher's thread takes them from a ring.
const BATCH: usize = 64;
/// 128 MiB, as the journal's stage has by default.
const LOG_CELLS: usize = (128 << 20) / 64;

/// How runs are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which flows.
    pub shapes: Vec<Shape>,
    /// Timed commands of each.
    pub commands: usize,
    /// Runs of each; the flows take turns.
    pub rounds: usize,
    /// Seed of the flows.
    pub seed: u64,
    /// Processor to run on; `None` to stay free.
    pub core: Option<usize>,
    /// Hint commands ahead.
    pub look_ahead: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shapes: vec![Shape::Ec1k, Shape::Deep100k, Shape::Multi1000, Shape::Sweep],
            commands: 1_000_000,
            rounds: 5,
            seed: SEED,
            core: None,
            look_ahead: true,
        }
    }
}

/// One flow's result.
#[derive(Clone, Debug)]
pub struct FlowReport {
    /// Its name.
    pub name: String,
    /// Timed commands.
    pub commands: usize,
    /// Processor time of one command in nanoseconds, of every run, sorted.
    pub cpu_ns: Vec<f64>,
    /// Wall time likewise.
    pub wall_ns: Vec<f64>,
    /// Trades a command.
    pub trades_each: f64,
    /// Share of commands that were refused.
    pub refused_share: f64,
    /// Log records a command, itself included.
    pub records_each: f64,
    /// Hash of the state at the end; the same in every run.
    pub state_hash: u64,
}

/// All results, and where they come from.
#[derive(Clone, Debug)]
pub struct Report {
    /// Processor, kernel, load.
    pub machine: String,
    /// See [`clock::calibrate`].
    pub calibration: f64,
    /// A flow each.
    pub flows: Vec<FlowReport>,
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

impl FlowReport {
    /// Million commands a second of processor time: median of the runs.
    #[must_use]
    pub fn mega_per_second(&self) -> f64 {
        1e3 / median(&self.cpu_ns)
    }

    fn to_json(&self) -> String {
        let ends = |v: &[f64]| (v.first().copied(), v.last().copied());
        let (Some(best), Some(worst)) = ends(&self.cpu_ns) else { return "{}".into() };
        format!(
            "{{\"name\":\"{}\",\"commands\":{},\"mega_per_s\":{:.2},\"cpu_ns_median\":{:.1},\
             \"cpu_ns_best\":{best:.1},\"cpu_ns_worst\":{worst:.1},\"wall_ns_median\":{:.1},\
             \"runs\":{},\"trades_each\":{:.3},\"refused_share\":{:.4},\"records_each\":{:.2},\
             \"state_hash\":\"{:016x}\"}}",
            self.name,
            self.commands,
            self.mega_per_second(),
            median(&self.cpu_ns),
            median(&self.wall_ns),
            self.cpu_ns.len(),
            self.trades_each,
            self.refused_share,
            self.records_each,
            self.state_hash,
        )
    }
}

impl Report {
    /// One JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        let flows: Vec<String> = self.flows.iter().map(FlowReport::to_json).collect();
        format!(
            "{{\"what\":\"core\",\"machine\":\"{}\",\"calib\":{:.3},\"flows\":[\n  {}\n]}}",
            self.machine,
            self.calibration,
            flows.join(",\n  "),
        )
    }
}

/// Makes the flows and runs them in turns.
#[must_use]
pub fn run(options: &Options) -> Report {
    if let Some(core) = options.core {
        let _ = clock::pin(core);
    }
    let flows: Vec<(Shape, Flow)> = options
        .shapes
        .iter()
        .map(|shape| (*shape, flow::make(&generate(*shape, options.commands, options.seed))))
        .collect();
    run_flows(&flows, options)
}

/// As [`run`], for workloads from elsewhere.
#[must_use]
pub fn run_workload(workload: &Workload, options: &Options) -> Report {
    run_flows(&[(Shape::Ec1k, flow::make(workload))], options)
}

fn run_flows(flows: &[(Shape, Flow)], options: &Options) -> Report {
    let machine = clock::machine();
    let calibration = clock::calibrate();
    let mut log = Log::new(LOG_CELLS);
    let mut reports: Vec<FlowReport> = Vec::new();
    for _ in 0..options.rounds.max(1) {
        for (index, (shape, flow)) in flows.iter().enumerate() {
            let once = time_flow(flow, &mut log, options.look_ahead);
            match reports.get_mut(index) {
                Some(report) => {
                    assert_eq!(report.state_hash, once.state_hash, "a run went another way");
                    report.cpu_ns.extend(once.cpu_ns);
                    report.wall_ns.extend(once.wall_ns);
                }
                None => reports.push(FlowReport { name: shape.name(), ..once }),
            }
        }
    }
    for report in &mut reports {
        report.cpu_ns.sort_by(f64::total_cmp);
        report.wall_ns.sort_by(f64::total_cmp);
    }
    Report { machine, calibration, flows: reports }
}

fn time_flow(flow: &Flow, log: &mut Log, look_ahead: bool) -> FlowReport {
    let mut engine = Engine::new(&flow.capacity);
    for command in &flow.before {
        engine.apply(command, log);
    }
    let records = log.records();
    let before = (clock::wall_ns(), clock::thread_ns());
    if look_ahead {
        pass::<true>(&mut engine, &flow.timed, log);
    } else {
        pass::<false>(&mut engine, &flow.timed, log);
    }
    let after = (clock::wall_ns(), clock::thread_ns());
    let commands = flow.timed.len();
    let each = |count: u64| count as f64 / commands as f64;
    FlowReport {
        name: String::new(),
        commands,
        cpu_ns: vec![each(after.1 - before.1)],
        wall_ns: vec![each(after.0 - before.0)],
        trades_each: each(flow.trades),
        refused_share: each(flow.refused),
        records_each: each(log.records() - records),
        state_hash: engine.state_hash(),
    }
}

/// The matcher's cycle without rings: a batch is copied out, then applied with two hints ahead. Its
/// own function, so that a profiler can be told to count only here.
#[inline(never)]
fn pass<const LOOK_AHEAD: bool>(engine: &mut Engine, timed: &[Cell], log: &mut Log) {
    let mut batch = Box::new([Command::ZERO; BATCH]);
    for cells in timed.chunks(BATCH) {
        for (command, cell) in batch.iter_mut().zip(cells) {
            *command = Command::from_cells(core::slice::from_ref(cell));
        }
        let filled = &batch[..cells.len()];
        if LOOK_AHEAD {
            for command in filled.iter().take(HINT_FAR) {
                engine.hint(command, true);
            }
            for command in filled.iter().take(HINT_NEAR) {
                engine.hint(command, false);
            }
        }
        for (index, command) in filled.iter().enumerate() {
            if LOOK_AHEAD {
                if let Some(command) = filled.get(index + HINT_FAR) {
                    engine.hint(command, true);
                }
                if let Some(command) = filled.get(index + HINT_NEAR) {
                    engine.hint(command, false);
                }
            }
            if engine.tick_due(command.time_ns()) {
                std::hint::black_box(());
            }
            log.begin(command);
            engine.apply(command, log);
            log.end_group();
        }
    }
}
