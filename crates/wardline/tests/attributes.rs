//! Which attributes a device can have in the inventory, counted from what is told of devices that spoke, and that each says
//! where it was read. `docs/attributes.md` is the list; `WARDLINE_WRITE_DOCS=1` with this test writes it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;

use wardline_assess::{Assessor, Settings};
use wardline_flows::trial::{Datagram, Stream, openings, told_in_pieces};
use wardline_lab::{Hospital, Options, write_capture};
use wardline_model::fact::{DhcpFact, DhcpMessage, LinkAdvertisement, RoutingFact, RoutingKind};
use wardline_model::{
    Bounded, Claim, Criticality, Device, DeviceField, Fact, KnownDevice, Label, MacAddress, Observation,
    Protocol, Record, Sighting, Site, Station, Timestamp,
};
use wardline_wire::Direction::{self, Backward, Forward};

/// Different things that devices told of themselves in this test, below what was counted: the claim is a hundred.
const ATTRIBUTES_MIN: usize = 100;

type Pieces = Vec<(Direction, Vec<u8>)>;

fn sized(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}

/// Attributes of IEEE 11073 with their lengths, behind their count.
fn attributes(list: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> =
        list.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &sized(value)].concat()).collect();
    [&(list.len() as u16).to_be_bytes()[..], &sized(&items)].concat()
}

/// A production specification: serial number, part, hardware, software, firmware, protocol, GMDN.
fn specification() -> Vec<u8> {
    let entries: Vec<u8> = (1_u16..=7)
        .flat_map(|kind| [&kind.to_be_bytes()[..], &[0, 0], &sized(format!("{kind}.0").as_bytes())].concat())
        .collect();
    [&[0, 7][..], &sized(&entries)].concat()
}

fn model() -> Vec<u8> {
    [sized(b"Invented"), sized(b"Model 1")].concat()
}

/// IEEE 11073-20601: an agent associates and answers what it is.
fn phd() -> Pieces {
    let request = openings::STREAMS.iter().find(|pieces| pieces[0].1.starts_with(b"\xe2\x00")).unwrap()[0].1;
    let list = attributes(&[
        (2_344, model()),
        (2_349, specification()),
        (2_650, [&[0, 1][..], &sized(&[0x10, 0x04, 0, 1])].concat()),
        (2_460, vec![0, 84]),
    ]);
    let message = [&[0, 1, 2, 3][..], &sized(&[&[0, 0][..], &list].concat())].concat();
    let answer = [&[0xe7, 0][..], &sized(&sized(&message))].concat();
    vec![(Forward, request.to_vec()), (Forward, answer)]
}

/// Philips Data Export: a monitor created its system object.
fn intellivue() -> Vec<u8> {
    let bed = sized(&"ICU-7\0".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>());
    let list = attributes(&[
        (0x0928, model()),
        (0x0984, sized(&[0, 9, 0xfb, 0, 0, 9])),
        (0xf100, vec![0, 9, 0xfb, 0, 0, 9, 192, 0, 2, 9, 255, 255, 255, 0]),
        (0xf101, [&[0, 1][..], &sized(&[0, 5, 0, 1, 0x5e, 0x29, 0, 0])].concat()),
        (0x091e, bed),
        (0x0946, vec![0x40, 0]),
        (0x092d, specification()),
    ]);
    let info = [&[0, 33, 0, 0, 0, 0][..], &list].concat();
    let event = [&[0, 33, 0, 0, 0, 0, 0, 0, 0, 0, 0x0d, 0x06][..], &sized(&info)].concat();
    let operation = [&[0, 1, 0, 1][..], &sized(&event)].concat();
    [&[0xe1, 0, 0, 2, 0, 1][..], &sized(&operation)].concat()
}

fn poct1a() -> Pieces {
    let hello = "<HEL.R01><DEV><DEV.device_id V=\"D1\"/><DEV.vendor_id V=\"INV\"/><DEV.model_id V=\"BG-1\"/><DEV.serial_id \
        V=\"SN1\"/><DEV.manufacturer_name V=\"Invented\"/><DEV.device_name V=\"Meter\"/><DEV.hw_version V=\"A\"/><DEV.sw_version \
        V=\"2.3\"/><DSC><DSC.connection_profile_cd V=\"CS\"/><DSC.topics_supported_cd V=\"DTV\"/>\
        <DSC.directives_supported_cd V=\"SET_TIME\"/></DSC></DEV></HEL.R01>\
        <DST.R01><DST><DST.condition_cd V=\"R\"/></DST></DST.R01>";
    vec![(Forward, hello.as_bytes().to_vec())]
}

