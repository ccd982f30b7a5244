//! Protocols of buildings and machines: heating, ventilation, medical gas, sterilisers, laboratory automation.

pub mod bacnet;
pub mod modbus;
pub mod s7;
