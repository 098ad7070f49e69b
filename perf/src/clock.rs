//! Processor time of this thread, wall time, and what disturbs a run.

use rustix::time::{ClockId, clock_gettime};

fn nanos(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Processor time of this thread in nanoseconds.
#[must_use]
pub fn thread_ns() -> u64 {
    nanos(ClockId::ThreadCPUTime)
}

/// Wall time in nanoseconds, from some start.
#[must_use]
pub fn wall_ns() -> u64 {
    nanos(ClockId::Monotonic)
}

/// The number behind `key` in a file of `/proc`; 0 if it is not there.
fn proc_number(path: &str, key: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Resident memory of the process in KiB.
#[must_use]
pub fn resident_kib() -> u64 {
    proc_number("/proc/self/status", "VmRSS:")
}

/// How often this thread lost its processor to another one.
#[must_use]
pub fn switches() -> u64 {
    proc_number("/proc/thread-self/status", "nonvoluntary_ctxt_switches:")
}

/// Nanoseconds of one step of a fixed chain of dependent arithmetic: shows changes of frequency and
/// time that the host took.
#[must_use]
pub fn calibrate() -> f64 {
    const STEPS: u32 = 20_000_000;
    let mut rng = crate::workload::Rng(1);
    let start = thread_ns();
    let mut sum = 0u64;
    for _ in 0..STEPS {
        sum = sum.wrapping_add(rng.word());
        rng.0 ^= sum;
    }
    std::hint::black_box(sum);
    (thread_ns() - start) as f64 / f64::from(STEPS)
}

/// Binds this thread to one processor; `false` if that is refused.
#[must_use]
pub fn pin(core: usize) -> bool {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    rustix::thread::sched_setaffinity(None, &set).is_ok()
}

/// Name of the processor and kernel, and the load of the machine now.
#[must_use]
pub fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names: Vec<&str> = cpus
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map(|(_, name)| name)
        .collect();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{} x {}, Linux {}, load {}",
        names.len(),
        names.first().unwrap_or(&"?"),
        kernel.trim(),
        load.join(" ")
    )
}