/// RFC 2217: the server names itself and its port, and an analyser of LIS02 speaks at it.
fn serial_line() -> Pieces {
    let server = b"\xff\xfd\x2c\xff\xfa\x2c\x64srv 1\xff\xf0\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0\xff\xfa\x2c\x66\x08\xff\xf0\
        \xff\xfa\x2c\x67\x01\xff\xf0\xff\xfa\x2c\x68\x01\xff\xf0";
    let analyser = b"H|\\^&|||XN-10^1.2^SN00471^x^y|||||HOST||P|LIS2-A2|20260302\rP|1\rO|1|S\rR|1|^^^GLU|5.5|mmol/L\rL|1|N\r";
    vec![(Forward, b"\xff\xfb\x2c".to_vec()), (Backward, server.to_vec()), (Backward, analyser.to_vec())]
}

fn astm() -> Pieces {
    vec![(Forward, b"H|\\^&|||XN-10^1.2^SN00471^x^y|||||HOST||P|LIS2-A2|20260302\rL|1|N\r".to_vec())]
}

fn answered(kind: &str, body: &str) -> Pieces {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    vec![(Forward, b"GET /fhir/Device HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()), (Backward, head.into_bytes())]
}

fn fhir_device() -> Pieces {
    answered(
        "application/fhir+json",
        r#"{"resourceType":"Device","id":"d1","identifier":[{"value":"inv-1"}],"status":"active","manufacturer":"Invented",
        "udiCarrier":[{"deviceIdentifier":"09506000134352"}],"manufactureDate":"2025-01-01","expirationDate":"2030-01-01",
        "lotNumber":"L1","serialNumber":"SN2","modelNumber":"M2","partNumber":"P2",
        "deviceName":[{"name":"Pump 7","type":"user-friendly-name"}],"type":{"text":"Infusion pump"},
        "version":[{"type":{"text":"firmware"},"value":"3.1"},{"type":{"text":"software"},"value":"4.0"}],
        "location":{"reference":"Location/icu"},"gateway":[{"reference":"Device/gw"}]}"#,
    )
}

fn fhir_server() -> Pieces {
    answered(
        "application/fhir+json",
        r#"{"resourceType":"CapabilityStatement","status":"active","publisher":"Invented","fhirVersion":"4.0.1",
        "software":{"name":"Server","version":"7.2","releaseDate":"2026-01-01"},
        "rest":[{"mode":"server","security":{"service":[{"coding":[{"code":"SMART-on-FHIR"}]}]}}]}"#,
    )
}

/// A recording of sdc11073: provider and consumer.
fn sdc() -> Pieces {
    let recorded = "../flows/src/application/http/recorded";
    let read =
        |name: &str| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(recorded).join(name)).unwrap();
    vec![(Forward, read("sdc11073-consumer.http")), (Backward, read("sdc11073-provider.http"))]
}

fn modbus() -> Pieces {
    let objects: Vec<u8> =
        [(0, "Acme"), (1, "C1"), (2, "1.0"), (3, "http://a.example"), (4, "AHU"), (5, "AHU-7"), (6, "Roof")]
            .iter()
            .flat_map(|(id, text): &(u8, &str)| [&[*id, text.len() as u8][..], text.as_bytes()].concat())
            .collect();
    let body = [&[1, 0x2b, 0x0e, 2, 2, 0, 0, 7][..], &objects].concat();
    let answer = [&[0, 1, 0, 0][..], &sized(&body)].concat();
    vec![(Forward, b"\x00\x01\x00\x00\x00\x05\x01\x2b\x0e\x02\x00".to_vec()), (Backward, answer)]
}

/// RFC 4253 section 7.1.
fn ssh() -> Pieces {
    let list = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    let mut payload = vec![20; 17];
    for text in [
        "curve25519-sha256",
        "ssh-ed25519",
        "aes256-ctr",
        "aes256-ctr",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ] {
        payload.extend(list(text));
    }
    payload.extend([0; 5]);
    let padding = 8 - (payload.len() + 5) % 8 + 8;
    let length = (payload.len() + padding + 1) as u32;
    let packet = [&length.to_be_bytes()[..], &[padding as u8], &payload, &vec![0; padding]].concat();
    let side = |name: &str| [format!("SSH-2.0-{name}\r\n").as_bytes(), &packet].concat();
    vec![(Forward, side("OpenSSH_9.2")), (Backward, side("dropbear_2022.83"))]
}

