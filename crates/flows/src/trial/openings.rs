//! How conversations begin, by hand: what noise is put behind, so that it is read as each protocol's own.

use wardline_wire::Direction::{self, Backward, Forward};

/// The begin of conversations over TCP. Invented names and addresses only.
pub const STREAMS: &[&[(Direction, &[u8])]] = &[
    &[
        (Forward, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        (Backward, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ],
    &[(
        Forward,
        b"\x0bMSH|^~\\&|A|B|C|D|20260101||ORU^R01|1|P|2.5\rPID|||1\rOBX|1|NM|147842^HR^MDC||72\r\x1c\r",
    )],
    &[(Forward, b"\x10\x1c\x00\x04MQTT\x04\xc2\x00\x3c\x00\x06pump-7\x00\x01u\x00\x05hunte")],
    &[(Forward, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03")],
    &[(Backward, b"220 ftp.example ready\r\n"), (Forward, b"USER a\r\nPASS b\r\n")],
    &[(Backward, b"\xff\xfd\x18\xff\xfd\x20login: "), (Forward, b"a\r\n")],
    &[(Forward, b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x02")],
    &[(Forward, b"\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\xc0\x01\x0a")],
    &[(Forward, b"\x00\x00\x00\x45\xfeSMB\x40\x00")],
    &[(Forward, b"\x01\x00\x00\x00\x00\x44\x00\x01\x00\x00")],
    &[(Forward, b"REGISTER sip:a.example SIP/2.0\r\nCall-ID: 1\r\n\r\n")],
    &[(Backward, b"SSH-2.0-a\r\n"), (Forward, b"SSH-2.0-b\r\n")],
    &[(Backward, b"220 a ESMTP\r\n"), (Forward, b"EHLO b\r\n")],
    &[(Backward, b"RFB 003.008\n"), (Forward, b"RFB 003.008\n"), (Backward, b"\x01\x02")],
    // A simple bind of LDAP.
    &[(Forward, b"\x30\x0f\x02\x01\x01\x60\x0a\x02\x01\x03\x04\x03cn=\x80\x00")],
    // A request for a ticket of Kerberos behind its length.
    &[(Forward, b"\x00\x00\x00\x10\x6a\x0e\x30\x0c\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\x30\x00")],
    // A question of DNS behind its length.
    &[(Forward, b"\x00\x17\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01")],
    &[(Forward, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")],
    &[(Forward, b"<34>1 2026-01-01T00:00:00Z a b - - - c\n")],
    // A device of IHE PCD-01 and an alarm of PCD-04.
    &[(
        Forward,
        b"\x0bMSH|^~\\&|G^00A037FFFE0000AA|H|E|H|2026||ORU^R40|9|P|2.6\rOBX|1||69965^MDC_DEV_MDS^MDC|1.0.0.0|||||||X|||||||00A037FFFE000001\r\
        PRT|1|AD||EQUIP||||||(01)09506000134352(21)7\rOBX|2|ST|196674^MDC_EVT_LO^MDC|1.1.0.1.1|x|||L~PM\rOBX|3|ST|68481|1.1.0.1.3|start\r\x1c\r",
    )],
    // FHIR, in JSON and in XML.
    &[
        (Forward, b"GET /fhir/Device?patient=7 HTTP/1.1\r\n\r\nGET /fhir/Device/7 HTTP/1.1\r\n\r\n"),
        (
            Backward,
            b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: 78\r\n\r\n\
            {\"entry\":[{\"resource\":{\"resourceType\":\"Device\",\"udiCarrier\":[{\"deviceIdentifier\":\"",
        ),
        (
            Backward,
            b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+xml\r\n\r\n<Device><id value='7'/><version><value value='2'",
        ),
    ],
    // DICOMweb: an object in a part.
    &[(
        Forward,
        b"POST /dicom-web/studies HTTP/1.1\r\nContent-Type: multipart/related; boundary=b; type=\"application/dicom\"\r\n\
        Transfer-Encoding: chunked\r\n\r\n2c\r\n--b\r\nContent-Type: application/dicom\r\n\r\n0123\r\n--b--\r\n0\r\n\r\n",
    )],
    // SDC.
    &[(
        Forward,
        b"POST /x HTTP/1.1\r\nContent-Type: application/soap+xml\r\nContent-Length: 400\r\n\r\n<s:Envelope><s:Header>\
        <a:Action>http://standards.ieee.org/downloads/11073/SetValue</a:Action></s:Header><s:Body><m:SetValue>\
        <m:OperationHandleRef>o</m:OperationHandleRef></m:SetValue></s:Body></s:Envelope>",
    )],
    // A header of LIS02 in a frame of LIS01, and without frames.
    &[
        (Forward, b"\x05"),
        (Backward, b"\x06"),
        (Forward, b"\x021H|\\^&|||ABL90 FLEX^3.4^1234-567\r\x03CA\r\n"),
        (Backward, b"\x06"),
        (Forward, b"\x022P|1|4711\r\x0315\r\n\x04"),
    ],
    &[(Forward, b"H|\\^&|||A^1.2\rP|1||4711\rO|1|S\rR|1|^^^GLU|5.5|mmol/L\rL|1|N\r")],
    // An oximeter of IEEE 11073-20601: association, a report, and its manager sets the clock.
    &[
        (
            Forward,
            b"\xe2\x00\x00\x32\x80\x00\x00\x00\x00\x01\x00\x2a\x50\x79\x00\x26\x80\x00\x00\x00\x80\x00\x80\x00\x00\x00\
            \x00\x00\x00\x00\x00\x80\x00\x00\x00\x08\x00\x11\x22\x33\x44\x55\x66\x77\x01\x90\x00\x01\x01\x00\x00\x00\x00\x00",
        ),
        (
            Forward,
            b"\xe7\x00\x00\x26\x00\x24\x00\x01\x01\x01\x00\x1e\x00\x00\xff\xff\xff\xff\x0d\x1d\x00\x14\xf0\x00\x00\x01\
            \x00\x02\x00\x0c\x00\x01\x00\x02\x00\x62\x00\x0a\x00\x02\x00\x3d",
        ),
        (Backward, b"\xe7\x00\x00\x0e\x00\x0c\x00\x02\x01\x07\x00\x06\x00\x00\x0c\x0c\x00\x00"),
    ],
    // A serial port over Telnet, and an analyser at it.
    &[
        (Forward, b"\xff\xfb\x2c\xff\xfa\x2c\x01\x00\x00\x25\x80\xff\xf0"),
        (Backward, b"\xff\xfd\x2c\xff\xfa\x2c\x64srv 1\xff\xf0\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0"),
        (Backward, b"H|\\^&|||A^1.2\rP|1||4711\rR|1|^^^GLU|5.5|mmol/L\rL|1|N\r"),
    ],
    // A meter of POCT1-A, and a directive of its host.
    &[
        (
            Forward,
            b"<HEL.R01><DEV><DEV.device_id V=\"D1\"/><DEV.model_id V=\"M\"/></DEV></HEL.R01><OBS.R01><SVC><PT>\
            <PT.patient_id V=\"1\"/><OBS><OBS.observation_id V=\"2341-6\" SN=\"LN\"/><OBS.value V=\"5.5\" U=\"mmol/L\"/></OBS></PT>\
            </SVC></OBS.R01>",
        ),
        (Backward, b"<DTV.R01><DTV><DTV.command_cd V=\"LOCK\"/></DTV></DTV.R01>"),
    ],
];

/// The begin of messages over UDP.
pub const DATAGRAMS: &[&[u8]] = &[
    b"<param><code value=\"1010\" /><model value=\"SP-0000W\" /><type value=\"SmartPlug\" /></param>",
    b"\x02\0\0\0\0\x01EDIMAX\0\0\0\0\0\0\x01\xa1\0\0SP0000W\0\0\0\0\0\0\x001.09\0\0\0\0Lamp\0",
    b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01",
    b"\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01",
    b"\x81\x0a\x00\x00\x01\x00",
    b"\x81\x0b\x00\x0c\x01\x20\xff\xff\x00\xff\x10\x08",
    b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\x00\x05\x00",
    b"\x01\x01\x06\x00",
    b"\x01\x02\x00\x14\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
    b"\x23\x02\x06\xe8\x00\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x02\x01",
    b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNTS: ssdp:alive\r\nUSN: uuid:1\r\n\r\n",
    b"REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n\r\n",
    b"<34>1 2026-01-01T00:00:00Z a b - - - c",
    b"<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:d=\"http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01\"><s:Body><d:Hello><d:Types>d:Device</d:Types></d:Hello></s:Body></s:Envelope>",
    b"\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0c\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    b"\x00\x01\x00\x00\x21\x12\xa4\x42\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b",
    b"\x00\x01a\x00octet\x00",
    b"\x40\x01\x00\x01\xb1a",
    b"\x61\x45\x00\x01\x07\x61\x02\x61\x3c\xff\xa2\x62hr\x18\x48\x61u\x62/m",
    b"\x61\x45\x00\x01\x07\xc1\x28\xff</hr>;rt=\"heart-rate\";if=\"sensor\"",
    // IntelliVue Data Export: a heart rate of 72, and a connect indication with the model.
    b"\xe1\x00\x00\x02\x00\x02\x00\x44\x00\x07\x00\x07\x00\x3e\x00\x21\x00\x00\x00\x00\x0c\x16\x00\x34\x00\x07\x00\xd6\xd4\x00\
    \x20\x26\x03\x02\x06\x07\x08\x00\x00\x01\x00\x06\x00\x00\x00\x01\x00\x1a\x00\x00\x00\x01\x00\x14\x00\x50\x00\x01\x00\x0e\x09\x50\x00\x0a\
    \x41\x82\x00\x00\x0a\xa0\x00\x00\x00\x48",
    b"\x00\x00\x01\x00\x00\x01\x00\x32\x00\x00\x00\x00\x00\x2c\x00\x23\x00\x00\x00\x00\x00\xd6\xd4\x00\x0d\x17\x00\x1e\x00\x01\x00\x1a\
    \x09\x28\x00\x16\x00\x08Philips\x00\x00\x0aM8007A\x00\x00\x00\x00",
];

/// A solicitation of DHCP version 4, whose fixed part is long: RFC 2131 section 2.
pub fn dhcp() -> Vec<u8> {
    let mut message = vec![0; 236];
    if let Some(head) = message.first_chunk_mut::<4>() {
        *head = [1, 1, 6, 0];
    }
    message.extend_from_slice(b"\x63\x82\x53\x63\x35\x01\x01\x37\x03\x01\x03\x06\x0c\x04pumpZ\xff");
    message
}
