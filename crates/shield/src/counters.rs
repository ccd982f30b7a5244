//! Counters, for people and for Prometheus.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:literal,)+) => {
        /// What happened, since the start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: AtomicU64,)+
        }

        impl Counters {
            /// Text exposition format of Prometheus, version 0.0.4.
            pub fn write(&self, out: &mut String) {
                $(
                    let help = concat!($($doc),+);
                    let value = self.$name.load(Ordering::Relaxed);
                    let name = concat!("wardline_shield_", stringify!($name));
                    out.push_str(&format!("# HELP {name}{help}\n# TYPE {name} {}\n{name} {value}\n", $kind));
                )+
            }
        }
    };
}

counters! {
    /// Links made.
    links_total: "counter",
    /// Links that broke.
    links_broken_total: "counter",
    /// Links that are up.
    links_up: "gauge",
    /// Handshakes that resumed an earlier session.
    handshakes_resumed_total: "counter",
    /// Handshakes that failed.
    handshakes_failed_total: "counter",
    /// Connections to the port of the link that were closed because too many handshakes were under way.
    handshakes_shed_total: "counter",
    /// Local connections taken.
    connections_total: "counter",
    /// Local connections closed because too many were open.
    connections_shed_total: "counter",
    /// Local connections that are open.
    connections_open: "gauge",
    /// Connections closed because their peer took nothing.
    connections_stalled_total: "counter",
    /// Local connections that found no link.
    connections_unlinked_total: "counter",
    /// Connections and messages that an allow-list refused.
    refused_total: "counter",
    /// Bytes from local connections into the link.
    sent_bytes_total: "counter",
    /// Bytes from the link into local connections.
    received_bytes_total: "counter",
    /// Bytes of padding sent.
    padding_bytes_total: "counter",
    /// Cells sent.
    cells_total: "counter",
    /// Cells whose urgent content did not fit, so that more was sent than the shape allows.
    cells_overrun_total: "counter",
    /// Messages put into a queue.
    messages_queued_total: "counter",
    /// Messages delivered to their receiver.
    messages_delivered_total: "counter",
    /// Messages that came again and were not delivered again.
    messages_repeated_total: "counter",
    /// Messages that wait in queues.
    messages_waiting: "gauge",
    /// Messages of which nobody knows whether their receiver took them, and that were held.
    messages_held_total: "counter",
    /// Delay of the link there and back, microseconds, last measured.
    round_trip_microseconds: "gauge",
    /// Seconds until the certificate expires.
    certificate_seconds_left: "gauge",
    /// Certificates renewed.
    certificates_renewed_total: "counter",
    /// Findings that were dropped because their file is too slow, or too many grew at once.
    findings_dropped_total: "counter",
}

pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

pub(crate) fn subtract(counter: &AtomicU64, amount: u64) {
    counter.fetch_sub(amount, Ordering::Relaxed);
}

pub(crate) fn set(counter: &AtomicU64, value: u64) {
    counter.store(value, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_written_for_prometheus() {
        let counters = Counters::default();
        add(&counters.links_total, 3);
        let mut text = String::new();
        counters.write(&mut text);
        assert!(text.starts_with(
            "# HELP wardline_shield_links_total Links made.\n# TYPE wardline_shield_links_total counter\nwardline_shield_links_total 3\n"
        ), "{text}");
    }
}