fn rtsp() -> Pieces {
    vec![
        (Forward, b"DESCRIBE rtsp://192.0.2.2/1 RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Viewer/3\r\n\r\n".to_vec()),
        (
            Backward,
            b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nServer: Cam\r\nWWW-Authenticate: Digest realm=\"Cam 1\", nonce=\"1\"\r\n\r\n"
                .to_vec(),
        ),
    ]
}

fn lpd() -> Pieces {
    vec![(Forward, b"\x02ward3\n\x0230 cfA001ws-1\nHws-1\nPsomebody\nJletter.txt..\n\0".to_vec())]
}

/// IHE PCD-01 with a device, its parts and its UDI.
fn hl7() -> Pieces {
    let lines = [
        "MSH|^~\\&|G^00A037FFFE0000AA|H|E|H|2026||ORU^R40|9|P|2.6",
        "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X|||||||00A037FFFE000001",
        "PRT|1|AD||EQUIP||||||(01)09506000134352(11)250101(17)300101(10)L1(21)7",
        "OBX|2|ST|531970^MDC_ID_MODEL_MANUFACTURER^MDC|1.0.0.1|Invented||||||F",
        "OBX|3|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.0.0.2|M1||||||F",
        "OBX|4|ST|531974^MDC_ID_PROD_SPEC_HW^MDC|1.0.0.3|H1||||||F",
        "OBX|5|ST|531975^MDC_ID_PROD_SPEC_SW^MDC|1.0.0.4|S1||||||F",
        "OBX|6|ST|531973^MDC_ID_PROD_SPEC_PART^MDC|1.0.0.5|P1||||||F",
        "OBX|7|ST|531977^MDC_ID_PROD_SPEC_PROTOCOL^MDC|1.0.0.6|R1||||||F",
        "OBX|8|ST|531978^MDC_ID_PROD_SPEC_GMDN^MDC|1.0.0.7|G1||||||F",
        "OBX|9||69642^MDC_DEV_ANALY_SAT_O2_VMD^MDC|1.1.0.0|||||||X",
    ];
    vec![(Forward, format!("\x0b{}\r\x1c\r", lines.join("\r")).into_bytes())]
}

fn bacnet() -> Vec<u8> {
    b"\x81\x0b\x00\x18\x01\x20\xff\xff\x00\xff\x10\x00\xc4\x02\x00\x04\xd2\x22\x05\xc4\x91\x00\x21\x05"
        .to_vec()
}

/// CIP Networks Library volume 2, section 2-4.2: an answer to List Identity.
fn ethernet_ip() -> Vec<u8> {
    let mut item = vec![1, 0];
    item.extend([0; 16]);
    item.extend(b"\x01\x00\x0e\x00\x36\x00\x14\x0b\x60\x31\x01\x02\x03\x04\x03L61\x03");
    let mut message = vec![0x63, 0, item.len() as u8 + 6, 0];
    message.extend([0; 20]);
    message.extend([1, 0, 0x0c, 0, item.len() as u8, 0]);
    message.extend(item);
    message
}

fn dhcpv6() -> Vec<u8> {
    b"\x01\x00\x00\x01\0\x01\0\x0a\0\x03\0\x01\0\x09\xfb\0\0\x21\0\x06\0\x04\0\x17\0\x18\0\x10\0\x0e\0\0\x01\x37\0\x08MSFT 5.0\
    \0\x27\0\x08\0\x05pump7\0\0\x70\0\x11https://a.example"
        .to_vec()
}

fn coap() -> Vec<u8> {
    b"\x61\x45\x00\x01\x07\xc1\x28\xff</hr>;rt=\"heart-rate\";if=\"sensor\",<https://a.example/1.0>;rel=\"impl-info\"".to_vec()
}

fn syslog() -> Vec<u8> {
    b"<34>1 2026-03-02T06:07:08Z pump-7 dosing - - - words".to_vec()
}

/// RFC 5769 section 2.2 tells a client how it is seen.
fn stun() -> Vec<u8> {
    b"\x01\x01\x00\x0c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
        .to_vec()
}

