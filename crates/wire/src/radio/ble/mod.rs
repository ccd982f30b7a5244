//! Bluetooth Low Energy: link layer, advertising data, L2CAP, ATT and SMP. Bluetooth Core Specification 5.4: volume 6 part
//! B (link layer), volume 3 parts A (L2CAP), C and Core Specification Supplement part A (advertising data), F (ATT), G
//! (GATT), H (SMP). Values of the health profiles: the service specifications of the Bluetooth SIG, and IEEE 11073-20601
//! for SFLOAT and FLOAT.
//!
//! Recognised by the link type of the capture: 251, 256, 272 ([`capture`]), or a Bluetooth controller's own log (see
//! [`crate::radio::hci`]). Frames whose checksum is wrong are noise and are not read.
//!
//! Ignored: extended advertising beyond its first address, periodic advertising, isochronous channels; L2CAP connections
//! other than the fixed channels of ATT and SMP; profiles other than those of health, device information and user data.

pub mod advertisement;
pub mod att;
pub mod capture;
pub mod gatt;
pub mod link;
pub mod smp;
pub mod value;
