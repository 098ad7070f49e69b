//! The thread that keeps the shared clock.
#![expect(clippy::disallowed_types, reason = "the clock is shared by its thread and the matcher's")]

use crate::cycle::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often the clock moves.
const STEP: Duration = Duration::from_micros(100);

/// A running clock. Stops when dropped.
pub struct ClockThread {
    clock: Arc<Clock>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock, off the hot path"
)]
fn read() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl ClockThread {
    /// Starts the thread; the clock is set when this returns.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn spawn() -> std::io::Result<Self> {
        let clock = Arc::new(Clock::default());
        clock.set(read());
        let stop = Arc::new(AtomicBool::new(false));
        let (kept, stopped) = (Arc::clone(&clock), Arc::clone(&stop));
        let keep = move || {
            while !stopped.load(Ordering::Relaxed) {
                // The matcher takes the largest, so a step back is a pause.
                kept.set(read());
                std::thread::sleep(STEP);
            }
        };
        let thread = std::thread::Builder::new().name("ex-clock".into()).spawn(keep)?;
        Ok(Self { clock, stop, thread: Some(thread) })
    }

    /// The clock it keeps.
    #[must_use]
    pub fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.clock)
    }
}

impl Drop for ClockThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A clock thread that panicked has nothing to add to a shutdown.
            let _ = thread.join();
        }
    }
}