/// A registration, as Ling et al. (2017) describe it.
fn edimax() -> Vec<u8> {
    b"<param><code value=\"1010\" /><model value=\"SP-0000W\" /><id value=\"02000000000A\" /><type value=\"SmartPlug\" />\
    <alias value=\"lamp\" /><devfwver value=\"1.09#010001\" /><productid value=\"EDIMAX#SP-0000W#1.0#1.09\" /></param>"
        .to_vec()
}

/// ASHRAE 135 section 15.5: the application software version of a device object.
fn bacnet_property() -> Vec<u8> {
    b"\x81\x0a\x00\x18\x01\x00\x30\x01\x0c\x0c\x02\x00\x04\xd2\x19\x0c\x3e\x75\x04\x001.2\x3f".to_vec()
}

/// RFC 5531 section 9 and RFC 1813 appendix I: a mount.
fn mount() -> Vec<u8> {
    let words: Vec<u8> =
        [9_u32, 0, 2, 100_005, 3, 1, 0, 0, 0, 0, 4].iter().flat_map(|word| word.to_be_bytes()).collect();
    [&words[..], b"/img"].concat()
}

/// OPC 10000-6 section 7.1.2.3: a hello.
fn opc_ua() -> Pieces {
    let endpoint = "opc.tcp://192.0.2.2:4840";
    let body = [&[0; 20][..], &(endpoint.len() as u32).to_le_bytes(), endpoint.as_bytes()].concat();
    let hello = [&b"HELF"[..], &(body.len() as u32 + 8).to_le_bytes(), &body].concat();
    vec![(Forward, hello)]
}

/// RFC 4511 section 4.5.2: the root entry of a directory.
fn ldap() -> Pieces {
    let element = |tag: u8, content: &[u8]| [&[tag, content.len() as u8][..], content].concat();
    let attribute = |kind: &str, value: &str| {
        let values = element(0x31, &element(4, value.as_bytes()));
        element(0x30, &[element(4, kind.as_bytes()), values].concat())
    };
    let list = element(0x30, &attribute("defaultNamingContext", "DC=ward,DC=example"));
    let entry = element(0x64, &[element(4, b""), list].concat());
    let bind = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00".to_vec();
    vec![(Forward, bind), (Backward, element(0x30, &[element(2, &[2]), entry].concat()))]
}

/// What is told of the layers below: LLDP, DHCP, OSPF.
fn network() -> Vec<Fact> {
    let label = |text: &str| Some(Label::new(text));
    let advertisement = LinkAdvertisement {
        protocol: Protocol::Lldp,
        chassis: label("c1"),
        port: label("p1"),
        port_description: label("to the ward"),
        system_name: label("sw1"),
        system_description: None,
        model: label("M1"),
        manufacturer: label("Invented"),
        serial: label("SN9"),
        firmware: label("1.2"),
        management: None,
        capabilities: 4,
        vlan: None,
        location: label("Ward 3"),
        mud_url: None,
    };
    let dhcp = DhcpFact {
        message: DhcpMessage::Request,
        client_mac: MacAddress([0x00, 0x09, 0xfb, 0, 99, 1]),
        client_ip: None,
        your_ip: None,
        requested_ip: None,
        server: None,
        relay: None,
        host_name: label("pump-9"),
        domain_name: None,
        vendor_class: None,
        user_class: None,
        client_identifier: label("00030001"),
        parameters: Bounded::new(),
        options: Bounded::new(),
        lease_s: None,
        routers: Bounded::new(),
        name_servers: Bounded::new(),
        mud_url: label("https://a.example/pump"),
    };
    let routing = RoutingFact {
        protocol: Protocol::Ospf,
        kind: RoutingKind::Hello,
        router: label("192.0.2.1"),
        leader: None,
        leads: false,
        group: None,
        priority: None,
        addresses: Bounded::new(),
        routes: 0,
        default_route: false,
        authenticated: None,
    };
    vec![
        Fact::LinkAdvertisement(Box::new(advertisement)),
        Fact::Dhcp(Box::new(dhcp)),
        Fact::Routing(Box::new(routing)),
    ]
}

