//! Protocols of the enterprise network: names, addresses, time, web, files, management, voice.

pub mod banner;
pub mod dhcp;
pub mod dns;
pub mod ftp;
pub mod http;
pub mod kerberos;
pub mod ldap;
pub mod mqtt;
pub mod ntlm;
pub mod ntp;
pub mod radius;
pub mod recognition;
pub mod rtp;
pub mod sip;
pub mod smb;
pub mod snmp;
pub mod ssdp;
pub mod telnet;
pub mod tls;
pub mod vnc;
pub mod ws_discovery;
