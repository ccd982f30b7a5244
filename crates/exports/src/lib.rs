//! Records to what others read: reports.