/// What each protocol tells of two stations of its own.
fn spoken() -> Vec<Observation> {
    let streams = [
        (Protocol::Phd, phd()),
        (Protocol::Poct1a, poct1a()),
        (Protocol::Telnet, serial_line()),
        (Protocol::Astm, astm()),
        (Protocol::Http, fhir_device()),
        (Protocol::Http, fhir_server()),
        (Protocol::Http, sdc()),
        (Protocol::Modbus, modbus()),
        (Protocol::Ssh, ssh()),
        (Protocol::Rtsp, rtsp()),
        (Protocol::Lpd, lpd()),
        (Protocol::Hl7, hl7()),
        (Protocol::OpcUa, opc_ua()),
        (Protocol::Ldap, ldap()),
    ];
    let datagrams = [
        (Protocol::IntellivueDataExport, intellivue()),
        (Protocol::Bacnet, bacnet()),
        (Protocol::Bacnet, bacnet_property()),
        (Protocol::Nfs, mount()),
        (Protocol::EthernetIp, ethernet_ip()),
        (Protocol::Dhcpv6, dhcpv6()),
        (Protocol::Coap, coap()),
        (Protocol::Syslog, syslog()),
        (Protocol::Stun, stun()),
        (Protocol::Edimax, edimax()),
    ];
    let mut told = Vec::new();
    for (protocol, pieces) in streams {
        let stream = Stream::all().find(|stream| stream.protocol() == protocol).unwrap();
        let pieces: Vec<_> = pieces.iter().map(|(direction, piece)| (*direction, piece.as_slice())).collect();
        told.push(told_in_pieces(stream, &pieces, || usize::MAX).0);
    }
    for (protocol, datagram) in datagrams {
        let mut observations = Vec::new();
        let known = Datagram::all().find(|known| known.protocol() == protocol).unwrap();
        known.read(&datagram, &mut observations);
        told.push(observations);
    }
    for (place, observations) in told.iter_mut().enumerate() {
        assert!(!observations.is_empty(), "conversation {place} tells nothing");
        for observation in observations {
            settle(&mut observation.from, place);
            settle(&mut observation.to, place);
        }
    }
    told.push(network().into_iter().map(observed).collect());
    told.into_iter().flatten().collect()
}

/// As told by a station that no other conversation has.
fn observed(fact: Fact) -> Observation {
    let from = Station { mac: Some(MacAddress([0x00, 0x09, 0xfb, 0, 99, 1])), ..Station::default() };
    Observation {
        sighting: Sighting::default(),
        from,
        to: Station::default(),
        transport: None,
        vlan: None,
        fact,
    }
}

/// Moves a station of the trial to a network of its conversation's own.
fn settle(station: &mut Station, place: usize) {
    if let Some(IpAddr::V4(ip)) = station.ip {
        let [.., last] = ip.octets();
        station.ip = Some(IpAddr::V4(Ipv4Addr::new(10, 20, place as u8, last)));
        station.mac = Some(MacAddress([0x00, 0x09, 0xfb, 0, place as u8, last]));
    }
}

fn of_conversations() -> Vec<Device> {
    // The site file knows one of them.
    let known = KnownDevice {
        mac: Some(MacAddress([0x00, 0x09, 0xfb, 0, 99, 1])),
        owner: Some(Label::new("Clinical engineering")),
        zone: Some(Label::new("ward")),
        criticality: Some(Criticality::Therapy),
        ..KnownDevice::default()
    };
    let site = Site { devices: vec![known], ..Site::default() };
    let mut assessor = Assessor::new(Settings { site, ..Settings::default() });
    for (place, mut observation) in spoken().into_iter().enumerate() {
        observation.sighting.packet = place as u64 + 1;
        observation.sighting.time = Timestamp::from_nanoseconds(1_772_434_800_000_000_000 + place as i64);
        assessor.observe(&observation);
    }
    assessor.devices()
}

/// A capture of one frame, libpcap's format, of a link type.
fn capture(path: &Path, link_type: u32, frame: &[u8]) {
    let mut file: Vec<u8> = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, link_type, 1_772_434_800, 0] {
        file.extend(u32::to_le_bytes(word));
    }
    for length in [frame.len() as u32; 2] {
        file.extend(length.to_le_bytes());
    }
    file.extend(frame);
    fs::write(path, file).unwrap();
}

