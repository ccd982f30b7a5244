//! A simulated hospital and its attackers.
