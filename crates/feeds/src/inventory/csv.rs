//! CSV (RFC 4180) as maintenance systems export it; comma, semicolon or tab between cells.

use ::csv::{ReaderBuilder, StringRecord};
use wardline_model::{Category, Criticality, KnownDevice};

use super::{DEVICES_MAX, InventoryError, label, listed};

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Mac,
    Ip,
    Name,
    Vendor,
    Model,
    Firmware,
    Serial,
    Category,
    Owner,
    Criticality,
    Zone,
    Location,
}

/// Columns by the names that are understood: without case, with spaces, dashes and underscores left out.
fn column(name: &str) -> Option<Column> {
    let plain: String =
        name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    Some(match plain.as_str() {
        "mac" | "macaddress" | "ethernetaddress" => Column::Mac,
        "ip" | "ipaddress" | "ipv4" | "ipv6" => Column::Ip,
        "name" | "hostname" | "devicename" | "computername" => Column::Name,
        "vendor" | "manufacturer" | "maker" => Column::Vendor,
        "model" | "modelname" | "modelnumber" => Column::Model,
        "firmware" | "firmwareversion" | "software" | "softwareversion" | "version" => Column::Firmware,
        "serial" | "serialnumber" | "sn" => Column::Serial,
        "category" => Column::Category,
        "owner" | "department" | "costcenter" => Column::Owner,
        "criticality" => Column::Criticality,
        "zone" => Column::Zone,
        "location" | "room" | "place" => Column::Location,
        _ => return None,
    })
}

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<KnownDevice>, InventoryError> {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |separator: u8| first.iter().filter(|byte| **byte == separator).count();
    let separator = [b',', b';', b'\t'].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b',');
    let mut reader = ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(|error| broken(&error))?.clone();
    let columns: Vec<_> = header.iter().map(column).collect();
    let finds = [Column::Mac, Column::Ip, Column::Serial, Column::Name];
    if !columns.iter().flatten().any(|column| finds.contains(column)) {
        // One word without any separator is no table.
        return Err(if header.len() < 2 { InventoryError::Unknown } else { InventoryError::NoColumn });
    }
    let mut devices = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| broken(&error))? {
        let line = record.position().map_or(0, ::csv::Position::line);
        let mut device =
            KnownDevice { listed: listed(name, format_args!("line {line}")), ..KnownDevice::default() };
        for ((cell, column), title) in record.iter().zip(&columns).zip(&header) {
            let cell = cell.trim();
            if let Some(column) = column.filter(|_| !cell.is_empty()) {
                fill(&mut device, column, cell).map_err(|problem| InventoryError::Cell {
                    line,
                    column: title.to_owned(),
                    problem,
                })?;
            }
        }
        let found =
            device.mac.is_some() || device.ip.is_some() || device.serial.is_some() || device.name.is_some();
        if found {
            devices.push(device);
        }
        if devices.len() > DEVICES_MAX {
            return Err(InventoryError::TooMany(DEVICES_MAX));
        }
    }
    Ok(devices)
}

fn fill(device: &mut KnownDevice, column: Column, cell: &str) -> Result<(), String> {
    let named = |what: &str, known: &mut dyn Iterator<Item = &'static str>| {
        format!("'{cell}' is no {what}; known are {}", known.collect::<Vec<_>>().join(", "))
    };
    match column {
        Column::Mac => {
            device.mac = Some(
                cell.parse().map_err(|_| format!("'{cell}' is no link address such as 00:09:fb:00:00:01"))?,
            );
        }
        Column::Ip => device.ip = Some(cell.parse().map_err(|_| format!("'{cell}' is no network address"))?),
        Column::Category => {
            let lower = cell.to_lowercase();
            let known = Category::ALL.iter().copied().find(|known| known.name() == lower);
            let all = &mut Category::ALL.iter().map(|known| known.name());
            device.category = Some(known.ok_or_else(|| named("category", all))?);
        }
        Column::Criticality => {
            let lower = cell.to_lowercase();
            let known = Criticality::ALL.iter().copied().find(|known| known.name() == lower);
            let all = &mut Criticality::ALL.iter().map(|known| known.name());
            device.criticality = Some(known.ok_or_else(|| named("criticality", all))?);
        }
        Column::Name => device.name = label(cell),
        Column::Vendor => device.vendor = label(cell),
        Column::Model => device.model = label(cell),
        Column::Firmware => device.firmware = label(cell),
        Column::Serial => device.serial = label(cell),
        Column::Owner => device.owner = label(cell),
        Column::Zone => device.zone = label(cell),
        Column::Location => device.location = label(cell),
    }
    Ok(())
}

fn broken(error: &::csv::Error) -> InventoryError {
    let line = error.position().map_or(1, ::csv::Position::line);
    let problem = match error.kind() {
        ::csv::ErrorKind::Utf8 { .. } => "not UTF-8; export the list as UTF-8".to_owned(),
        _ => error.to_string(),
    };
    InventoryError::Line { line, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_columns_by_their_usual_names() {
        let text = "Asset;MAC Address;Manufacturer;Model;Serial Number;Category;Room\n\
            4711;00-09-FB-00-00-01;Philips;MX800;DE1234567;patient-monitor;ICU 3\n\
            4712;;;;;;\n";
        let devices = read("cmms.csv", text.as_bytes()).unwrap();
        assert_eq!(devices.len(), 1, "a line that names nothing is left out");
        assert_eq!(devices[0].mac, Some("00:09:fb:00:00:01".parse().unwrap()));
        assert_eq!(devices[0].category, Some(Category::PatientMonitor));
        assert_eq!(devices[0].listed.as_ref().unwrap().as_str(), "cmms.csv, line 2");
    }

    #[test]
    fn a_mistake_is_named_with_line_and_column() {
        for (text, expected) in [
            ("name,ip\na,10.0.0.1\nb,10.0.0.999\n", "line 3, column ip: '10.0.0.999' is no network address"),
            (
                "mac,Category\n00:09:fb:00:00:01,toaster\n",
                "line 2, column Category: 'toaster' is no category",
            ),
            ("colour,shape\nred,round\n", "line 1: no column named"),
        ] {
            let error = read("x", text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
