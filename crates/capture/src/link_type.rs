//! LINKTYPE numbers (<https://www.tcpdump.org/linktypes.html>) and the kernel's interface types.

/// BSD loopback: address family in the byte order of the capturing machine.
pub const NULL: u16 = 0;
/// IEEE 802.3 Ethernet.
pub const ETHERNET: u16 = 1;
/// PPP, RFC 1661, with or without HDLC-like framing.
pub const PPP: u16 = 9;
/// Raw IP as written by some BSD systems: their internal number left in the file.
pub const RAW_BSD: u16 = 12;
/// Raw IP as written by OpenBSD: its internal number left in the file.
pub const RAW_OPENBSD: u16 = 14;
/// Raw IPv4 or IPv6, told apart by the version nibble.
pub const RAW: u16 = 101;
/// IEEE 802.11 without radio information.
pub const IEEE802_11: u16 = 105;
/// OpenBSD loopback: address family in network byte order.
pub const LOOP: u16 = 108;
/// Linux "cooked" capture, version 1.
pub const LINUX_SLL: u16 = 113;
/// IEEE 802.11 behind a radiotap header.
pub const IEEE802_11_RADIOTAP: u16 = 127;
/// Bluetooth between host and controller: UART transport (H4).
pub const BLUETOOTH_HCI_H4: u16 = 187;
/// Per-Packet Information around another link type.
pub const PPI: u16 = 192;
/// IEEE 802.15.4 with frame check sequence.
pub const IEEE802_15_4: u16 = 195;
/// Bluetooth between host and controller, with a direction in front.
pub const BLUETOOTH_HCI_H4_WITH_PHDR: u16 = 201;
/// Raw IPv4.
pub const IPV4: u16 = 228;
/// Raw IPv6.
pub const IPV6: u16 = 229;
/// IEEE 802.15.4 without frame check sequence.
pub const IEEE802_15_4_NOFCS: u16 = 230;
/// Bluetooth Low Energy link layer.
pub const BLUETOOTH_LE_LL: u16 = 251;
/// Bluetooth Low Energy link layer behind a pseudo-header with radio information.
pub const BLUETOOTH_LE_LL_WITH_PHDR: u16 = 256;
/// nRF Sniffer for Bluetooth LE.
pub const NORDIC_BLE: u16 = 272;
/// Linux "cooked" capture, version 2.
pub const LINUX_SLL2: u16 = 276;

/// The registry's name of a link type for messages, or `None` for one that is not listed here.
#[must_use]
pub const fn name(link_type: u16) -> Option<&'static str> {
    Some(match link_type {
        NULL => "BSD loopback",
        ETHERNET => "Ethernet",
        PPP => "PPP",
        RAW | RAW_BSD | RAW_OPENBSD => "raw IP",
        IEEE802_11 => "802.11",
        LOOP => "OpenBSD loopback",
        LINUX_SLL => "Linux cooked v1",
        IEEE802_11_RADIOTAP => "802.11 with radiotap",
        BLUETOOTH_HCI_H4 => "Bluetooth HCI",
        PPI => "per-packet information",
        IEEE802_15_4 => "802.15.4",
        BLUETOOTH_HCI_H4_WITH_PHDR => "Bluetooth HCI with direction",
        IPV4 => "raw IPv4",
        IPV6 => "raw IPv6",
        IEEE802_15_4_NOFCS => "802.15.4 without FCS",
        BLUETOOTH_LE_LL => "Bluetooth LE link layer",
        BLUETOOTH_LE_LL_WITH_PHDR => "Bluetooth LE link layer with pseudo-header",
        NORDIC_BLE => "nRF Sniffer for Bluetooth LE",
        LINUX_SLL2 => "Linux cooked v2",
        _ => return None,
    })
}

/// The link type of frames that a packet socket (`SOCK_RAW`) delivers from an interface of the kernel type
/// `arphrd` (`ARPHRD_*` of `<linux/if_arp.h>`), or `None` where the kernel hands out something for which no
/// LINKTYPE is defined.
#[must_use]
pub const fn from_interface_type(arphrd: u16) -> Option<u16> {
    Some(match arphrd {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => ETHERNET,
        libc::ARPHRD_IEEE80211 => IEEE802_11,
        libc::ARPHRD_IEEE80211_RADIOTAP => IEEE802_11_RADIOTAP,
        libc::ARPHRD_IEEE802154 => IEEE802_15_4_NOFCS,
        // Tunnel and point-to-point devices deliver the IP packet itself.
        libc::ARPHRD_NONE | libc::ARPHRD_RAWHDLC | ARPHRD_RAWIP | libc::ARPHRD_SIT => RAW,
        _ => return None,
    })
}

/// `ARPHRD_RAWIP` of `<linux/if_arp.h>`, which libc does not define.
const ARPHRD_RAWIP: u16 = 519;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_types_map_to_what_a_packet_socket_delivers() {
        assert_eq!(from_interface_type(libc::ARPHRD_ETHER), Some(ETHERNET));
        assert_eq!(from_interface_type(libc::ARPHRD_LOOPBACK), Some(ETHERNET));
        assert_eq!(from_interface_type(libc::ARPHRD_NONE), Some(RAW));
        assert_eq!(from_interface_type(libc::ARPHRD_INFINIBAND), None);
    }

    #[test]
    fn unlisted_link_types_have_no_name() {
        assert_eq!(name(ETHERNET), Some("Ethernet"));
        assert_eq!(name(65_000), None);
    }
}
