//! Protocols of buildings and plants: ventilation, doors, power, pharmacy robots, laundry.

pub mod bacnet;
pub mod ethernet_ip;
pub mod modbus;
pub mod opc_ua;
pub mod s7;
