//! Parcels on the sensor's disk, from when they are made until the site has stored what follows from them.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::{BusError, Counted, Parcel};

/// How much a spool may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Bytes on disk.
    pub bytes: u64,
}

impl Default for SpoolLimits {
    /// 10 GiB: days of a busy ward.
    fn default() -> Self {
        Self { bytes: 10 << 30 }
    }
}

struct Entry {
    number: u64,
    bytes: u64,
}

/// A folder of parcels, one file each.
pub struct Spool {
    folder: PathBuf,
    id: String,
    limits: SpoolLimits,
    /// Those on disk, the oldest first. The newest stays, so that numbers go on where they were.
    entries: VecDeque<Entry>,
    bytes: u64,
    next: u64,
    /// Up to which number the site has them.
    confirmed: u64,
    /// What was counted since the last parcel that found room.
    owed: Counted,
}

impl Spool {
    /// Opens, and where necessary makes, a spool.
    pub fn open(folder: &Path, limits: SpoolLimits) -> Result<Self, BusError> {
        fs::create_dir_all(folder).map_err(BusError::file(folder))?;
        let id = read_id(folder)?;
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(BusError::file(folder))? {
            let entry = entry.map_err(BusError::file(folder))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.ends_with(".unfinished") {
                fs::remove_file(entry.path()).map_err(BusError::file(entry.path()))?;
            } else if let Some(number) = name.strip_suffix(".parcel").and_then(|number| number.parse().ok()) {
                let bytes = entry.metadata().map_err(BusError::file(entry.path()))?.len();
                entries.push(Entry { number, bytes });
            }
        }
        entries.sort_unstable_by_key(|entry| entry.number);
        let next = entries.last().map_or(1, |entry| entry.number + 1);
        let confirmed = entries.first().map_or(0, |entry| entry.number - 1);
        let bytes = entries.iter().map(|entry| entry.bytes).sum();
        let owed = Counted::default();
        Ok(Self {
            folder: folder.to_owned(),
            id,
            limits,
            entries: entries.into(),
            bytes,
            next,
            confirmed,
            owed,
        })
    }

    /// Names this spool: another has another.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Puts a parcel on disk, synced, and numbers it. Where there is no room its observations are given up; its counts
    /// are told with the next one that finds room.
    pub fn push(&mut self, parcel: Parcel) -> Result<Option<u64>, BusError> {
        let observations = parcel.observations.len() as u64;
        self.owed.add(parcel.counted);
        let mut parcel = Parcel { spool: self.id.clone(), number: self.next, counted: self.owed, ..parcel };
        let encoded = parcel.encode()?;
        if self.bytes.saturating_add(encoded.len() as u64) > self.limits.bytes && self.waiting() > 0 {
            self.owed.given_up += observations;
            return Ok(None);
        }
        self.write(self.next, &encoded)?;
        self.entries.push_back(Entry { number: self.next, bytes: encoded.len() as u64 });
        self.bytes += encoded.len() as u64;
        self.next += 1;
        self.owed = Counted::default();
        Ok(Some(self.next - 1))
    }

    /// The bytes of a parcel, while it is there.
    pub fn read(&self, number: u64) -> Result<Option<Vec<u8>>, BusError> {
        let path = self.path(number);
        match File::open(&path) {
            Ok(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).map_err(BusError::file(&path))?;
                Ok(Some(bytes))
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(BusError::File { path, cause }),
        }
    }

    /// The site has stored what follows from everything up to `number`.
    pub fn confirm(&mut self, number: u64) -> Result<(), BusError> {
        self.confirmed = self.confirmed.max(number.min(self.next - 1));
        while self.entries.len() > 1
            && let Some(entry) = self.entries.pop_front_if(|entry| entry.number <= self.confirmed)
        {
            let path = self.path(entry.number);
            fs::remove_file(&path).map_err(BusError::file(&path))?;
            self.bytes -= entry.bytes;
        }
        Ok(())
    }

    /// The first number that is not confirmed.
    pub const fn first(&self) -> u64 {
        self.confirmed + 1
    }

