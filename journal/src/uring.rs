//! The sink for a machine with cores to spare: `O_DIRECT` writes through io_uring, durable when
//! they return.
//!
//! One write at a time, from a buffer that is registered once, with `RWF_DSYNC`: no page cache, no
//! second system call for the sync, no metadata, since the file is already full of zeros.

#![expect(unsafe_code, reason = "io_uring takes addresses; this is the only module with them")]

use crate::format::{BLOCK_BYTES, Block};
use crate::writer::{BATCH_BLOCKS, SegmentSink};
use io_uring::{IoUring, opcode, types};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes segments with `O_DIRECT` and `RWF_DSYNC`.
pub struct UringDirect {
    ring: IoUring,
    file: Option<File>,
    /// Registered with `ring`; never moved, since a box is not, and never freed while a write may
    /// be reading it: see `Drop`.
    buffer: Box<[Block]>,
    in_flight: bool,
}

impl UringDirect {
    /// A sink without a file yet.
    ///
    /// # Errors
    /// If the kernel offers no io_uring or will not register the buffer (RLIMIT_MEMLOCK).
    pub fn new() -> io::Result<Self> {
        let ring = IoUring::new(4)?;
        let mut buffer = vec![Block::ZERO; BATCH_BLOCKS].into_boxed_slice();
        let part = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len() * BLOCK_BYTES,
        };
        // SAFETY: the address and length are those of `buffer`, which lives as long as `ring`: both
        // are fields of one value, and `Drop` leaks the buffer if a write may be under way.
        unsafe { ring.submitter().register_buffers(&[part]) }?;
        Ok(Self { ring, file: None, buffer, in_flight: false })
    }

    fn submit(&mut self, block: u64, count: usize) -> io::Result<()> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let bytes = count.min(self.buffer.len()) * BLOCK_BYTES;
        let length = u32::try_from(bytes).map_err(io::Error::other)?;
        let entry = opcode::WriteFixed::new(
            types::Fd(file.as_raw_fd()),
            self.buffer.as_ptr().cast(),
            length,
            0,
        )
        .offset(block * BLOCK_BYTES as u64)
        .rw_flags(libc::RWF_DSYNC)
        .build();
        self.in_flight = true;
        // SAFETY: the entry names the open file of `self` and the registered buffer, of which it
        // covers no more than there is. Neither is touched before the completion below: `self` is
        // borrowed until then, and keeps `in_flight` set if there is none.
        unsafe { self.ring.submission().push(&entry) }.map_err(io::Error::other)?;
        let result = loop {
            match self.ring.submit_and_wait(1) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if let Some(completion) = self.ring.completion().next() {
                break completion.result();
            }
        };
        self.in_flight = false;
        match u32::try_from(result) {
            Ok(written) if written == length => Ok(()),
            Ok(_) => Err(io::Error::from(io::ErrorKind::WriteZero)),
            Err(_) => Err(io::Error::from_raw_os_error(-result)),
        }
    }
}

impl SegmentSink for UringDirect {
    fn is_durable(&self) -> bool {
        true
    }

    fn buffer(&mut self) -> &mut [Block] {
        &mut self.buffer
    }

    fn open(&mut self, path: &Path, header: &Block) -> io::Result<()> {
        let file = OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path)?;
        self.file = Some(file);
        if let Some(first) = self.buffer.first_mut() {
            *first = *header;
        }
        self.submit(0, 1)
    }

    fn write(&mut self, block: u64, count: usize) -> io::Result<()> {
        self.submit(block, count)
    }

    fn close(&mut self) -> io::Result<()> {
        self.file = None;
        Ok(())
    }
}

impl Drop for UringDirect {
    fn drop(&mut self) {
        if self.in_flight {
            // A write whose end we never saw may still read the buffer.
            Box::leak(core::mem::take(&mut self.buffer));
        }
    }
}
