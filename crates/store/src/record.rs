//! How a record lies in a database, whichever: its JSON, and beside it a digest that tells when it changed.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wardline_model::Device;

/// What is wrong with the bytes of a record.
pub(crate) enum Unsound {
    Damaged { table: &'static str, id: String },
    Json { table: &'static str, cause: serde_json::Error },
}

/// 128 bits of BLAKE3.
pub(crate) type Digest = [u8; 16];

/// The digest stored beside a record: over table, identifier and bytes.
pub(crate) fn digest(table: &str, id: &str, record: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(table.as_bytes()).update(&[0]).update(id.as_bytes()).update(&[0]).update(record);
    let mut short = [0; 16];
    hasher.finalize_xof().fill(&mut short);
    short
}

/// A record as it is stored.
pub(crate) fn encode<T: Serialize>(
    table: &'static str,
    id: &str,
    record: &T,
) -> Result<(Vec<u8>, Digest), Unsound> {
    let bytes = serde_json::to_vec(record).map_err(|cause| Unsound::Json { table, cause })?;
    let digest = digest(table, id, &bytes);
    Ok((bytes, digest))
}

/// A record read back, if its bytes are those that were written.
pub(crate) fn undigest<T: DeserializeOwned>(
    table: &'static str,
    id: &str,
    record: &[u8],
    stored: &[u8],
) -> Result<T, Unsound> {
    if digest(table, id, record) != stored {
        return Err(Unsound::Damaged { table, id: id.to_owned() });
    }
    serde_json::from_slice(record).map_err(|cause| Unsound::Json { table, cause })
}

/// Everything that a person may type to find a device.
pub(crate) fn search_text(device: &Device) -> String {
    let mut text = device.id.to_string();
    let mut add = |part: &str| {
        text.push('\n');
        text.push_str(part);
    };
    device.macs.iter().for_each(|mac| add(&mac.to_string()));
    device.ips.iter().for_each(|ip| add(&ip.to_string()));
    device.hostnames.iter().for_each(|name| add(name.as_str()));
    for label in
        [&device.vendor, &device.model, &device.serial, &device.os, &device.firmware].into_iter().flatten()
    {
        add(label.as_str());
    }
    add(device.category.name());
    text.to_lowercase()
}
