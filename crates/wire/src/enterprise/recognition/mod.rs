//! Protocols that are told by their first bytes, each by what its standard fixes there. Some of them are read
//! elsewhere (`building`, [`super::kerberos`], [`super::ldap`], [`super::radius`]); of the others only the name is told.
//!
//! Over TCP: Kerberos (RFC 4120 section 7.2.2), LDAP (RFC 4511 section 4.1.1), Modbus (Modbus Messaging on
//! TCP/IP section 3.1.3), S7 over ISO-on-TCP (RFC 1006), RTSP (RFC 7826 section 4), syslog (RFC 6587),
//! HTTP/2 in clear (RFC 9113 section 3.4).
//!
//! Over UDP: Kerberos, RADIUS (RFC 2865 section 3), syslog (RFC 5424, RFC 3164), TFTP (RFC 1350 section 5),
//! BACnet/IP (ASHRAE 135 annex J), CoAP (RFC 7252 section 3), STUN (RFC 8489 section 5), QUIC (RFC 9000
//! section 17.2), DHCPv6 (RFC 8415 section 8).
//!
//! Ignored: everything behind the first message.

mod datagrams;
mod streams;

pub use datagrams::{
    probe_bacnet, probe_coap, probe_dhcpv6, probe_kerberos, probe_quic, probe_radius, probe_stun,
    probe_syslog, probe_tftp,
};
pub use streams::{
    probe_http2, probe_kerberos_stream, probe_ldap, probe_modbus, probe_rtsp, probe_s7, probe_syslog_stream,
};