/// An advertisement of Bluetooth Low Energy from a public address: Core Specification 5.4 volume 6 part B sections 2.3 and
/// 3.1.1, and the supplement's part A.
fn advertisement() -> Vec<u8> {
    let data = b"\x02\x01\x06\x03\x03\x0d\x18\x03\x19\x41\x03\x05\xff\x59\x00\x01\x02\x05\x08Belt";
    let body = [&[0x00, data.len() as u8 + 6, 1, 2, 3, 0xfb, 0x09, 0x00][..], data].concat();
    let mut check = 0x00aa_aaaa_u32;
    for byte in &body {
        for bit in 0..8 {
            let feedback = check & 1 ^ u32::from(byte >> bit & 1);
            check >>= 1;
            if feedback == 1 {
                check ^= 0x00da_6000;
            }
        }
    }
    let [a, b, c, _] = check.to_le_bytes();
    [&[0xd6, 0xbe, 0x89, 0x8e][..], &body, &[a, b, c]].concat()
}

/// IEEE 802.15.4-2020 section 7.2: data from an extended address to all of a network.
const SENSOR: &[u8] = b"\x41\xc8\x07\x34\x12\xff\xff\x01\x02\x03\x04\x05\xfb\x09\x00data";

/// What the program tells of captures: recordings of real software, and a simulated hospital.
fn of_captures() -> Vec<Device> {
    let directory = tempfile::tempdir().unwrap();
    let hospital = directory.path().join("hospital.pcap");
    let mut file = std::io::BufWriter::new(fs::File::create(&hospital).unwrap());
    write_capture(Hospital::new(5, Options::default()), 180, &mut file).unwrap();
    drop(file);
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded");
    let mut captures: Vec<_> = fs::read_dir(recorded).unwrap().map(|entry| entry.unwrap().path()).collect();
    captures.retain(|path| path.extension().is_some_and(|ending| ending == "zst"));
    captures.push(hospital);
    for (name, link_type, frame) in
        [("ble.pcap", 251, advertisement()), ("sensor.pcap", 230, SENSOR.to_vec())]
    {
        captures.push(directory.path().join(name));
        capture(&directory.path().join(name), link_type, &frame);
    }
    let mut devices = Vec::new();
    for capture in captures {
        let output = Command::new(env!("CARGO_BIN_EXE_wardline"))
            .args(["analyze", "--json", "--quiet"])
            .arg(&capture)
            .env("WARDLINE_STATE", directory.path().join("state"))
            .output()
            .unwrap();
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        devices.extend(lines.filter_map(|line| match serde_json::from_slice(line).unwrap() {
            Record::Device(device) => Some(*device),
            _ => None,
        }));
    }
    devices
}

/// What a claim is about: a field of the record, or an attribute by the name of its source.
fn name(claim: &Claim) -> String {
    match claim.field {
        DeviceField::Attribute => claim.source.to_string(),
        field => field.to_string(),
    }
}

fn page(attributes: &BTreeMap<String, BTreeSet<&'static str>>) -> String {
    let mut page = format!(
        "# Attributes\n\nWhat the inventory can say about a device, as counted by `cargo test -p wardline --test attributes` \
        from conversations\nmade by hand, recordings of real software and a simulated hospital; a test refuses a page that is old, and\n\
        `WARDLINE_WRITE_DOCS=1` has it written. Protocols that these do not speak add to the {} below: see\n\
        [protocols](protocols.md). In `devices --json` each stands under `evidence`, with its protocol, field, file, packet and time.\n\n\
        | attribute | read from |\n| --- | --- |\n",
        attributes.len()
    );
    for (name, protocols) in attributes {
        let protocols: Vec<_> = protocols.iter().copied().collect();
        let _ = writeln!(page, "| {name} | {} |", protocols.join(", "));
    }
    page
}

#[test]
fn a_hundred_attributes_are_told_and_each_says_where_it_was_read() {
    let mut attributes: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for device in of_conversations().into_iter().chain(of_captures()) {
        for claim in &device.evidence {
            let read = claim.packet > 0 || claim.protocol == Protocol::SiteFile;
            assert!(!claim.value.is_empty() && !claim.source.is_empty() && read, "{claim:?}");
            attributes.entry(name(claim)).or_default().insert(claim.protocol.name());
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/attributes.md");
    let page = page(&attributes);
    if std::env::var_os("WARDLINE_WRITE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(attributes.len() >= ATTRIBUTES_MIN, "{}: {page}", attributes.len());
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/attributes.md is old: run this test with WARDLINE_WRITE_DOCS=1");
}
