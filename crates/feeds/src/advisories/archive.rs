//! Archives of CVE records: the release of cvelistV5, a zip of a zip, or any zip of documents that can be read here.
//!
//! APPNOTE.TXT of PKWARE. An archive is a stranger's: what it unpacks to is bounded for each document and altogether, and
//! what one document breaks harms no other.

use std::io::{Read, Seek, Write};

use zip::ZipArchive;

use super::{FeedError, Knowledge};

/// Documents in an archive, at most; there are about 350,000 CVE records.
pub const ENTRIES_MAX: usize = 2_000_000;

/// Longest document in an archive, bytes. The longest CVE records have less than 4 MB.
pub const ENTRY_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Longest document of an archive that holds nothing else, bytes: the downloads of openFDA are one document each.
pub const ONLY_ENTRY_BYTES_MAX: u64 = super::FILE_BYTES_MAX as u64;

/// All documents of an archive together, bytes. All CVE records have about 3 GB.
pub const TOTAL_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// Copies the archive within an archive, where there is one and nothing else matters, and says how long it is. A release of
/// cvelistV5 is packed twice.
pub fn unwrap_inner(
    outer: impl Read + Seek,
    scratch: &mut impl Write,
    bytes_max: u64,
) -> Result<Option<u64>, FeedError> {
    let mut archive = open(outer)?;
    let inner = (0..archive.len().min(ENTRIES_MAX)).find(|place| {
        archive.name_for_index(*place).is_some_and(|name| name.is_ok_and(|name| name.ends_with(".zip")))
    });
    let Some(inner) = inner else { return Ok(None) };
    let file = archive.by_index(inner).map_err(|error| damaged(&error))?;
    let copied = std::io::copy(&mut file.take(bytes_max + 1), scratch).map_err(|error| damaged(&error))?;
    if copied > bytes_max {
        return Err(FeedError::Bomb { bytes_max });
    }
    Ok(Some(copied))
}

/// Reads every JSON document of an archive in its order: name, and what it says or why it says nothing.
///
/// The logs of changes that a release of cvelistV5 holds besides records are passed over.
pub fn documents(
    archive: impl Read + Seek,
    mut each: impl FnMut(&str, Result<Knowledge, FeedError>),
) -> Result<(), FeedError> {
    let mut archive = open(archive)?;
    let entry_bytes_max = if archive.len() == 1 { ONLY_ENTRY_BYTES_MAX } else { ENTRY_BYTES_MAX };
    let mut total = 0_u64;
    let mut bytes = Vec::new();
    for place in 0..archive.len() {
        let mut file = match archive.by_index(place) {
            Ok(file) => file,
            Err(error) => {
                each(&format!("entry {}", place + 1), Err(damaged(&error)));
                continue;
            }
        };
        let Ok(name) = file.name().map(|name| name.into_owned()) else { continue };
        let last = name.rsplit('/').next().unwrap_or_default();
        if !last.ends_with(".json")
            || matches!(last, "delta.json" | "deltaLog.json" | "recent_activities.json")
        {
            continue;
        }
        bytes.clear();
        let read = (&mut file).take(entry_bytes_max + 1).read_to_end(&mut bytes);
        total = total.saturating_add(bytes.len() as u64);
        if total > TOTAL_BYTES_MAX {
            return Err(FeedError::Bomb { bytes_max: TOTAL_BYTES_MAX });
        }
        let said = match read {
            Err(error) => Err(damaged(&error)),
            Ok(_) if bytes.len() as u64 > entry_bytes_max => {
                Err(FeedError::Bomb { bytes_max: entry_bytes_max })
            }
            Ok(_) => super::read_plain(&bytes),
        };
        each(&name, said);
    }
    Ok(())
}

fn open<R: Read + Seek>(reader: R) -> Result<ZipArchive<R>, FeedError> {
    let archive = ZipArchive::new(reader).map_err(|error| damaged(&error))?;
    if archive.len() > ENTRIES_MAX {
        return Err(FeedError::TooMany(ENTRIES_MAX));
    }
    Ok(archive)
}

fn damaged(error: &impl ToString) -> FeedError {
    FeedError::Archive(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    const RECORD: &[u8] = br#"{"dataType": "CVE_RECORD", "cveMetadata": {"cveId": "CVE-2025-0002", "state": "PUBLISHED"},
      "containers": {"cna": {"affected": [{"vendor": "Example", "product": "Viewer", "versions": [{"version": "1.0", "status": "affected"}]}]}}}"#;

    #[test]
    fn a_broken_record_is_named_and_the_others_are_read() {
        let archive = packed(&[
            ("cves/2025/0xxx/CVE-2025-0002.json", RECORD),
            ("cves/2025/0xxx/CVE-2025-0003.json", b"{\"dataType\": "),
            ("cves/deltaLog.json", b"[]"),
        ]);
        let all = super::super::read(&archive).unwrap();
        assert_eq!(all.advisories.len(), 1);
        assert_eq!(all.unreadable.len(), 1);
        assert!(
            all.unreadable[0].starts_with("cves/2025/0xxx/CVE-2025-0003.json: line 1"),
            "{:?}",
            all.unreadable
        );
    }

    #[test]
    fn an_archive_within_an_archive_is_unwrapped_within_bounds() {
        let inner = packed(&[("cves/CVE-2025-0002.json", RECORD)]);
        let outer = packed(&[("cves.zip", &inner)]);
        let mut scratch = Vec::new();
        assert_eq!(unwrap_inner(Cursor::new(&outer), &mut scratch, 1 << 20), Ok(Some(inner.len() as u64)));
        assert_eq!(scratch, inner);
        assert_eq!(unwrap_inner(Cursor::new(&inner), &mut Vec::new(), 1 << 20), Ok(None));
        assert!(matches!(
            unwrap_inner(Cursor::new(&outer), &mut Vec::new(), 10),
            Err(FeedError::Bomb { .. })
        ));
    }

    #[test]
    fn a_bomb_is_named_and_takes_no_memory() {
        let zeros = vec![b' '; usize::try_from(ENTRY_BYTES_MAX).unwrap() + 10];
        let archive = packed(&[("CVE-2025-0009.json", &zeros), ("CVE-2025-0002.json", RECORD)]);
        assert!(archive.len() < 100_000, "packed well: {}", archive.len());
        let all = super::super::read(&archive).unwrap();
        assert_eq!((all.advisories.len(), all.unreadable.len()), (1, 1));
        assert!(all.unreadable[0].contains("unpacks to more than"), "{:?}", all.unreadable);
    }

    proptest::proptest! {
        #[test]
        fn a_damaged_archive_is_refused_or_read_in_part(place in 0_usize..400, value: u8, cut in 0_usize..400) {
            let mut archive = packed(&[("CVE-2025-0002.json", RECORD)]);
            let length = archive.len();
            archive[place % length] = value;
            let _ = super::super::read(&archive);
            let _ = super::super::read(&archive[..cut.min(length)]);
        }
    }
}
