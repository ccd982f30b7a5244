//! Messages, limits and live programs; verdicts are compared with tcpdump's in `tests/tcpdump.rs`.

use proptest::prelude::*;

use super::*;
use crate::link_type::{self, ETHERNET, RAW};

/// An Ethernet frame with IPv4 and TCP between the given ports, behind the given VLAN tags.
fn tcp_frame(tags: &[u16], source: u16, destination: u16) -> Vec<u8> {
    let mut frame = vec![0; 12];
    for tag in tags {
        frame.extend([0x81, 0x00]);
        frame.extend(tag.to_be_bytes());
    }
    frame.extend([0x08, 0x00, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    frame.extend(source.to_be_bytes());
    frame.extend(destination.to_be_bytes());
    frame.extend([0; 16]);
    frame
}

fn matches(filter: &str, frame: &[u8]) -> bool {
    let program = Filter::parse(filter).expect("a filter").compile(ETHERNET).expect("compiles");
    program.matches(frame, frame.len() as u32)
}

fn fault(filter: &str) -> (usize, String) {
    let error = Filter::parse(filter).expect_err("no filter");
    (error.column, error.fault.to_string())
}

#[test]
fn errors_point_at_the_column_and_say_what_to_write() {
    let cases = [
        ("host pacs.example.org", 6, "host names are not looked up"),
        ("tcp and net ward", 13, "net 192.0.2.0/24"),
        ("port hl8", 6, "write the port number"),
        ("port 80 and and tcp", 13, "\"and\" where a test is due"),
        ("(port 80", 9, "the end where ) is due"),
        ("port 80)", 8, "and, or, or the end"),
        ("port 99999", 6, "99999 is too large: the largest port is 65535"),
        ("vlan 5000", 1, "the largest VLAN number is 4095"),
        ("net 10.0.0.1/8", 5, "write 10.0.0.0/8"),
        ("net 2001:db8::1/64", 5, "write 2001:db8::/64"),
        ("192.0.2.1", 1, "192.0.2.1 needs a word before it"),
        ("tcp or 80", 8, "80 needs a word before it"),
        ("icmp port 80", 11, "\"icmp\" does not go with a port"),
        ("tcp[0] + udp[1:3] = 5", 10, "is 1, 2 or 4, not 3"),
        ("ip[0] / 0 = 1", 7, "division by zero"),
        ("gateway 192.0.2.1", 1, "not supported"),
        ("host 1.2.3.999", 6, "at most 255"),
        ("port 80 § 3", 9, "unexpected character"),
        ("ip proto nonsense", 10, "write its number"),
        ("host 2001:db8:::1", 10, "colon where"),
        ("\\", 1, "unexpected character"),
    ];
    for (filter, column, part) in cases {
        let (found_column, message) = fault(filter);
        assert!(message.contains(part), "{filter:?}: {message}");
        assert_eq!(found_column, column, "{filter:?}: {message}");
    }
}

#[test]
fn limits_hold() {
    let nested = format!("{}tcp{}", "(".repeat(200), ")".repeat(200));
    assert!(fault(&nested).1.contains("too large"));
    assert!(fault(&"not ".repeat(2_000)).1.contains("too large"));
    let many = vec!["tcp"; 1_001].join(" or ");
    assert!(fault(&many).1.contains("1000 terms"));
    let long = vec!["host 192.0.2.1"; 900].join(" or ");
    let long = Filter::parse(&long).expect("a filter for files");
    assert!(long.compile(ETHERNET).is_ok());
    let refused = long.compile_live(ETHERNET).expect_err("too long for the kernel").to_string();
    assert!(refused.contains("4096 instructions"), "{refused}");
    assert!(fault(&"x".repeat(70_000)).1.contains("65536"));
    let deep = format!("{}ip[0]{} = 1", "ip[0] - (".repeat(20), ")".repeat(20));
    assert!(fault(&deep).1.contains("16 intermediate"));
}

#[test]
fn far_jumps_go_over_stepping_stones() {
    let ports: Vec<String> = (0..100).map(|port| format!("dst port {}", port * 3)).collect();
    let filter = ports.join(" or ");
    let negated = format!("not ({filter})");
    let program = Filter::parse(&filter).expect("a filter").compile(ETHERNET).expect("compiles");
    assert!(program.instructions().len() > 1_000);
    for port in 0..310 {
        let frame = tcp_frame(&[], 9, port);
        assert_eq!(program.matches(&frame, 60), port % 3 == 0 && port < 300, "port {port}");
        assert_eq!(matches(&negated, &frame), !(port % 3 == 0 && port < 300), "port {port}");
    }
}

#[test]
fn a_filter_meets_several_link_types() {
    let mut filter = Filter::parse("tcp dst port 443").expect("a filter");
    let ethernet = tcp_frame(&[], 9, 443);
    let mut frame = Frame {
        file: 0,
        number: 1,
        time_ns: 0,
        link_type: ETHERNET,
        captured: &ethernet,
        original_length: 54,
    };
    assert_eq!(filter.matches(&frame), Ok(true));
    (frame.link_type, frame.captured) = (RAW, &ethernet[14..]);
    assert_eq!(filter.matches(&frame), Ok(true));
    frame.link_type = link_type::BLUETOOTH_LE_LL;
    assert_eq!(filter.matches(&frame).expect_err("no such filter").fault, FilterFault::LinkType(251));
    assert_eq!(Filter::parse(" ").expect("a filter").matches(&frame), Ok(true));
}

#[test]
fn the_outer_tag_counts_live_wherever_it_is() {
    let live = |text: &str| {
        Filter::parse(text).expect("a filter").compile_live(ETHERNET).expect("compiles").to_string()
    };
    let vlan = live("vlan 5 and vlan 6 and tcp");
    // 4294963244 is SKF_AD_VLAN_TAG, 4294963248 SKF_AD_VLAN_TAG_PRESENT: looked at first, then either the
    // inner tag is at 12 (its number at 14) or both are in the frame.
    assert!(vlan.starts_with("48 0 0 4294963248\n21 0 "), "{vlan}");
    assert!(vlan.contains("48 0 0 4294963244\n84 0 0 4095\n21 0 "), "{vlan}");
    assert!(vlan.contains("40 0 0 12\n") && vlan.contains("40 0 0 14\n") && vlan.contains("40 0 0 18\n"));
    let plain = Filter::parse("tcp port 80").expect("a filter");
    assert_eq!(plain.compile_live(ETHERNET), plain.compile(ETHERNET));
    assert!(live("inbound").contains("4294963204"), "the packet type beside the frame");
}

#[test]
fn tags_in_files_are_entered_one_by_one() {
    assert!(matches("vlan 5 and vlan 6 and tcp port 80", &tcp_frame(&[5, 6], 80, 9)));
    assert!(!matches("tcp port 80", &tcp_frame(&[5], 80, 9)));
    assert!(matches("vlan and tcp port 80", &tcp_frame(&[5], 80, 9)));
    assert!(!matches("vlan 6 and tcp port 80", &tcp_frame(&[5], 80, 9)));
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "[a-z0-9 .:/\\[\\]()&|!=<>+*%^\\\\-]{0,60}") {
        if let Ok(filter) = Filter::parse(&text) {
            let _ = filter.compile(RAW);
            let _ = filter.compile_live(ETHERNET);
        }
    }

    #[test]
    fn words_of_the_language_in_any_order_are_answered(
        words in proptest::collection::vec(prop::sample::select(vec![
            "and", "or", "not", "(", ")", "src", "dst", "host", "net", "port", "portrange", "proto", "ip", "ip6",
            "tcp", "udp", "ether", "vlan", "mpls", "pppoes", "len", "[", "]", ":", "=", "!=", "+", "-", "/", "%",
            "80", "10.1", "192.0.2.1", "2001:db8::1", "00:11:22:33:44:55", "mask", "tcpflags", "broadcast", "\\tcp",
        ]), 0..20),
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        length in any::<u32>(),
    ) {
        if let Ok(filter) = Filter::parse(&words.join(" ")) {
            for link in [ETHERNET, RAW, link_type::NULL, link_type::LINUX_SLL2] {
                if let Ok(program) = filter.compile(link) {
                    let instructions = program.instructions();
                                        prop_assert_eq!(instructions.last().map(|last| last.code & 7), Some(6));
                    for (at, instruction) in instructions.iter().enumerate() {
                        if instruction.code & 7 == 5 {
                            let farthest = if instruction.code & 0xf0 == 0 { instruction.operand as usize }
                                else { usize::from(instruction.jump_true.max(instruction.jump_false)) };
                            prop_assert!(at + 1 + farthest < instructions.len());
                        }
                    }
                    let _ = program.matches(&bytes, length);
                }
            }
        }
    }
}
