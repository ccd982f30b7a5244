//! HL7 FHIR R4 and R5: which devices a server knows, what they measured, and which records are asked for.
//! RESTful API (<https://hl7.org/fhir/R4/http.html>), JSON and XML (`json.html`, `xml.html`), bulk data access
//! (`application/fhir+ndjson`).
//!
//! Recognised by media type, by the word `fhir` in the path, or by a document whose root says `resourceType`.
//!
//! Every resource is told when it is over, those inside bundles and `contained` before the one around them. The same
//! reader takes both writings: `<serialNumber value="7"/>` and `"serialNumber": "7"` are one field.
//!
//! Ignored: narrative, extensions, primitive elements with an underscore, resources other than those of [`Content`] but
//! for their type and whether they are about a patient.

mod reader;
mod resource;
mod target;

pub use reader::{Format, Reader};
pub use resource::{CapabilityStatement, Content, Device, Observation, Patient, Quantity, Resource};
pub use target::{Interaction, Target};
