//! Scenes of addresses, connections, names and files.

use std::net::{IpAddr, Ipv4Addr};

use wardline_model::fact::{
    ArpFact, ArpOperation, Conversation, CredentialFact, CredentialKind, DhcpFact, DhcpMessage, DnsAnswer,
    DnsData, DnsFact, DnsQuestion, FlowRate, IcmpFact, IcmpKind, NeighborFact, NeighborKind, ReplicaFact,
    RtpFact, SmbFact, SmbFileOperation, StackTraits, TcpEvent,
};
use wardline_model::{
    Bounded, Category, Fact, Indicator, MacAddress, Pattern, Protocol, Station, TcpOutcome, TrafficLight,
    Transport,
};

use super::clinical::result;
use super::wire::{Scene, Wire, ip, label, mac, outside, pseudonym, scene, scene_over, station};

const UDP: Option<Transport> = Some(Transport::UDP);

pub(crate) fn scene_of(rule: &str) -> Option<Scene> {
    Some(match rule {
        "syn-flood" => scene(
            &[],
            |_| (),
            |wire| {
                for number in 0..270 {
                    let from = Station { port: 2_000 + number, ..station(66) };
                    wire.between(from, station(7), Fact::ConversationStarted(traits(64, LINUX)));
                    wire.wait(1);
                }
            },
        ),
        "connection-flood" => scene(
            &[(7, Category::InfusionPump)],
            |_| (),
            |wire| {
                for number in 0..500 {
                    let from = Station { port: 2_000 + number, ..station(66) };
                    wire.between(from, station(7), Fact::Tcp(TcpEvent::Opened));
                    wire.wait(1);
                }
            },
        ),
        "udp-flood" | "icmp-flood" => {
            let transport = if rule == "udp-flood" { UDP } else { Some(Transport::ICMP) };
            let rate = |wire: &mut Wire, packets: u32| {
                let fact = FlowRate {
                    interval_ms: 1_000,
                    packets_from: packets,
                    packets_to: 0,
                    bytes_from: u64::from(packets) * 100,
                    bytes_to: 0,
                };
                wire.tell(66, 7, Fact::Rate(fact));
                wire.wait(1_000);
            };
            scene_over(transport, &[], |_| (), move |wire| rate(wire, 5_000)).or(move |wire| rate(wire, 50))
        }
        "connections-held" => scene(
            &[(20, Category::Ehr)],
            |_| (),
            |wire| {
                for port in 0..150 {
                    let client = Station { port: 20_000 + port, ..station(66) };
                    wire.between(client, Station { port: 80, ..station(20) }, Fact::Tcp(TcpEvent::Opened));
                    wire.wait(300);
                }
            },
        ),
        "leases-used-up" => scene_over(
            UDP,
            &[],
            |_| (),
            |wire| {
                for number in 0..60 {
                    let client_mac = MacAddress([0x9a, 0x11, 3, 7, 9, number]);
                    let fact = DhcpFact { client_mac, ..dhcp(DhcpMessage::Discover) };
                    wire.tell(66, 255, Fact::Dhcp(Box::new(fact)));
                    wire.wait(60);
                }
            },
        ),
        "second-dhcp-server" => {
            let offer = |wire: &mut Wire, server: u8, router: u8, client: u8| {
                let address = |last| Ipv4Addr::new(10, 20, 3, last);
                let fact = DhcpFact {
                    client_mac: mac(100 + client),
                    your_ip: Some(address(100 + client)),
                    server: Some(address(server)),
                    routers: std::iter::once(address(router)).collect(),
                    ..dhcp(DhcpMessage::Offer)
                };
                wire.tell(server, 255, Fact::Dhcp(Box::new(fact)));
                wire.wait(60_000);
            };
            let usual = move |wire: &mut Wire| (1..=5).for_each(|client| offer(wire, 2, 1, client));
            scene_over(UDP, &[], usual, move |wire| offer(wire, 66, 66, 6))
                .or(move |wire| offer(wire, 66, 1, 6))
        }
        "arp-interception" => {
            let poison = |wire: &mut Wire, claimed: [u8; 2]| {
                for _ in 0..10 {
                    arp(wire, ArpOperation::Reply, (66, claimed[0]), (7, 7));
                    arp(wire, ArpOperation::Reply, (66, claimed[1]), (1, 1));
                    wire.wait(1_000);
                }
            };
            let usual = |wire: &mut Wire| {
                for (asker, owner) in [(7, 1), (1, 7), (66, 1), (1, 66)] {
                    arp(wire, ArpOperation::Request, (asker, asker), (0, owner));
                    wire.wait(1);
                    arp(wire, ArpOperation::Reply, (owner, owner), (asker, asker));
                    wire.wait(1_000);
                }
            };
            scene_over(None, &[], usual, move |wire| poison(wire, [1, 7]))
                .or(move |wire| poison(wire, [66, 66]))
        }
        "frames-in-circles" => scene_over(
            None,
            &[],
            |_| (),
            |wire| {
                for _ in 0..100 {
                    arp(wire, ArpOperation::Request, (7, 7), (0, 1));
                    wire.wait(5);
                }
            },
        ),
        "made-up-stations" => scene_over(
            None,
            &[],
            |wire| wire.tell(1, 2, Fact::StationSeen),
            |wire| {
                wire.wait(60_000);
                for number in 0..30 {
                    let mac = MacAddress([0x10, 0x11, 0x12, number, 7, number]);
                    let from = Station { mac: Some(mac), ..Station::default() };
                    wire.between(from, Station::default(), Fact::StationSeen);
                    wire.wait(5);
                }
            },
        ),
        "second-ipv6-router" => {
            let advertise = |wire: &mut Wire, from: u8| {
                neighbor(wire, from, from, NeighborKind::RouterAdvertisement);
                wire.wait(10_000);
            };
            scene_over(None, &[], move |wire| advertise(wire, 1), move |wire| advertise(wire, 66))
        }
        "neighbor-interception" => scene_over(
            None,
            &[],
            |wire| neighbor(wire, 7, 7, NeighborKind::NeighborAdvertisement),
            |wire| {
                for _ in 0..6 {
                    neighbor(wire, 66, 7, NeighborKind::NeighborAdvertisement);
                    wire.wait(2_000);
                }
            },
        ),
        "redirects" => scene_over(
            Some(Transport::ICMP),
            &[],
            |_| (),
            |wire| {
                for _ in 0..4 {
                    let gateway = Some(ip(66));
                    wire.tell(66, 7, Fact::Icmp(IcmpFact { kind: IcmpKind::Redirect, about: None, gateway }));
                    wire.wait(1_000);
                }
            },
        ),
        "answers-for-others" => scene_over(
            UDP,
            &[],
            |_| (),
            |wire| {
                for number in 0..5 {
                    let name = label(&format!("printer{number}"));
                    let answer =
                        DnsAnswer { name, record_type: 1, ttl_s: 30, data: DnsData::Address(ip(66)) };
                    let fact = DnsFact {
                        protocol: Protocol::Llmnr,
                        response: true,
                        opcode: 0,
                        response_code: 0,
                        questions: Bounded::default(),
                        answers: std::iter::once(answer).collect(),
                    };
                    wire.tell(66, 7, Fact::Dns(Box::new(fact)));
                    wire.wait(2_000);
                }
            },
        ),
        "name-tunnel" => scene_over(
            UDP,
            &[],
            |_| (),
            |wire| {
                for number in 0..60 {
                    wire.tell(7, 53, question(&format!("{}.t.example.net", random_text(number))));
                    wire.wait(200);
                }
            },
        ),
        "indicator" => {
            let mut scene =
                scene_over(UDP, &[], |_| (), |wire| wire.tell(7, 53, question("bad.example.net")))
                    .or(|wire| wire.tell(7, 53, question("good.example.org")));
            scene.indicators = vec![Indicator {
                id: label("indicator--1"),
                pattern: Pattern::Domain(label("bad.example.net")),
                name: label("an invented thing"),
                source: label("list"),
                confidence: 90,
                valid_until: None,
                sharing: TrafficLight::Clear,
            }];
            scene
        }
        "packets-in-circles" => {
            let copies = |wire: &mut Wire, copies: u32| {
                wire.tell(7, 20, Fact::Replica(ReplicaFact { copies, hops: 2, time_to_live: 50 }));
            };
            scene(&[], |_| (), move |wire| copies(wire, 4)).or(move |wire| copies(wire, 2))
        }
        "messages-in-circles" => scene(
            &[],
            |_| (),
            |wire| {
                for _ in 0..4 {
                    for (from, to) in [(20, 21), (21, 22), (22, 20)] {
                        wire.tell(from, to, Fact::Hl7(Box::new(result("a", "m", "147842", 72.0, None))));
                        wire.wait(50);
                    }
                }
            },
        ),
        "foreign-reset" => {
            let reset = |wire: &mut Wire, step: i16| {
                for _ in 0..4 {
                    wire.tell(7, 20, Fact::Tcp(TcpEvent::Reset(step)));
                    wire.wait(500);
                }
            };
            scene(&[], |_| (), move |wire| reset(wire, -9)).or(move |wire| reset(wire, 0))
        }
        "changed-machine" => {
            let usual = |wire: &mut Wire| {
                for _ in 0..10 {
                    wire.tell(7, 20, Fact::ConversationStarted(traits(64, LINUX)));
                    wire.wait(65_000);
                }
            };
            let turns = |wire: &mut Wire, other: StackTraits| {
                for _ in 0..6 {
                    for traits in [other, traits(64, LINUX)] {
                        wire.tell(7, 20, Fact::ConversationStarted(traits));
                        wire.wait(1_000);
                    }
                }
            };
            scene(&[(7, Category::InfusionPump)], usual, move |wire| turns(wire, traits(128, OTHER)))
                .or(move |wire| turns(wire, traits(128, LINUX)))
        }
        "service-stopped" => {
            let usual = |wire: &mut Wire| {
                for _ in 0..5 {
                    for client in 1..=3 {
                        wire.tell(client, 20, Fact::ConversationStarted(traits(64, LINUX)));
                        wire.tell(20, client, Fact::Tcp(TcpEvent::Answered(traits(64, LINUX))));
                        wire.wait(7_000);
                    }
                }
            };
            scene(&[(20, Category::IntegrationEngine)], usual, |wire| {
                for client in 1..=3 {
                    wire.tell(20, client, Fact::Tcp(TcpEvent::Refused));
                    wire.wait(1_000);
                }
            })
        }
        "sound-without-role" => scene_over(
            UDP,
            &[(7, Category::InfusionPump)],
            |_| (),
            |wire| {
                wire.tell(7, 20, Fact::Rtp(RtpFact { payload_type: 0, source: 7, interval_ms: 20 }));
            },
        ),
        "watched-from-outside" => {
            let camera = station(7);
            let watch = move |wire: &mut Wire, from: Station| {
                let fact = conversation(wire, Protocol::Rtsp, [2_000, 2_000_000]);
                wire.between(from, camera, fact);
            };
            scene(&[(7, Category::Camera)], |_| (), move |wire| watch(wire, outside()))
                .or(move |wire| watch(wire, station(9)))
        }
        "data-leaves" => {
            let send = |wire: &mut Wire, sent: u64| {
                let fact = conversation(wire, Protocol::Tls, [sent, 20_000]);
                wire.between(station(7), outside(), fact);
            };
            scene(&[(7, Category::InfusionPump)], |_| (), move |wire| send(wire, 900_000_000))
                .or(move |wire| send(wire, 90_000))
        }
        "files-encrypted" => scene(
            &[],
            |_| (),
            |wire| {
                for name in 0..12 {
                    wire.tell(66, 20, file(SmbFileOperation::Read, name, "txt", None));
                    wire.tell(66, 20, file(SmbFileOperation::Write, name, "txt", Some(790)));
                    wire.tell(66, 20, file(SmbFileOperation::Rename, name, "locked", None));
                    wire.wait(300);
                }
            },
        ),
        "password-guessing" => scene(
            &[],
            |_| (),
            |wire| {
                for number in 0..15 {
                    let fact = CredentialFact {
                        protocol: Protocol::Ftp,
                        kind: CredentialKind::Password,
                        field: label("PASS"),
                        account: Some(pseudonym("account")),
                        secret: Some(pseudonym(&format!("{number}"))),
                    };
                    wire.tell(66, 20, Fact::Credential(Box::new(fact)));
                    wire.wait(1_000);
                }
            },
        ),
        _ => return None,
    })
}

