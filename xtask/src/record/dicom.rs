//! DICOM: dcmtk against dcmtk, and dcmtk against Orthanc.

use std::fmt::Write as _;

use anyhow::Result;

use super::network::Network;
use super::people::{ACCOUNT, PASSWORD, PEOPLE, Person};
use super::plan::{Plan, StationPlan, station};

const DCMTK_STATIONS: &[StationPlan] =
    &[station("archive", 10, "pacs", &["dcmtk"]), station("scanner", 20, "imaging-modality", &["dcmtk"])];

/// A scanner made of dcmtk sends two images to an archive made of dcmtk.
pub(super) const DCMTK: Plan = Plan {
    name: "dicom-dcmtk",
    what: "echoscu asks storescp whether it is there; storescu sends two images made by dump2dcm, and then one again, \
           offering JPEG 2000, which storescp refuses, beside what it takes",
    stations: DCMTK_STATIONS,
    names_addresses: false,
    play: dcmtk,
};

const ORTHANC_STATIONS: &[StationPlan] = &[
    station("archive", 11, "pacs", &["orthanc"]),
    station("reader", 21, "radiology-workstation", &["dcmtk", "curl"]),
    station("scanner", 22, "imaging-modality", &["dcmtk"]),
];

/// An archive made of Orthanc is filled, asked, and gives back.
pub(super) const ORTHANC: Plan = Plan {
    name: "dicom-orthanc",
    what: "storescu sends two images to Orthanc; findscu asks for studies; \
           movescu has one study sent to storescp; getscu fetches the other; curl asks Orthanc's web interface \
           who it is",
    stations: ORTHANC_STATIONS,
    names_addresses: false,
    play: orthanc,
};

const SIDE: usize = 24;

/// Two images, one of each person. Returns their paths.
fn images(network: &Network) -> Result<Vec<String>> {
    let pixels: Vec<u8> = (0..SIDE * SIDE).flat_map(|place| [(place % 251) as u8, 0]).collect();
    let pixels = network.file("pixels.raw", pixels)?;
    let mut images = Vec::new();
    for (count, person) in PEOPLE.iter().enumerate() {
        let dump = network.file(&format!("image{count}.dump"), image(person, count, &pixels))?;
        let path = network.place.join(format!("image{count}.dcm")).display().to_string();
        network.run("scanner", "dump2dcm", &["--write-xfer-little", &dump, &path])?;
        images.push(path);
    }
    Ok(images)
}

/// A CT image (PS3.3 A.3) as dump2dcm reads it.
fn image(person: &Person, count: usize, pixels: &str) -> String {
    const ROOT: &str = "2.25.302107";
    let Person { family, given, number, birth_date, sex, accession, .. } = person;
    let mut dump = String::new();
    let mut say = |tag: &str, kind: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(dump, "({tag}) {kind} {value}");
    };
    say("0008,0008", "CS", "[ORIGINAL\\PRIMARY\\AXIAL]");
    say("0008,0016", "UI", "[1.2.840.10008.5.1.4.1.1.2]");
    say("0008,0018", "UI", &format!("[{ROOT}.{count}.1]"));
    say("0008,0020", "DA", "[20260302]");
    say("0008,0030", "TM", "[073000]");
    say("0008,0050", "SH", &format!("[{accession}]"));
    say("0008,0060", "CS", "[CT]");
    say("0008,0070", "LO", "[Wardline Test Imaging]");
    say("0008,0080", "LO", "[Invented Hospital]");
    say("0008,0090", "PN", "[]");
    say("0008,1010", "SH", "[CT-ROOM-1]");
    say("0008,1090", "LO", "[Phantom One]");
    say("0010,0010", "PN", &format!("[{family}^{given}]"));
    say("0010,0020", "LO", &format!("[{number}]"));
    say("0010,0030", "DA", &format!("[{birth_date}]"));
    say("0010,0040", "CS", &format!("[{sex}]"));
    say("0018,1000", "LO", "[WTI-0042]");
    say("0018,1020", "LO", "[5.1.2]");
    say("0020,000d", "UI", &format!("[{ROOT}.{count}]"));
    say("0020,000e", "UI", &format!("[{ROOT}.{count}.0]"));
    say("0020,0010", "SH", "[1]");
    say("0020,0011", "IS", "[1]");
    say("0020,0013", "IS", "[1]");
    say("0028,0002", "US", "1");
    say("0028,0004", "CS", "[MONOCHROME2]");
    say("0028,0010", "US", &SIDE.to_string());
    say("0028,0011", "US", &SIDE.to_string());
    say("0028,0100", "US", "16");
    say("0028,0101", "US", "12");
    say("0028,0102", "US", "11");
    say("0028,0103", "US", "0");
    say("7fe0,0010", "OW", &format!("={pixels}"));
    dump
}

