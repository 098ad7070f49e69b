//! Keeping pages in memory, so that no access after boot faults.
#![expect(unsafe_code, reason = "two system calls without a safe wrapper in our dependencies")]

use std::io;

/// Locks every page the process has now: present ones stay, missing ones are brought in.
///
/// # Errors
/// What the kernel says: `ENOMEM` or `EPERM` when the limit on locked memory is too small (raise
/// `RLIMIT_MEMLOCK` or grant `CAP_IPC_LOCK`).
pub fn lock_all() -> io::Result<()> {
    // SAFETY: `mlockall` takes a flag word and touches no memory of ours.
    let failed = unsafe { libc::mlockall(libc::MCL_CURRENT) } != 0;
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Page faults of the calling thread so far: (minor, major).
///
/// # Errors
/// What the kernel says.
pub fn thread_faults() -> io::Result<(i64, i64)> {
    let mut usage = core::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a whole, writable `rusage`.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) } != 0;
    if failed {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed is a valid `rusage`, and the call above has filled it.
    let usage = unsafe { usage.assume_init() };
    Ok((usage.ru_minflt, usage.ru_majflt))
}