const LINUX: [u8; 8] = [2, 4, 8, 1, 3, 0, 0, 0];
const OTHER: [u8; 8] = [2, 1, 3, 1, 1, 4, 0, 0];

fn traits(time_to_live: u8, options: [u8; 8]) -> StackTraits {
    StackTraits {
        time_to_live,
        syn: true,
        dont_fragment: true,
        window: 64_240,
        segment_size_max: 1_460,
        window_scale: 7,
        options,
    }
}

fn conversation(wire: &Wire, application: Protocol, bytes: [u64; 2]) -> Fact {
    Fact::ConversationEnded(Box::new(Conversation {
        start: wire.now(),
        end: wire.now().plus_milliseconds(1_000),
        first_packet: 1,
        packets: bytes.map(|bytes| bytes / 1_000 + 1),
        bytes,
        application: Some(application),
        encrypted: None,
        tcp: Some(TcpOutcome::Closed),
        server_name: None,
        ja4: None,
        missing_bytes: 0,
    }))
}

fn dhcp(message: DhcpMessage) -> DhcpFact {
    DhcpFact {
        message,
        client_mac: MacAddress::default(),
        client_ip: None,
        your_ip: None,
        requested_ip: None,
        server: None,
        relay: None,
        host_name: None,
        domain_name: None,
        vendor_class: None,
        user_class: None,
        client_identifier: None,
        parameters: Bounded::default(),
        options: Bounded::default(),
        lease_s: None,
        routers: Bounded::default(),
        name_servers: Bounded::default(),
        mud_url: None,
    }
}

