//! Takes all system calls from the calling thread: the next one kills the process.
//!
//! For a thread on a core of its own with [`wire::ring::WaitStrategy::Spin`]. The filter is per
//! thread; the only call it allows is `exit_group`, so the process can still be ended from here.
#![expect(unsafe_code, reason = "prctl has no safe wrapper in our dependencies")]

use std::io;

const ALLOW: u32 = 0x7fff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const LOAD_WORD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
/// Place of the system call's number in `struct seccomp_data`.
const NUMBER: u32 = 0;

const fn statement(code: u16, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt: 0, jf: 0, k }
}

/// Installs the filter for the calling thread.
///
/// # Errors
/// What the kernel says; nothing is installed then.
pub fn forbid_system_calls() -> io::Result<()> {
    let exit = libc::SYS_exit_group as u32;
    let mut filter = [
        statement(LOAD_WORD, NUMBER),
        libc::sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf: 1, k: exit },
        statement(RETURN, ALLOW),
        statement(RETURN, KILL_PROCESS),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: this option takes four integers and touches no memory of ours.
    let refused = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0;
    if refused {
        return Err(io::Error::last_os_error());
    }
    let program = &raw const program;
    // SAFETY: `program` and the filter it points to live until the call returns, and its length is
    // the array's; the kernel copies both.
    let refused =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, program, 0, 0) } != 0;
    if refused { Err(io::Error::last_os_error()) } else { Ok(()) }
}
