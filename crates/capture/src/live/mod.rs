//! Live capture from a network interface through AF_PACKET rings. It only listens.

mod block;
mod error;
#[expect(unsafe_code, reason = "memory shared with the kernel")]
mod ring;
#[expect(unsafe_code, reason = "system calls that the standard library does not offer")]
mod socket;

use std::io;
use std::time::Duration;

pub use error::LiveError;

use self::block::VLAN_TAG_BYTES;
use self::ring::Ring;
use self::socket::{Interface, PacketSocket, Wake};
use crate::filter::{Filter, Program};
use crate::frame::Frame;
use crate::limits::{
    BLOCK_TIMEOUT_MS_MAX, RING_BLOCK_BYTES, RING_BYTES_DEFAULT, RING_BYTES_MAX, RING_BYTES_MIN, RINGS_MAX,
};
use crate::link_type;

/// What to capture and how.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// Name of the interface.
    pub interface: String,
    /// Rings to share the frames between, one for each reading thread, 1 to 64. All frames of a flow, in
    /// both directions, come to the same ring; IPv4 fragments are put together for that when there are
    /// several rings.
    pub rings: usize,
    /// Kernel memory of each ring in bytes, 1 MiB to 1 GiB, rounded down to whole blocks of 256 KiB. Frames
    /// that find the ring full are dropped and counted.
    pub ring_bytes: usize,
    /// Longest time that the kernel keeps frames in a block that is not full, in milliseconds, 1 to 10,000.
    pub block_timeout_ms: usize,
    /// Receive frames for others too, as a mirror port brings.
    pub promiscuous: bool,
    /// Frames to let through; run by the kernel.
    pub filter: Option<Filter>,
}

impl LiveSettings {
    /// One promiscuous ring of 64 MiB without a filter.
    #[must_use]
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            rings: 1,
            ring_bytes: RING_BYTES_DEFAULT,
            block_timeout_ms: 10,
            promiscuous: true,
            filter: None,
        }
    }

    fn check(&self) -> Result<(), LiveError> {
        let ranges = [
            ("rings", self.rings, 1, RINGS_MAX),
            ("ring_bytes", self.ring_bytes, RING_BYTES_MIN, RING_BYTES_MAX),
            ("block_timeout_ms", self.block_timeout_ms, 1, BLOCK_TIMEOUT_MS_MAX),
        ];
        for (setting, value, minimum, maximum) in ranges {
            if !(minimum..=maximum).contains(&value) {
                return Err(LiveError::Setting { setting, value, minimum, maximum });
            }
        }
        Ok(())
    }
}

/// What the kernel counted since a ring was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveCounters {
    /// Frames that passed the filter, dropped ones among them.
    pub received: u64,
    /// Frames dropped because the ring was full.
    pub dropped: u64,
    /// How often the ring was full.
    pub freezes: u64,
}

/// One ring of frames from an interface. Rings may be read in threads of their own.
///
/// # Guarantees
/// Never sends. Holds the memory that the settings said and no more; a frame is read where the kernel put it.
#[derive(Debug)]
pub struct LiveRing {
    interface: String,
    /// Its place among the rings that were opened together.
    index: u32,
    link_type: u16,
    skip_outgoing: bool,
    socket: PacketSocket,
    ring: Ring,
    block: usize,
    /// Frames left in the block being read and the place of the next one's head; `None` between blocks.
    reading: Option<(u32, usize)>,
    frames: u64,
    counters: LiveCounters,
}

impl LiveRing {
    /// Opens the rings that `settings` ask for, with fan-out between them when there are several.
    ///
    /// # Errors
    /// When the interface, the permission, the memory or the filter does not allow it.
    pub fn open(settings: &LiveSettings) -> Result<Vec<Self>, LiveError> {
        settings.check()?;
        let mut rings = Vec::with_capacity(settings.rings);
        let mut program = None;
        let mut group = None;
        for index in 0..settings.rings {
            let (ring, interface) = Self::prepare(settings, small(index))?;
            let failed = |step| move |cause| system(&settings.interface, step, cause);
            if index == 0 {
                program = match &settings.filter {
                    Some(filter) => Some(filter.compile_live(ring.link_type)?),
                    None => None,
                };
                if settings.promiscuous {
                    ring.socket.set_promiscuous(interface).map_err(failed("promiscuous mode"))?;
                }
            }
            // Until all rings share the frames, none takes any: else one would see the frames of all.
            ring.socket.attach_filter(&Program::nothing()).map_err(failed("attaching the filter"))?;
            ring.socket.bind(interface).map_err(failed("binding to the interface"))?;
            if settings.rings > 1 {
                group = Some(ring.socket.join_fan_out(group).map_err(failed("joining the fan-out group"))?);
            }
            rings.push(ring);
        }
        for ring in &rings {
            match &program {
                Some(program) => ring.socket.attach_filter(program),
                None => ring.socket.detach_filter(),
            }
            .map_err(|cause| system(&settings.interface, "attaching the filter", cause))?;
        }
        Ok(rings)
    }

