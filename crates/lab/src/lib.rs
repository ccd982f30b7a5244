//! A simulated hospital and its attackers.
#![forbid(unsafe_code)]
