//! Protocols of radio captures: what sniffers and Bluetooth controllers hand over.

pub mod ble;
pub mod hci;
pub mod ieee802154;
