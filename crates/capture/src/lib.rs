//! Where frames come from: capture files and AF_PACKET.
//!
//! ```no_run
//! let mut capture = wardline_capture::MergedCapture::open(["ward.pcap", "imaging.pcapng.zst"]);
//! while let Some(frame) = capture.next_frame() {
//!     let _ = (frame.time_ns, frame.link_type, frame.captured);
//! }
//! for error in capture.take_errors() {
//!     let _ = error.to_string(); // names the file, the offset, the fault and the remedy
//! }
//! ```

#![deny(unsafe_code)]

mod error;
mod file;
mod filter;
mod frame;
pub mod limits;
pub mod link_type;
mod live;

pub use error::{CaptureError, CaptureFault, Compression, Item, Malformation, Quantity};
pub use file::{CaptureFile, MergedCapture, PcapWriter, Progress};
pub use filter::{Filter, FilterError, FilterFault, Instruction, Program};
pub use frame::Frame;
pub use live::{LiveCounters, LiveError, LiveRing, LiveSettings};
