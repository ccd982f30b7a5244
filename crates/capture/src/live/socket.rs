//! The packet socket: every system call of live capture but the ring's memory.
//!
//! Nothing here sends: there is no call that could.

use std::ffi::{CString, c_int, c_void};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::filter::Program;

/// An interface as the kernel knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    pub(super) index: c_int,
    pub(super) arphrd: u16,
    pub(super) is_up: bool,
    pub(super) is_loopback: bool,
}

/// What woke a waiting reader.
#[derive(Debug)]
pub(super) enum Wake {
    /// Frames may be there.
    Ready,
    /// Time is over, or a signal came.
    Idle,
    /// The kernel reports an error on the socket.
    Failed(io::Error),
}

/// A packet socket that receives nothing until it is bound.
#[derive(Debug)]
pub(super) struct PacketSocket {
    descriptor: OwnedFd,
}

impl PacketSocket {
    pub(super) fn open() -> io::Result<Self> {
        // Protocol 0: no frame arrives before `bind` names one.
        // SAFETY: `socket` takes no pointers.
        let descriptor = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just gave us this descriptor, and nobody else has it.
        Ok(Self { descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) } })
    }

    pub(super) fn descriptor(&self) -> c_int {
        self.descriptor.as_raw_fd()
    }

    /// Looks an interface up in the network namespace of the socket; `None` when there is none.
    pub(super) fn interface(&self, name: &str) -> io::Result<Option<Interface>> {
        let Ok(c_name) = CString::new(name) else { return Ok(None) };
        if name.is_empty() || c_name.as_bytes_with_nul().len() > libc::IFNAMSIZ {
            return Ok(None);
        }
        // SAFETY: an `ifreq` of zeroes is valid: it holds integers and a union of integers and pointers.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(c_name.as_bytes_with_nul()) {
            *to = from.cast_signed();
        }
        match self.ask_interface(libc::SIOCGIFINDEX, &mut request) {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return Ok(None),
            result => result?,
        }
        // SAFETY: SIOCGIFINDEX filled in this member.
        let index = unsafe { request.ifr_ifru.ifru_ifindex };
        self.ask_interface(libc::SIOCGIFHWADDR, &mut request)?;
        // SAFETY: SIOCGIFHWADDR filled in this member.
        let arphrd = unsafe { request.ifr_ifru.ifru_hwaddr.sa_family };
        self.ask_interface(libc::SIOCGIFFLAGS, &mut request)?;
        // SAFETY: SIOCGIFFLAGS filled in this member.
        let flags = c_int::from(unsafe { request.ifr_ifru.ifru_flags });
        Ok(Some(Interface {
            index,
            arphrd,
            is_up: flags & libc::IFF_UP != 0,
            is_loopback: flags & libc::IFF_LOOPBACK != 0,
        }))
    }

    fn ask_interface(&self, question: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
        // SAFETY: these questions read and write one `ifreq`, which the reference keeps alive and unshared.
        let answer = unsafe { libc::ioctl(self.descriptor(), question, std::ptr::from_mut(request)) };
        check(answer)
    }

    /// Starts receiving all protocols from an interface.
    pub(super) fn bind(&self, interface: Interface) -> io::Result<()> {
        // SAFETY: a `sockaddr_ll` of zeroes is valid: it holds only integers.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = interface.index;
        // SAFETY: the address lives through the call and its length is told.
        let answer = unsafe {
            libc::bind(
                self.descriptor(),
                std::ptr::from_ref(&address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        check(answer)
    }

    /// Lays out a ring of the third version: `blocks` blocks of `block_bytes`, each handed over when full
    /// or after `block_timeout_ms`. `reserve_bytes` stay free in front of each frame.
    pub(super) fn set_up_ring(
        &self,
        block_bytes: u32,
        blocks: u32,
        block_timeout_ms: u32,
        reserve_bytes: c_int,
    ) -> io::Result<()> {
        const FRAME_BYTES: u32 = 2_048;
        let version = libc::tpacket_versions::TPACKET_V3 as c_int;
        self.set(libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        self.set(libc::SOL_PACKET, libc::PACKET_RESERVE, &reserve_bytes)?;
        let request = libc::tpacket_req3 {
            tp_block_size: block_bytes,
            tp_block_nr: blocks,
            // Frames are packed by their length; the kernel only checks that this divides the block.
            tp_frame_size: FRAME_BYTES,
            tp_frame_nr: block_bytes / FRAME_BYTES * blocks,
            tp_retire_blk_tov: block_timeout_ms,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        self.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request)
    }

    /// Lets the interface receive frames for others too, as long as the socket is open.
    pub(super) fn set_promiscuous(&self, interface: Interface) -> io::Result<()> {
        let request = libc::packet_mreq {
            mr_ifindex: interface.index,
            mr_type: libc::PACKET_MR_PROMISC as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
    }

    /// Joins a group whose members share the frames by flow; `None` makes a new group. Answers its number.
    pub(super) fn join_fan_out(&self, group: Option<u16>) -> io::Result<u16> {
        let mut kind = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG;
        if group.is_none() {
            kind |= libc::PACKET_FANOUT_FLAG_UNIQUEID;
        }
        let request = u32::from(group.unwrap_or(0)) | kind << 16;
        self.set(libc::SOL_PACKET, libc::PACKET_FANOUT, &request)?;
        let answer: u32 = self.get(libc::SOL_PACKET, libc::PACKET_FANOUT)?;
        Ok((answer & 0xffff) as u16)
    }

    /// Lets the kernel run a filter on each frame before it comes here.
    pub(super) fn attach_filter(&self, program: &Program) -> io::Result<()> {
        let mut instructions: Vec<libc::sock_filter> = program
            .instructions()
            .iter()
            .map(|instruction| libc::sock_filter {
                code: instruction.code,
                jt: instruction.jump_true,
                jf: instruction.jump_false,
                k: instruction.operand,
            })
            .collect();
        let program = libc::sock_fprog {
            len: u16::try_from(instructions.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
            filter: instructions.as_mut_ptr(),
        };
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    pub(super) fn detach_filter(&self) -> io::Result<()> {
        self.set(libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &0)
    }

    /// Frames received (dropped ones among them), dropped, and times the ring was full, since the last call.
    pub(super) fn take_statistics(&self) -> io::Result<[u32; 3]> {
        let statistics: libc::tpacket_stats_v3 = self.get(libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
        Ok([statistics.tp_packets, statistics.tp_drops, statistics.tp_freeze_q_cnt])
    }

    /// Waits for frames.
    pub(super) fn wait(&self, timeout: Duration) -> io::Result<Wake> {
        let mut poll = libc::pollfd { fd: self.descriptor(), events: libc::POLLIN, revents: 0 };
        // Round up: a wait of less than a millisecond must not become a busy loop.
        let timeout_ms = c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX);
        // SAFETY: one `pollfd` is passed, as the count says, and it lives through the call.
        let answer = unsafe { libc::poll(&raw mut poll, 1, timeout_ms) };
        if answer < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(Wake::Idle) } else { Err(error) };
        }
        if poll.revents & (libc::POLLERR | libc::POLLNVAL | libc::POLLHUP) != 0 {
            let number: c_int = self.get(libc::SOL_SOCKET, libc::SO_ERROR)?;
            if number != 0 {
                return Ok(Wake::Failed(io::Error::from_raw_os_error(number)));
            }
        }
        Ok(if answer == 0 { Wake::Idle } else { Wake::Ready })
    }

    fn set<T>(&self, level: c_int, option: c_int, value: &T) -> io::Result<()> {
        // SAFETY: the value lives through the call and its length is told; all callers pass the type that
        // the option takes.
        let answer = unsafe {
            libc::setsockopt(
                self.descriptor(),
                level,
                option,
                std::ptr::from_ref(value).cast::<c_void>(),
                size_of::<T>() as libc::socklen_t,
            )
        };
        check(answer)
    }

    fn get<T: PlainAnswer>(&self, level: c_int, option: c_int) -> io::Result<T> {
        let mut value = T::ZERO;
        let mut length = size_of::<T>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes into `value`, whose type any bytes are valid for.
        let answer = unsafe {
            libc::getsockopt(
                self.descriptor(),
                level,
                option,
                std::ptr::from_mut(&mut value).cast::<c_void>(),
                &raw mut length,
            )
        };
        check(answer).map(|()| value)
    }
}

/// Types of integers only, which any bytes are valid for.
trait PlainAnswer {
    const ZERO: Self;
}

impl PlainAnswer for u32 {
    const ZERO: Self = 0;
}

impl PlainAnswer for c_int {
    const ZERO: Self = 0;
}

impl PlainAnswer for libc::tpacket_stats_v3 {
    const ZERO: Self = Self { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
}

fn check(answer: c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