fn arp(wire: &mut Wire, operation: ArpOperation, sender: (u8, u8), target: (u8, u8)) {
    let address = |last| Ipv4Addr::new(10, 20, 3, last);
    let request = operation == ArpOperation::Request;
    let fact = ArpFact {
        operation,
        sender_mac: mac(sender.0),
        sender_ip: address(sender.1),
        target_mac: if request { MacAddress::default() } else { mac(target.0) },
        target_ip: address(target.1),
    };
    let from = Station { mac: Some(mac(sender.0)), ..Station::default() };
    let to = if request { MacAddress::BROADCAST } else { mac(target.0) };
    wire.between(from, Station { mac: Some(to), ..Station::default() }, Fact::Arp(fact));
}

fn neighbor(wire: &mut Wire, from: u8, target: u8, kind: NeighborKind) {
    let address = |last: u8| format!("fe80::{last}").parse::<std::net::Ipv6Addr>().unwrap();
    let fact = NeighborFact {
        kind,
        target: address(target),
        link_address: Some(mac(from)),
        router: kind == NeighborKind::RouterAdvertisement,
        solicited: false,
        overriding: true,
    };
    let from = Station { ip: Some(IpAddr::V6(address(from))), ..station(from) };
    wire.between(from, station(255), Fact::Neighbor(Box::new(fact)));
}

fn question(name: &str) -> Fact {
    Fact::Dns(Box::new(DnsFact {
        protocol: Protocol::Dns,
        response: false,
        opcode: 0,
        response_code: 0,
        questions: std::iter::once(DnsQuestion { name: label(name), record_type: 16 }).collect(),
        answers: Bounded::default(),
    }))
}

/// Text that looks random and is the same in every run.
fn random_text(number: u32) -> String {
    let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::new();
    for _ in 0..40 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(state >> 20) as usize % 32]));
    }
    text
}

fn file(operation: SmbFileOperation, name: u32, extension: &str, entropy: Option<u16>) -> Fact {
    Fact::Smb(Box::new(SmbFact::File {
        operation,
        file: Some(pseudonym(&name.to_string())),
        extension: Some(label(extension)),
        bytes: 4_096,
        entropy_centibits: entropy,
    }))
}
