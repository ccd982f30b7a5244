//! Protocols of the enterprise network: names, addresses, time, web, files, management, voice.

pub mod ntp;
