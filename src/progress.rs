//! How far a long command is, on stderr: a bar on a terminal, a line every tenth elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const WIDTH: u64 = 40;
/// Shorter work shows nothing on a terminal.
const QUIET: Duration = Duration::from_millis(150);
const REDRAW: Duration = Duration::from_millis(50);

/// The progress of one piece of work.
pub struct Progress {
    what: &'static str,
    total: u64,
    is_terminal: bool,
    began: Instant,
    drawn: Option<Instant>,
    tenth: u64,
}

impl Progress {
    /// Work of `total` steps.
    pub fn new(what: &'static str, total: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self {
            what,
            total: total.max(1),
            is_terminal,
            began: Instant::now(),
            drawn: None,
            tenth: 0,
        }
    }

    /// `done` steps are done. Cheap, but not free: call it once in a thousand steps.
    pub fn at(&mut self, done: u64) {
        let done = done.min(self.total);
        if self.is_terminal {
            self.draw(done);
        } else if done * 10 / self.total > self.tenth {
            self.tenth = done * 10 / self.total;
            eprintln!("{} {} %", self.what, self.tenth * 10);
        }
    }

    /// All is done, or will not be. Takes the bar away.
    pub fn end(self) {
        if self.drawn.is_some() {
            eprint!("\r\x1b[K");
        }
    }

    fn draw(&mut self, done: u64) {
        let is_due = match self.drawn {
            None => self.began.elapsed() > QUIET,
            Some(last) => last.elapsed() > REDRAW,
        };
        if !is_due {
            return;
        }
        self.drawn = Some(Instant::now());
        let filled = done * WIDTH / self.total;
        let bar: String = (0..WIDTH).map(|place| if place < filled { '█' } else { '░' }).collect();
        eprint!("\r{} {bar} {:3} %", self.what, done * 100 / self.total);
        let _ = std::io::stderr().flush();
    }
}
