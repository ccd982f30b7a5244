//! The ring of blocks that the kernel fills and this process reads (`TPACKET_V3`,
//! `Documentation/networking/packet_mmap.rst`).
//!
//! Each block belongs to one side at a time; a word in its head says to which. While it is ours it is a plain
//! byte slice, and everything in it is read by bounded, safe code.

use std::ffi::c_void;
use std::io;
use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::socket::PacketSocket;

const STATUS_AT: usize =
    offset_of!(libc::tpacket_block_desc, hdr) + offset_of!(libc::tpacket_hdr_v1, block_status);

/// The mapped ring.
#[derive(Debug)]
pub(super) struct Ring {
    start: NonNull<u8>,
    block_bytes: usize,
    blocks: usize,
}

// SAFETY: the mapping belongs to this value alone and is not tied to the thread that made it.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps the ring that was laid out on `socket` with these sizes. A block's size is a multiple of the
    /// page size, so every block starts aligned for its head.
    pub(super) fn map(socket: &PacketSocket, block_bytes: usize, blocks: usize) -> io::Result<Self> {
        let length = block_bytes.checked_mul(blocks).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at a place that the kernel chooses touches no memory in use.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.descriptor(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, block_bytes, blocks })
    }

    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// The bytes of a block, if it is ours to read.
    pub(super) fn block(&mut self, index: usize) -> Option<&mut [u8]> {
        let start = self.block_start(index)?;
        if self.status(index)?.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: the block lies within the mapping. The kernel gave it to us (its status says so, and the
        // load that saw it orders all reads after the kernel's writes) and does not touch it until
        // `release`, which needs this borrow to be over.
        Some(unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), self.block_bytes) })
    }

    /// Gives a block back to the kernel.
    pub(super) fn release(&mut self, index: usize) {
        if let Some(status) = self.status(index) {
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
    }

    fn status(&self, index: usize) -> Option<&AtomicU32> {
        let start = self.block_start(index)?;
        // SAFETY: the status word lies in the block's head, aligned (blocks start on pages, its offset is a
        // multiple of four); it is shared with the kernel, which an atomic allows.
        Some(unsafe { AtomicU32::from_ptr(start.add(STATUS_AT).cast().as_ptr()) })
    }

    fn block_start(&self, index: usize) -> Option<NonNull<u8>> {
        if index >= self.blocks {
            return None;
        }
        // SAFETY: `index` is below the number of blocks, so the place lies within the mapping.
        Some(unsafe { self.start.add(index * self.block_bytes) })
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `map` made, and no borrow of it outlives this value.
        unsafe { libc::munmap(self.start.as_ptr().cast::<c_void>(), self.block_bytes * self.blocks) };
    }
}