    /// The number of the next parcel.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// How many parcels wait for the site.
    pub const fn waiting(&self) -> u64 {
        self.next - 1 - self.confirmed
    }

    /// Bytes on disk.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:016}.parcel"))
    }

    fn write(&self, number: u64, bytes: &[u8]) -> Result<(), BusError> {
        write_synced(&self.path(number), bytes)
    }
}

/// Writes a file that is there whole or not at all.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), BusError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let written = File::create(&unfinished).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(BusError::file(&unfinished))?;
    fs::rename(&unfinished, path).map_err(BusError::file(path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(BusError::file(folder))
}

fn read_id(folder: &Path) -> Result<String, BusError> {
    let path = folder.join("spool.id");
    match fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => Ok(id.trim().to_owned()),
        Ok(_) => make_id(&path),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => make_id(&path),
        Err(cause) => Err(BusError::File { path, cause }),
    }
}

fn make_id(path: &Path) -> Result<String, BusError> {
    let mut random = [0; 16];
    let source = Path::new("/dev/urandom");
    File::open(source).and_then(|mut file| file.read_exact(&mut random)).map_err(BusError::file(source))?;
    let id = random.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    write_synced(path, id.as_bytes())?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(packets: u64) -> Parcel {
        Parcel { counted: Counted { packets, ..Counted::default() }, ..Parcel::default() }
    }

    fn read(spool: &Spool, number: u64) -> Parcel {
        Parcel::decode("icu", &spool.read(number).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn numbers_go_on_after_a_restart_even_when_everything_was_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), SpoolLimits::default()).unwrap();
        for packets in 1..=5 {
            assert_eq!(spool.push(parcel(packets)).unwrap(), Some(packets));
        }
        spool.confirm(3).unwrap();
        assert_eq!((spool.first(), spool.waiting()), (4, 2));
        assert_eq!(spool.read(3).unwrap(), None);
        let id = spool.id().to_owned();
        fs::write(folder.path().join("0000000000000006.parcel.unfinished"), b"half").unwrap();
        drop(spool);
        let mut spool = Spool::open(folder.path(), SpoolLimits::default()).unwrap();
        assert_eq!((spool.id(), spool.first(), spool.next()), (id.as_str(), 4, 6));
        assert_eq!(read(&spool, 5).counted.packets, 5);
        // A confirmation of what was never made confirms nothing else.
        spool.confirm(99).unwrap();
        drop(spool);
        let spool = Spool::open(folder.path(), SpoolLimits::default()).unwrap();
        assert_eq!((spool.next(), spool.bytes() > 0), (6, true));
    }

    #[test]
    fn a_full_spool_gives_up_observations_and_no_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(folder.path(), SpoolLimits::default()).unwrap();
        spool.push(parcel(1)).unwrap();
        let room = SpoolLimits { bytes: spool.bytes() * 3 };
        drop(spool);
        let mut spool = Spool::open(folder.path(), room).unwrap();
        let seen = wardline_model::Observation {
            sighting: Default::default(),
            from: Default::default(),
            to: Default::default(),
            transport: None,
            vlan: None,
            fact: wardline_model::Fact::StationSeen,
        };
        let mut refused = 0;
        for _ in 0..10 {
            let parcel = Parcel { observations: vec![seen.clone()], ..parcel(1) };
            refused += u64::from(spool.push(parcel).unwrap().is_none());
        }
        assert!(refused > 5, "{refused}");
        spool.confirm(spool.next() - 1).unwrap();
        let number = spool.push(parcel(1)).unwrap().expect("there is room again");
        let told: Counted = (1..=number)
            .filter_map(|number| spool.read(number).unwrap())
            .map(|bytes| Parcel::decode("icu", &bytes).unwrap().counted)
            .fold(Counted::default(), |mut sum, counted| {
                sum.add(counted);
                sum
            });
        assert_eq!(told.given_up, refused);
        assert!(told.packets > refused, "{told:?}");
    }
}
