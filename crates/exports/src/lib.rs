//! Records and policies to what others read: the site report as one HTML page that needs nothing else, and the rules of
//! firewalls.
#![forbid(unsafe_code)]

pub mod policy;
mod report;

pub use report::SiteReport;
