//! Records to what others read. So far: the site report as one HTML page that needs nothing else.
#![forbid(unsafe_code)]

mod report;

pub use report::SiteReport;
