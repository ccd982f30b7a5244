//! The invented people of the recordings. None of them is anybody.

/// An invented patient.
pub(super) struct Person {
    pub family: &'static str,
    pub given: &'static str,
    pub number: &'static str,
    /// `YYYYMMDD`.
    pub birth_date: &'static str,
    pub sex: &'static str,
    pub visit: &'static str,
    pub accession: &'static str,
}

pub(super) const PEOPLE: [Person; 2] = [
    Person {
        family: "Quarzenmoor",
        given: "Ilsabetha",
        number: "WLR8830417",
        birth_date: "19470923",
        sex: "F",
        visit: "VWL550218",
        accession: "AWL730092",
    },
    Person {
        family: "Trollingham",
        given: "Osgoodwin",
        number: "WLR8830958",
        birth_date: "19620214",
        sex: "M",
        visit: "VWL550377",
        accession: "AWL730155",
    },
];

/// What may be in no output: everything that tells who somebody is, and the passwords.
pub(super) fn canaries() -> Vec<&'static str> {
    let mut canaries: Vec<_> = PEOPLE
        .iter()
        .flat_map(|person| {
            [person.family, person.given, person.number, person.birth_date, person.visit, person.accession]
        })
        .collect();
    canaries.push(PASSWORD);
    canaries
}

/// The password of every account in the recordings.
pub(super) const PASSWORD: &str = "Fjordkiesel27";
/// The name of every account in the recordings.
pub(super) const ACCOUNT: &str = "wardstaff";
