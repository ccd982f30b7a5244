//! Sound and what arranges it: RTP (RFC 3550), SIP (RFC 3261), RTSP (RFC 2326).

/// A packet of 20 ms of PCMU.
pub(crate) fn rtp(kind: u8, sequence: u16, source: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, kind];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(source.to_be_bytes());
    packet.extend(payload);
    packet
}

/// INVITE.
pub(crate) fn invite(from: &str, to: &str, number: u32) -> Vec<u8> {
    let body = format!(
        "v=0\r\no=- 1 1 IN IP4 {from}\r\ns=-\r\nc=IN IP4 {from}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
    );
    format!(
        "INVITE sip:200@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from}:5060;branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\nFrom: <sip:100@{from}>;tag={number}\r\nTo: <sip:200@{to}>\r\nCall-ID: {number}@{from}\r\nCSeq: 1 INVITE\r\nContact: <sip:100@{from}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The answer that the call is taken.
pub(crate) fn taken(from: &str, to: &str, number: u32) -> Vec<u8> {
    format!(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {from}:5060;branch=z9hG4bK{number}\r\nFrom: <sip:100@{from}>;tag={number}\r\nTo: <sip:200@{to}>;tag=1\r\nCall-ID: {number}@{from}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// A camera is asked for its stream, and answers.
pub(crate) fn rtsp(camera: &str, number: u32) -> Vec<(bool, Vec<u8>)> {
    let ask = |method: &str, sequence: u32| {
        format!("{method} rtsp://{camera}/stream1 RTSP/1.0\r\nCSeq: {sequence}\r\nUser-Agent: LibVLC/3.0.18\r\n\r\n")
            .into_bytes()
    };
    let answer =
        |sequence: u32, head: &str| format!("RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{head}\r\n").into_bytes();
    let mut said = vec![
        (true, ask("OPTIONS", 1)),
        (false, answer(1, "Public: OPTIONS, DESCRIBE, SETUP, PLAY\r\n")),
        (true, ask("PLAY", 2)),
        (false, answer(2, &format!("Session: {number}\r\n"))),
    ];
    for part in 0..20_u8 {
        said.push((false, [&[b'$', 0, 4, 0][..], &vec![part; 1_024]].concat()));
    }
    said
}

/// A TLS ClientHello (RFC 8446 section 4.1.2) for a name, as ordinary clients send it.
pub(crate) fn client_hello(name: &str, random: [u8; 32]) -> Vec<u8> {
    let mut server_name = ((name.len() + 3) as u16).to_be_bytes().to_vec();
    server_name.push(0);
    server_name.extend((name.len() as u16).to_be_bytes());
    server_name.extend(name.as_bytes());
    let mut extensions = vec![0, 0];
    extensions.extend((server_name.len() as u16).to_be_bytes());
    extensions.extend(server_name);
    extensions.extend([0, 10, 0, 4, 0, 2, 0, 29]);
    extensions.extend([0, 13, 0, 4, 0, 2, 4, 3]);
    extensions.extend([0, 43, 0, 3, 2, 3, 4]);
    let mut body = vec![3, 3];
    body.extend(random);
    body.extend([0, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut handshake = vec![1, 0];
    handshake.extend((body.len() as u16).to_be_bytes());
    handshake.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend((handshake.len() as u16).to_be_bytes());
    record.extend(handshake);
    record
}

/// A record of application data.
pub(crate) fn tls_data(bytes: &[u8]) -> Vec<u8> {
    let mut record = vec![23, 3, 3];
    record.extend((bytes.len() as u16).to_be_bytes());
    record.extend(bytes);
    record
}
