//! Waiting for work: what a consumer of many rings does when none has any.

use super::{Consumer, part, word};
use crate::region::{Ordering, fence};
use core::time::Duration;

#[cfg(not(loom))]
pub(super) use os::wake;

/// What a consumer does when no ring has work. Chosen at start-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitStrategy {
    /// Spins, always. For a core of its own. Makes no system call, ever.
    Spin,
    /// Spins, then yields, then sleeps until a producer wakes it or the time is over. For shared
    /// cores. Rings have to be created with [`super::RingConfig::wakes`].
    SpinYieldPark {
        /// Idle rounds to spin.
        spins: u32,
        /// Idle rounds to yield after that.
        yields: u32,
        /// Longest sleep.
        park: Duration,
    },
}

/// Counts idle rounds and waits as the strategy says.
#[derive(Clone, Debug)]
pub struct Waiter {
    strategy: WaitStrategy,
    idle_rounds: u32,
}

impl Waiter {
    /// A waiter that has not waited yet.
    #[must_use]
    pub fn new(strategy: WaitStrategy) -> Self {
        Self { strategy, idle_rounds: 0 }
    }

    /// To be called after a round with work.
    #[inline]
    pub fn reset(&mut self) {
        self.idle_rounds = 0;
    }

    /// To be called after a round in which none of `rings` had work.
    #[inline]
    pub fn idle<'a>(&mut self, rings: impl Iterator<Item = &'a Consumer> + Clone) {
        match self.strategy {
            WaitStrategy::Spin => core::hint::spin_loop(),
            WaitStrategy::SpinYieldPark { spins, yields, park } => {
                self.idle_rounds = self.idle_rounds.saturating_add(1);
                if self.idle_rounds <= spins {
                    core::hint::spin_loop();
                } else if self.idle_rounds - spins <= yields {
                    std::thread::yield_now();
                } else {
                    Self::park(rings, park);
                }
            }
        }
    }

    /// Sleeps until a producer rings, or `time` is over. One sleep covers all rings.
    #[cold]
    fn park<'a>(rings: impl Iterator<Item = &'a Consumer> + Clone, time: Duration) {
        let lines = rings.clone().map(|ring| ring.control.line(part::PARK));
        #[cfg(not(loom))]
        let bells = os::Bells::new(lines.clone().map(|park| park.word(word::BELL)));
        for park in lines.clone() {
            park.word(word::PARKED).store(1, Ordering::Relaxed);
        }
        // Pairs with the fence in `Producer::wake`.
        fence(Ordering::SeqCst);
        if rings.clone().all(|ring| ring.waiting_cells() == 0) {
            #[cfg(not(loom))]
            bells.wait(time);
            #[cfg(loom)]
            let _ = time;
        }
        for park in lines {
            park.word(word::PARKED).store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(not(loom))]
mod os {
    //! Sleeping on shared words: `futex_waitv`, Linux 5.16.

    use crate::region::{AtomicU64, Ordering};
    use core::time::Duration;

    /// Most words the kernel waits for at once; rings past it are met when the time is over.
    const BELLS_MAX: usize = 128;
    /// A 32-bit futex that is shared between processes.
    const FUTEX_SIZE_U32: u32 = 2;

    /// The kernel's `struct futex_waitv`.
    #[derive(Clone, Copy, Default)]
    #[repr(C)]
    struct FutexWait {
        value: u64,
        address: u64,
        flags: u32,
        reserved: u32,
    }

    /// Words to sleep on, with the values they had before anybody was told that we sleep.
    pub struct Bells<'a> {
        waits: [FutexWait; BELLS_MAX],
        count: usize,
        _words: core::marker::PhantomData<&'a AtomicU64>,
    }

    impl<'a> Bells<'a> {
        pub fn new(words: impl Iterator<Item = &'a AtomicU64>) -> Self {
            let mut waits = [FutexWait::default(); BELLS_MAX];
            let mut count = 0;
            for (wait, word) in waits.iter_mut().zip(words) {
                // Little endian: the low half of a word stands at the word's address.
                let value = word.load(Ordering::SeqCst) & u64::from(u32::MAX);
                let address = word.as_ptr().expose_provenance() as u64;
                *wait = FutexWait { value, address, flags: FUTEX_SIZE_U32, reserved: 0 };
                count += 1;
            }
            Self { waits, count, _words: core::marker::PhantomData }
        }

        /// Sleeps until a word changes from its value and is woken, or `time` is over.
        pub fn wait(&self, time: Duration) {
            let deadline = deadline(time);
            // SAFETY: `waits` and `deadline` live through the call, `count` entries are filled in,
            // and the words they name are borrowed for as long as `self`. The kernel reads only.
            let code = unsafe {
                libc::syscall(
                    libc::SYS_futex_waitv,
                    self.waits.as_ptr(),
                    self.count,
                    0,
                    &raw const deadline,
                    libc::CLOCK_MONOTONIC,
                )
            };
            let unknown = matches!(
                std::io::Error::last_os_error().raw_os_error(),
                Some(libc::ENOSYS | libc::EINVAL | libc::EPERM)
            );
            if code < 0 && unknown {
                // An old kernel, or no ring at all: sleep without being woken, and briefly.
                std::thread::sleep(time.min(Duration::from_micros(100)));
            }
        }
    }

    /// The monotonic clock's time when `time` will be over.
    fn deadline(time: Duration) -> libc::timespec {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `now` is a valid place for the answer. On failure it stays zero: no sleep.
        let _ = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
        let nanos = now.tv_nsec + i64::from(time.subsec_nanos());
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::from(i32::MAX));
        let tv_sec = now.tv_sec.saturating_add(seconds) + nanos / 1_000_000_000;
        libc::timespec { tv_sec, tv_nsec: nanos % 1_000_000_000 }
    }

    /// Wakes whoever sleeps on `word`.
    pub fn wake(word: &AtomicU64) {
        // SAFETY: the address is of a live word; waking reads and writes no memory of ours. Nobody
        // sleeping is no error.
        let _ = unsafe {
            libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX, 0, 0, 0)
        };
    }
}