fn dcmtk(network: &mut Network) -> Result<()> {
    let images = images(network)?;
    let store = network.place.join("store").display().to_string();
    std::fs::create_dir_all(&store)?;
    network.serve("archive", "storescp", &["--aetitle", "ARCHIVE1", "--output-directory", &store, "104"])?;
    network.wait_for("archive", 't', 104)?;
    let titles = ["-aet", "CTROOM1", "-aec", "ARCHIVE1", "192.0.2.10", "104"];
    network.run("scanner", "echoscu", &titles)?;
    network.run("scanner", "storescu", &[&titles[..], &[&images[0], &images[1]]].concat())?;
    // A context of a transfer syntax that the archive was not told to take is refused, the other one is used.
    network
        .run("scanner", "storescu", &[&["--propose-j2k-lossless"][..], &titles, &[&images[0]]].concat())
        .map(drop)
}

fn orthanc(network: &mut Network) -> Result<()> {
    let images = images(network)?;
    let archive = network.place.join("orthanc").display().to_string();
    std::fs::create_dir_all(&archive)?;
    let configuration = serde_json::json!({
        "Name": "ARCHIVE2", "DicomAet": "ARCHIVE2", "DicomPort": 4242, "HttpPort": 8042,
        "RemoteAccessAllowed": true, "AuthenticationEnabled": true, "RegisteredUsers": { ACCOUNT: PASSWORD },
        "StorageDirectory": archive, "IndexDirectory": archive, "Plugins": [], "HttpDescribeErrors": false,
        "DicomModalities": {
            "reader": ["READER1", "192.0.2.21", 11112],
            "scanner": ["CTROOM1", "192.0.2.22", 104],
        },
    });
    let configuration = network.file("orthanc.json", configuration.to_string())?;
    network.serve("archive", "Orthanc", &[&configuration])?;
    network.wait_for("archive", 't', 4242)?;
    network.wait_for("archive", 't', 8042)?;
    let fetched = network.place.join("fetched").display().to_string();
    std::fs::create_dir_all(&fetched)?;
    network.serve(
        "reader",
        "storescp",
        &["--aetitle", "READER1", "--output-directory", &fetched, "11112"],
    )?;
    network.wait_for("reader", 't', 11_112)?;

    let archive = ["-aec", "ARCHIVE2", "192.0.2.11", "4242"];
    let scanner = [&["-aet", "CTROOM1"][..], &archive].concat();
    let reader = [&["-aet", "READER1"][..], &archive].concat();
    network.run("scanner", "storescu", &[&scanner[..], &[&images[0], &images[1]]].concat())?;
    let study = |level: &str, key: &str| -> Vec<String> {
        ["-S", "-k", &format!("QueryRetrieveLevel={level}"), "-k", key].map(str::to_owned).to_vec()
    };
    let ask = |extra: &[&str]| -> Result<()> {
        let keys = study("STUDY", "PatientName");
        let keys: Vec<&str> = keys.iter().map(String::as_str).chain(extra.iter().copied()).collect();
        network.run("reader", "findscu", &[&keys[..], &reader].concat()).map(drop)
    };
    ask(&["-k", "StudyInstanceUID", "-k", "PatientID", "-k", "PatientBirthDate"])?;
    ask(&["-k", &format!("PatientID={}", PEOPLE[0].number), "-k", "AccessionNumber"])?;
    let one = study("STUDY", "StudyInstanceUID=2.25.302107.0");
    let one: Vec<&str> = one.iter().map(String::as_str).collect();
    network.run("reader", "movescu", &[&["-aem", "READER1"][..], &one, &reader].concat())?;
    let other = study("STUDY", "StudyInstanceUID=2.25.302107.1");
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    network.run("reader", "getscu", &[&["-od", &fetched][..], &other, &reader].concat())?;
    // A title that is not the archive's: Orthanc does not check unless told to.
    network.run("reader", "echoscu", &["-aet", "READER1", "-aec", "ANYONE", "192.0.2.11", "4242"])?;
    let account = format!("{ACCOUNT}:{PASSWORD}");
    for path in ["system", "statistics"] {
        let page = format!("http://archive2:8042/{path}");
        network.run(
            "reader",
            "curl",
            &["--silent", "--fail", "--user", &account, "--resolve", "archive2:8042:192.0.2.11", &page],
        )?;
    }
    Ok(())
}
