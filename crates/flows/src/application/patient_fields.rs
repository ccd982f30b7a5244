//! Which kinds of patient data the fields of a document hold: known by their keys, never by what they say.

use wardline_model::fact::{PatientField, PatientFields};
use wardline_wire::Sensitive;
use wardline_wire::enterprise::http::{BodyFormat, Field, fields};

/// What the keys of a document say about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Kinds that are present.
    pub fields: PatientFields,
    /// It is a FHIR resource.
    pub fhir: bool,
}

/// Longest key compared, bytes without separators.
const KEY_BYTES_MAX: usize = 32;

/// Looks through a document, or its beginning.
pub(super) fn look(format: BodyFormat, body: &[u8]) -> Findings {
    let mut look = Look { elements: format == BodyFormat::Xml, ..Look::default() };
    fields(format, body, |Field { key, value }| look.field(key, value));
    look.finish()
}

/// Looks at one field after the other.
#[derive(Clone, Copy, Default)]
pub(super) struct Look {
    strong: PatientFields,
    weak: PatientFields,
    about_patient: bool,
    fhir: bool,
    /// Names of elements tell what is inside.
    elements: bool,
}

impl Look {
    pub(super) fn field(&mut self, key: &[u8], value: Option<Sensitive<&[u8]>>) {
        let mut folded = [0; KEY_BYTES_MAX];
        let key = fold(key, &mut folded);
        if key == b"resourcetype" {
            self.fhir = true;
            let kind = value.map(|value| resource(value.expose())).unwrap_or_default();
            self.about_patient |= kind.patient;
            kind.field.into_iter().for_each(|field| self.strong.insert(field));
            return;
        }
        if self.elements {
            self.about_patient |= matches!(key, b"patient" | b"patientrole" | b"recordtarget");
            self.fhir |= matches!(key, b"resource");
        }
        // A reference such as `Patient/4711` names the patient.
        if value.is_some_and(|value| value.expose().starts_with(b"Patient/")) {
            self.strong.insert(PatientField::Identifier);
        }
        if let Some(field) = strong_field(key) {
            self.strong.insert(field);
        } else if let Some(field) = weak_field(key) {
            self.weak.insert(field);
        }
    }

    pub(super) fn finish(self) -> Findings {
        let Self { mut strong, weak, about_patient, fhir, .. } = self;
        // A name or an address alone may be anybody's; beside a patient it is the patient's.
        if about_patient || strong.identifies() || strong.contains(PatientField::BirthDate) {
            strong.merge(weak);
        }
        let enough = strong.identifies()
            || strong.contains(PatientField::BirthDate)
            || strong.iter().count() >= 2
            || (fhir && !strong.is_empty());
        Findings { fields: if enough { strong } else { PatientFields::default() }, fhir }
    }
}

/// Letters in lower case and digits only: `patient_name`, `PatientName` and `patient-name` are one key.
fn fold<'k>(key: &[u8], into: &'k mut [u8; KEY_BYTES_MAX]) -> &'k [u8] {
    let mut length = 0;
    let kept = key.iter().filter(|byte| byte.is_ascii_alphanumeric());
    for (place, byte) in into.iter_mut().zip(kept) {
        *place = byte.to_ascii_lowercase();
        length += 1;
    }
    into.get(..length).unwrap_or_default()
}

/// What kind of FHIR resource says about its fields.
#[derive(Default)]
struct Resource {
    patient: bool,
    field: Option<PatientField>,
}

fn resource(kind: &[u8]) -> Resource {
    let field = match kind {
        b"Observation" | b"DiagnosticReport" => Some(PatientField::Result),
        b"Condition" => Some(PatientField::Diagnosis),
        b"MedicationRequest" | b"MedicationAdministration" | b"ServiceRequest" => Some(PatientField::Order),
        b"Encounter" => Some(PatientField::Visit),
        b"ImagingStudy" => Some(PatientField::Image),
        _ => None,
    };
    Resource { patient: kind == b"Patient", field }
}

