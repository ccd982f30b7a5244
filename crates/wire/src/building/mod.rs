//! Protocols of buildings and plants: ventilation, doors, power, pharmacy robots, laundry.

pub mod bacnet;
pub mod modbus;
pub mod s7;