    /// A ring that is not bound yet.
    fn prepare(settings: &LiveSettings, index: u32) -> Result<(Self, Interface), LiveError> {
        let name = &settings.interface;
        let socket = PacketSocket::open().map_err(|cause| match cause.kind() {
            io::ErrorKind::PermissionDenied => LiveError::Permission { interface: name.clone() },
            _ => system(name, "opening a packet socket", cause),
        })?;
        let interface = socket
            .interface(name)
            .map_err(|cause| system(name, "looking up the interface", cause))?
            .ok_or_else(|| LiveError::NoSuchInterface { interface: name.clone() })?;
        let link_type = link_type::from_interface_type(interface.arphrd).ok_or_else(|| {
            LiveError::UnsupportedInterface { interface: name.clone(), arphrd: interface.arphrd }
        })?;
        if !interface.is_up {
            return Err(LiveError::InterfaceDown { interface: name.clone() });
        }
        let blocks = settings.ring_bytes / RING_BLOCK_BYTES;
        let ring_failed = |cause: io::Error| match cause.raw_os_error() {
            Some(libc::ENOMEM) => {
                LiveError::RingMemory { interface: name.clone(), ring_bytes: settings.ring_bytes }
            }
            _ => system(name, "setting up the ring", cause),
        };
        socket
            .set_up_ring(
                small(RING_BLOCK_BYTES),
                small(blocks),
                small(settings.block_timeout_ms),
                VLAN_TAG_BYTES as i32,
            )
            .map_err(ring_failed)?;
        let ring = Ring::map(&socket, RING_BLOCK_BYTES, blocks).map_err(ring_failed)?;
        let ring = Self {
            interface: name.clone(),
            index,
            link_type,
            // On loopback every frame comes by twice, out and in.
            skip_outgoing: interface.is_loopback,
            socket,
            ring,
            block: 0,
            reading: None,
            frames: 0,
            counters: LiveCounters::default(),
        };
        Ok((ring, interface))
    }

    /// LINKTYPE of the interface's frames.
    #[must_use]
    pub fn link_type(&self) -> u16 {
        self.link_type
    }

    /// The next frame, waiting up to `timeout` for one; `None` when none came, so that a reading thread can
    /// look whether to stop. [`Frame::file`] is the ring's place among those opened together.
    ///
    /// # Errors
    /// [`LiveError::InterfaceDown`] once when the interface goes down; reading may go on after that and finds
    /// frames again when it is up. An interface that was removed needs a new ring. Otherwise what the kernel
    /// reports.
    pub fn next_frame(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, LiveError> {
        let Some(entry) = self.advance(timeout)? else { return Ok(None) };
        self.frames += 1;
        let block = self.ring.block(self.block).unwrap_or_default();
        Ok(Some(Frame {
            file: self.index,
            number: self.frames,
            time_ns: entry.time_ns,
            link_type: self.link_type,
            captured: block.get(entry.start..entry.start + entry.length).unwrap_or_default(),
            original_length: entry.original_length,
        }))
    }

    /// What the kernel counted for this ring since it was opened.
    ///
    /// # Errors
    /// When the kernel refuses the question.
    pub fn counters(&mut self) -> Result<LiveCounters, LiveError> {
        let [received, dropped, freezes] = self
            .socket
            .take_statistics()
            .map_err(|cause| system(&self.interface, "reading the counters", cause))?;
        self.counters.received += u64::from(received);
        self.counters.dropped += u64::from(dropped);
        self.counters.freezes += u64::from(freezes);
        Ok(self.counters)
    }

    fn advance(&mut self, timeout: Duration) -> Result<Option<block::Entry>, LiveError> {
        let mut may_wait = true;
        loop {
            if let Some(entry) = self.next_in_block() {
                return Ok(Some(entry));
            }
            if self.reading.take().is_some() {
                self.ring.release(self.block);
                self.block = (self.block + 1) % self.ring.blocks();
            }
            self.reading = self.ring.block(self.block).and_then(|bytes| block::head(bytes));
            if self.reading.is_some() {
                continue;
            }
            if !std::mem::take(&mut may_wait) {
                return Ok(None);
            }
            match self.socket.wait(timeout) {
                Ok(Wake::Ready) => {}
                Ok(Wake::Idle) => return Ok(None),
                Ok(Wake::Failed(cause)) | Err(cause) => return Err(self.failure(cause)),
            }
        }
    }

    /// The next frame of the block being read that is not to be skipped.
    fn next_in_block(&mut self) -> Option<block::Entry> {
        let (mut left, mut at) = self.reading?;
        let restore_tag = self.link_type == link_type::ETHERNET;
        let mut found = None;
        if let Some(bytes) = self.ring.block(self.block) {
            while left > 0 && found.is_none() {
                left -= 1;
                let Some(entry) = block::entry(bytes, at, restore_tag) else {
                    left = 0;
                    break;
                };
                at = entry.next;
                if at == 0 {
                    left = 0;
                }
                if !(self.skip_outgoing && entry.packet_type == libc::PACKET_OUTGOING) {
                    found = Some(entry);
                }
            }
        }
        self.reading = Some((left, at));
        found
    }

    fn failure(&self, cause: io::Error) -> LiveError {
        match cause.raw_os_error() {
            Some(libc::ENETDOWN | libc::ENODEV | libc::ENXIO) => {
                LiveError::InterfaceDown { interface: self.interface.clone() }
            }
            _ => system(&self.interface, "waiting for frames", cause),
        }
    }
}

fn small(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn system(interface: &str, step: &'static str, cause: io::Error) -> LiveError {
    LiveError::System { interface: interface.to_owned(), step, cause }
}