/// Keys that speak of a patient wherever they stand. The numbers are DICOM attributes, as in its JSON model.
fn strong_field(key: &[u8]) -> Option<PatientField> {
    Some(match key {
        b"patientname" | b"patname" | b"ptname" | b"patientfirstname" | b"patientlastname"
        | b"patientfamilyname" | b"patientgivenname" | b"00100010" => PatientField::Name,
        b"patientid"
        | b"patientidentifier"
        | b"patid"
        | b"mrn"
        | b"medicalrecordnumber"
        | b"nhsnumber"
        | b"patientmrn"
        | b"00100020" => PatientField::Identifier,
        b"birthdate" | b"birthtime" | b"dateofbirth" | b"dob" | b"patientbirthdate" | b"patientdob"
        | b"00100030" => PatientField::BirthDate,
        b"patientsex" | b"patientgender" | b"administrativegendercode" | b"00100040" => PatientField::Sex,
        b"patientaddress" | b"00101040" => PatientField::Address,
        b"patientphone" | b"patienttelephone" | b"00102154" => PatientField::Telephone,
        b"visitnumber" | b"visitid" | b"encounterid" | b"admissionid" | b"00380010" => PatientField::Visit,
        b"ssn" | b"socialsecuritynumber" | b"insurancenumber" | b"insuranceid" | b"00101050" => {
            PatientField::Insurance
        }
        b"nextofkin" => PatientField::Kin,
        b"heartrate" | b"spo2" | b"sao2" | b"bloodpressure" | b"respiratoryrate" | b"bloodglucose"
        | b"valuequantity" => PatientField::Result,
        b"prescription" | b"medicationcodeableconcept" | b"doseinstruction" | b"dosageinstruction" => {
            PatientField::Order
        }
        b"diagnosis" | b"diagnoses" | b"icd10" | b"icd10code" => PatientField::Diagnosis,
        b"7fe00010" => PatientField::Image,
        b"attendingphysician" | b"referringphysician" | b"00080090" => PatientField::Clinician,
        b"bedid" | b"bednumber" | b"bedlabel" => PatientField::Location,
        _ => return None,
    })
}

/// Keys that speak of a patient only beside one.
fn weak_field(key: &[u8]) -> Option<PatientField> {
    Some(match key {
        b"name" | b"family" | b"given" | b"firstname" | b"lastname" | b"surname" | b"fullname" => {
            PatientField::Name
        }
        b"identifier" | b"id" => PatientField::Identifier,
        b"gender" | b"sex" => PatientField::Sex,
        b"address" | b"street" | b"postalcode" => PatientField::Address,
        b"telecom" | b"phone" | b"telephone" | b"mobile" => PatientField::Telephone,
        b"contact" => PatientField::Kin,
        b"bed" | b"room" | b"ward" => PatientField::Location,
        b"generalpractitioner" | b"physician" | b"clinician" => PatientField::Clinician,
        b"glucose" | b"temperature" | b"ecg" => PatientField::Result,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(format: BodyFormat, body: &[u8]) -> Vec<PatientField> {
        look(format, body).fields.iter().collect()
    }

    #[test]
    fn knows_a_fhir_patient() {
        let body = br#"{"resourceType":"Patient","name":[{"family":"Example"}],"birthDate":"1970-01-01"}"#;
        assert_eq!(kinds(BodyFormat::Json, body), [PatientField::Name, PatientField::BirthDate]);
        assert!(look(BodyFormat::Json, body).fhir);
        let body = br#"{"resourceType":"Observation","subject":{"reference":"Patient/1"}}"#;
        assert_eq!(kinds(BodyFormat::Json, body), [PatientField::Identifier, PatientField::Result]);
        let body = b"<Patient xmlns='http://hl7.org/fhir'><gender value='other'/><birthDate value='1970'/></Patient>";
        assert_eq!(kinds(BodyFormat::Xml, body), [PatientField::BirthDate, PatientField::Sex]);
    }

    #[test]
    fn knows_forms_and_dicom_json() {
        let body = b"patient_name=Example&room=4&submit=1";
        assert_eq!(kinds(BodyFormat::Form, body), [PatientField::Name, PatientField::Location]);
        let body = br#"[{"00100010":{"vr":"PN","Value":[]},"00100020":{"vr":"LO"}}]"#;
        assert_eq!(kinds(BodyFormat::Json, body), [PatientField::Name, PatientField::Identifier]);
    }

    #[test]
    fn what_is_nobodys_is_not_told() {
        let body = br#"{"name":"printer 4","address":"192.0.2.1","temperature":21,"diagnosis":"ok"}"#;
        assert!(look(BodyFormat::Json, body).fields.is_empty());
        assert!(look(BodyFormat::Form, b"name=x&phone=y").fields.is_empty());
    }
}
