//! The fixed header of a DHCP message and its options, as they stand on the wire.

use std::net::Ipv4Addr;

use crate::{Error, Layer, Reader};

/// Borrowed fields of a message, RFC 2131 figure 1.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// 1 request (of a client), 2 reply (of a server).
    pub operation: u8,
    /// Hardware type, 1 is Ethernet.
    pub hardware_type: u8,
    /// Length of the hardware address, bytes.
    pub hardware_length: u8,
    /// Transaction identifier.
    pub transaction: u32,
    /// `ciaddr`: address that the client already has.
    pub client_ip: Ipv4Addr,
    /// `yiaddr`: address that the server gives.
    pub your_ip: Ipv4Addr,
    /// `siaddr`: next server of the bootstrap.
    pub next_server: Ipv4Addr,
    /// `giaddr`: relay agent.
    pub relay: Ipv4Addr,
    /// `chaddr`, all 16 bytes.
    pub hardware_address: [u8; 16],
    /// Magic cookie.
    pub cookie: u32,
    server_name: &'a [u8],
    boot_file: &'a [u8],
    options: &'a [u8],
}

impl<'a> View<'a> {
    /// The magic cookie, RFC 2131 section 3.
    pub const COOKIE: u32 = 0x6382_5363;

    /// Reads the header at the front of a datagram.
    pub fn new(datagram: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(Layer::Dhcp, datagram);
        let operation = reader.u8("op")?;
        let hardware_type = reader.u8("htype")?;
        let hardware_length = reader.u8("hlen")?;
        reader.skip("hops", 1)?;
        let transaction = reader.u32_be("xid")?;
        reader.skip("secs and flags", 4)?;
        let client_ip = reader.u32_be("ciaddr")?.into();
        let your_ip = reader.u32_be("yiaddr")?.into();
        let next_server = reader.u32_be("siaddr")?.into();
        let relay = reader.u32_be("giaddr")?.into();
        let hardware_address = reader.array("chaddr")?;
        let server_name = reader.take("sname", 64)?;
        let boot_file = reader.take("file", 128)?;
        let cookie = reader.u32_be("magic cookie")?;
        Ok(Self {
            operation,
            hardware_type,
            hardware_length,
            transaction,
            client_ip,
            your_ip,
            next_server,
            relay,
            hardware_address,
            cookie,
            server_name,
            boot_file,
            options: reader.take_rest(),
        })
    }

    /// The options in wire order. Where option 52 says that `file` or `sname` hold options too, those follow
    /// in the order that RFC 2131 section 4.1 gives.
    pub fn options(&self) -> Options<'a> {
        let overload = Options { current: self.options, next: [&[], &[]] }
            .find(|option| option.code == 52)
            .and_then(|option| option.value.first().copied())
            .unwrap_or(0);
        let file = if overload & 1 != 0 { self.boot_file } else { &[] };
        let name = if overload & 2 != 0 { self.server_name } else { &[] };
        Options { current: self.options, next: [file, name] }
    }
}

/// One option: code and value without judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DhcpOption<'a> {
    /// Code, IANA registry of BOOTP vendor extensions and DHCP options.
    pub code: u8,
    /// Value; shorter than announced where the message ends before it does.
    pub value: &'a [u8],
}

/// Walks options; pad and end are passed over.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    current: &'a [u8],
    next: [&'a [u8]; 2],
}

impl<'a> Iterator for Options<'a> {
    type Item = DhcpOption<'a>;

    fn next(&mut self) -> Option<DhcpOption<'a>> {
        loop {
            let mut reader = Reader::new(Layer::Dhcp, self.current);
            match reader.u8("option code") {
                Ok(0) => self.current = reader.rest(),
                Ok(255) | Err(_) => {
                    let [first, second] = self.next;
                    if first.is_empty() && second.is_empty() {
                        return None;
                    }
                    (self.current, self.next) = (first, [second, &[]]);
                }
                Ok(code) => {
                    let length = reader.u8("option length").unwrap_or(0);
                    let value = reader.take_lax(usize::from(length));
                    self.current = reader.rest();
                    return Some(DhcpOption { code, value });
                }
            }
        }
    }
}
