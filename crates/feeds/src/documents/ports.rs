//! Lists of ports as manuals and security white papers have them: CSV with a header.
//!
//! Columns `vendor`, `model`, `category` say which devices (one at least); `direction` is `out` where the device begins or `in`
//! where it answers; `transport`, `ports`, `peer`, `source` say the rest. A peer is an address, a network, a category, a name,
//! `server`, `same` or `local`.

use csv::StringRecord;
use wardline_model::{
    Category, Documented, DocumentedPeer, DocumentedUse, Label, PortRange, Transport, has_ports,
};

use super::{DocumentError, Read, wrong};

const COLUMNS: [&str; 8] =
    ["vendor", "model", "category", "direction", "transport", "ports", "peer", "source"];

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Read, DocumentError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(|_| DocumentError::Unknown)?.clone();
    let places = COLUMNS.map(|column| header.iter().position(|cell| cell.eq_ignore_ascii_case(column)));
    if places[3..7].iter().any(Option::is_none) {
        return Err(DocumentError::Unknown);
    }
    let mut documented: Vec<Documented> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            wrong(format!("line {line}"), error)
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize| places[column].and_then(|place| record.get(place)).unwrap_or_default();
        let one = row(name, &record, cell, line)?;
        let same = |other: &&mut Documented| {
            (&other.vendor, &other.model, other.category) == (&one.vendor, &one.model, one.category)
        };
        match documented.iter_mut().find(same) {
            Some(known) => known.uses.extend(one.uses),
            None => documented.push(one),
        }
    }
    Ok(Read { documented, not_rules: 0 })
}

fn row<'r>(
    name: &str,
    _: &'r StringRecord,
    cell: impl Fn(usize) -> &'r str,
    line: u64,
) -> Result<Documented, DocumentError> {
    let wrong = |column: usize, problem: &str| {
        wrong(format!("line {line}, column {}", COLUMNS[column]), format!("'{}': {problem}", cell(column)))
    };
    let label = |column| Some(Label::new(cell(column))).filter(|label| !label.is_empty());
    let category = match cell(2) {
        "" => None,
        text => Some(category(text).ok_or_else(|| wrong(2, "no category; use such as infusion-pump"))?),
    };
    let (vendor, model) = (label(0), label(1));
    if vendor.is_none() && model.is_none() && category.is_none() {
        return Err(super::wrong(format!("line {line}"), "name a vendor, a model or a category"));
    }
    let begins = match cell(3).to_ascii_lowercase().as_str() {
        "out" => true,
        "in" => false,
        _ => return Err(wrong(3, "write out where the device begins, in where it answers")),
    };
    let transport = match cell(4).to_ascii_lowercase().as_str() {
        "tcp" => Transport::TCP,
        "udp" => Transport::UDP,
        "sctp" => Transport::SCTP,
        "icmp" => Transport::ICMP,
        "icmp6" => Transport::ICMP6,
        number => {
            Transport(number.parse().map_err(|_| wrong(4, "write tcp, udp, sctp, icmp, icmp6 or a number"))?)
        }
    };
    let ports = match cell(5) {
        "" | "any" => vec![PortRange::ALL],
        _ if !has_ports(transport) => return Err(wrong(5, "the transport has no ports; leave it empty")),
        text => ports(text)
            .ok_or_else(|| wrong(5, "write such as 443 or 5000-5010; several with spaces between"))?,
    };
    let peer = peer(cell(6))
        .ok_or_else(|| wrong(6, "write an address, a network, a category, a name, server, same or local"))?;
    let source = match cell(7) {
        "" => format!("{name}, line {line}"),
        text => format!("{text} ({name}, line {line})"),
    };
    let one = DocumentedUse { begins, peer, transport, ports, source: Label::new(&source) };
    Ok(Documented { vendor, model, category, uses: vec![one] })
}

fn category(text: &str) -> Option<Category> {
    Category::ALL.iter().copied().find(|category| category.name() == text)
}

fn ports(text: &str) -> Option<Vec<PortRange>> {
    let one = |word: &str| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let range = PortRange { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? };
        (range.first <= range.last).then_some(range)
    };
    text.split([' ', ';']).filter(|word| !word.is_empty()).map(one).collect()
}

fn peer(text: &str) -> Option<DocumentedPeer> {
    match text {
        "" => None,
        "server" => Some(DocumentedPeer::Server),
        "same" => Some(DocumentedPeer::SameKind),
        "local" => Some(DocumentedPeer::Local),
        _ => {
            if let Ok(address) = text.parse::<std::net::IpAddr>() {
                return Some(DocumentedPeer::Network(address.into()));
            }
            if text.contains('/') {
                return text.parse::<ipnet::IpNet>().ok().map(|net| DocumentedPeer::Network(net.trunc()));
            }
            Some(
                category(text)
                    .map_or_else(|| DocumentedPeer::Name(Label::new(text)), DocumentedPeer::Category),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_kind_belong_together() {
        let list = "Vendor,model,direction,transport,ports,peer,source\n\
            Corvin,SteadyFlow,out,tcp,443 8443,server,\"manual, 4.2\"\n\
            Corvin,SteadyFlow,in,tcp,5000-5010,10.9.0.0/24,\n\
            ,Vigil,out,icmp,,integration-engine,\n";
        let read = read("ports.csv", list.as_bytes()).unwrap();
        assert_eq!(read.documented.len(), 2);
        let pump = &read.documented[0];
        assert_eq!(pump.uses.len(), 2);
        assert_eq!(pump.uses[0].ports, [PortRange::one(443), PortRange::one(8_443)]);
        assert_eq!(pump.uses[0].source.as_str(), "manual, 4.2 (ports.csv, line 2)");
        assert_eq!(pump.uses[1].peer, DocumentedPeer::Network("10.9.0.0/24".parse().unwrap()));
        assert!(!pump.uses[1].begins);
        assert_eq!(read.documented[1].uses[0].peer, DocumentedPeer::Category(Category::IntegrationEngine));
    }

    #[test]
    fn a_wrong_cell_is_told_with_its_line_and_column() {
        let header = "vendor,direction,transport,ports,peer\n";
        for (row, told) in [
            ("Corvin,both,tcp,1,server", "line 2, column direction"),
            ("Corvin,out,tcq,1,server", "line 2, column transport"),
            ("Corvin,out,tcp,9-8,server", "line 2, column ports"),
            ("Corvin,out,icmp,9,server", "no ports"),
            ("Corvin,out,tcp,9,10.0.0.0/33", "line 2, column peer"),
            (",out,tcp,9,server", "name a vendor"),
        ] {
            let error = read("f", format!("{header}{row}\n").as_bytes()).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert_eq!(read("f", b"a,b\n1,2\n"), Err(DocumentError::Unknown));
    }
}
