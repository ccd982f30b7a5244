//! A device is told to forget or to stop: MITRE ATT&CK T0836, T0838, T0878, T0809, T0816, T0855, T0858.
//!
//! * [`Commanded`]: commands of control protocols (Modbus, BACnet, S7, CoAP, SDC, HTTP …) that change, erase, silence or
//!   stop a device, from a station that did not do so before. A controller that writes from the start, and again and
//!   again, is doing its work.
//! * [`RestartLoop`]: a device that begins anew again and again.

use std::net::IpAddr;

use wardline_model::fact::{ControlFact, ControlOperation, DhcpMessage, HttpFact, HttpRequest};
use wardline_model::{
    Attack, Category, Criticality, Fact, MacAddress, Observation, Protocol, ServerRole, Severity, Timestamp,
};

use super::recent::{Different, Recent, Window};
use super::{Alarm, Detector, Episodes, World};
use crate::limits::SENDERS_MAX;

const SECOND: i64 = 1_000_000_000;
/// A pair that has spoken for so long before its first write has changed its ways.
const SETTLED: i64 = 300 * SECOND;
/// Writes of a pair after which writing is its work.
const WRITES_ORDINARY: u32 = 10;
/// Commands and devices that belong together.
const TOGETHER: i64 = 60 * SECOND;
/// Different objects of one device written within that time, as when a device is overwritten.
const OBJECTS_MIN: usize = 20;
/// Starts of one device within [`RESTARTS_TOGETHER`].
const RESTARTS_MIN: usize = 4;
const RESTARTS_TOGETHER: i64 = 1_200 * SECOND;
/// A start that follows the one before within this time is a message sent twice.
const RESTART_APART: i64 = 15 * SECOND;
/// Parts of web addresses under which devices keep settings, or are set back.
const SETTING_PATHS: &[&str] = &[
    "config",
    "setting",
    "setup",
    "reset",
    "restore",
    "factory",
    "reboot",
    "restart",
    "shutdown",
    "erase",
    "clear",
    "firmware",
    "upgrade",
    "update",
    "admin",
    "alarm",
    "limit",
    "threshold",
    "emergency",
    "contact",
];

#[derive(Clone, Debug, Default)]
struct Pair {
    first: Timestamp,
    writes: u32,
    /// Writes that were seen while nothing else was known of the pair, or in the baseline.
    from_the_start: bool,
    objects: Different<u64>,
}

/// Commands that change a device.
pub(super) struct Commanded {
    pairs: Recent<(IpAddr, IpAddr, Protocol), Pair>,
    devices: Recent<IpAddr, Different<IpAddr>>,
    capture_began: Option<Timestamp>,
}

impl Default for Commanded {
    fn default() -> Self {
        Self { pairs: Recent::new(SENDERS_MAX), devices: Recent::new(SENDERS_MAX), capture_began: None }
    }
}

impl Detector for Commanded {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        self.capture_began.get_or_insert(observation.sighting.time);
        match &observation.fact {
            Fact::Control(control) if control.accepted.is_none() => match resource_command(control) {
                Some(meant) => self.command(observation, &meant, world, episodes),
                None => self.command(observation, control, world, episodes),
            },
            Fact::Http(http) => {
                if let HttpFact::Request(request) = http.as_ref()
                    && let Some(control) = web_command(request)
                {
                    self.command(observation, &control, world, episodes);
                }
            }
            _ => {}
        }
    }
}

/// Whether a web address sets a device back as a whole.
fn factory(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let whole = ["factory", "default"].iter().any(|part| path.contains(part));
    let erases = ["reset", "restore", "erase"].iter().any(|part| path.contains(part));
    let of_device = ["device", "config", "setting", "system"].iter().any(|part| path.contains(part));
    whole && erases || erases && of_device && !path.contains("password")
}

/// What a method on a path does to the settings of whoever serves it; nothing where it is about other things.
fn operation_on(method: &str, path: &str) -> Option<ControlOperation> {
    let path = path.to_ascii_lowercase();
    let setting = SETTING_PATHS.iter().any(|part| path.contains(part));
    Some(match method {
        "DELETE" if setting => ControlOperation::Erase,
        "PUT" | "POST" | "PATCH"
            if ["reset", "factory", "erase", "clear", "restore"].iter().any(|part| path.contains(part)) =>
        {
            ControlOperation::Erase
        }
        "PUT" | "POST" | "PATCH" | "GET"
            if path.contains("reboot") || path.contains("restart") || path.contains("shutdown") =>
        {
            ControlOperation::Restart
        }
        "PUT" | "POST" | "PATCH" if path.contains("firmware") || path.contains("upgrade") => {
            ControlOperation::Program
        }
        "PUT" | "POST" | "PATCH" if setting => ControlOperation::Configure,
        _ => return None,
    })
}

/// CoAP (RFC 7252 section 5.8) deletes and changes resources as HTTP does, readings as well as settings: what it
/// means is told by the path, and where that names no setting, it is a value that is written.
fn resource_command(control: &ControlFact) -> Option<ControlFact> {
    if control.protocol != Protocol::Coap || !control.operation.changes() {
        return None;
    }
    let path = control.object.as_ref().map_or("", |object| object.as_str());
    let operation = operation_on(control.command.as_str(), path).unwrap_or(ControlOperation::Write);
    Some(ControlFact { operation, ..control.clone() })
}

/// A request that changes the settings of whoever serves it.
fn web_command(request: &HttpRequest) -> Option<ControlFact> {
    Some(ControlFact {
        protocol: Protocol::Http,
        operation: operation_on(request.method.as_str(), request.path_shape.as_str())?,
        command: request.method.clone(),
        object: Some(request.path_shape.clone()),
        objects: 1,
        authenticated: request.authorization.is_some(),
        accepted: None,
    })
}

/// Words for what a command does.
const fn verb(operation: ControlOperation) -> &'static str {
    match operation {
        ControlOperation::Read => "reads",
        ControlOperation::Write => "writes values of",
        ControlOperation::Configure => "changes settings of",
        ControlOperation::Erase => "erases settings of",
        ControlOperation::SilenceAlarm => "silences alarms of",
        ControlOperation::Start => "starts",
        ControlOperation::Stop => "stops",
        ControlOperation::Restart => "restarts",
        ControlOperation::Program => "loads a program into",
        ControlOperation::Invoke => "calls an operation of",
    }
}

impl Commanded {
    fn command(
        &mut self,
        observation: &Observation,
        control: &ControlFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        use std::hash::BuildHasher;
        let (Some(from), Some(to)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        let pair = self.pairs.at((from, to, control.protocol), time);
        if pair.first == Timestamp::default() {
            pair.first = time;
            let began = self.capture_began.unwrap_or(time);
            // What goes on when the capture begins was going on before.
            pair.from_the_start =
                time.nanoseconds_since(began) < SETTLED && control.operation == ControlOperation::Read;
        }
        if !control.operation.changes() {
            return;
        }
        pair.writes = pair.writes.saturating_add(1);
        if world.learning {
            pair.writes = pair.writes.max(WRITES_ORDINARY);
            return;
        }
        let object = control.object.as_ref().map(|object| object.as_str()).unwrap_or_default();
        let mut objects =
            pair.objects.add(foldhash::fast::FixedState::default().hash_one(object), time, TOGETHER);
        objects = objects.max(control.objects as usize);
        let started = pair.objects.first().unwrap_or(time);
        let devices = self.devices.at(from, time).add(to, time, TOGETHER);
        let began = self.capture_began.unwrap_or(time);
        let grave = matches!(
            control.operation,
            ControlOperation::Erase
                | ControlOperation::Stop
                | ControlOperation::Restart
                | ControlOperation::Program
                | ControlOperation::SilenceAlarm
        );
        // A controller that polls its devices and sets them now and then does its work; that it suddenly writes
        // everything, or does what no controller does, is told.
        let controller = pair.from_the_start && pair.first < time
            || pair.writes >= WRITES_ORDINARY && pair.first.nanoseconds_since(began) < SETTLED
            || pair.writes > 8 * WRITES_ORDINARY;
        let many = objects >= OBJECTS_MIN || devices >= 5;
        let site = world.inventory.site();
        let by_order = site.has_role(from, ServerRole::Management)
            || site.has_role(from, ServerRole::CentralStation)
            || site.has_role(from, ServerRole::PumpServer);
        if world.in_maintenance(Some(to), time) || by_order && !many || controller && !grave && !many {
            return;
        }
        let category = world.inventory.category(&observation.to);
        let vital = matches!(
            world.inventory.criticality(&observation.to),
            Some(Criticality::LifeSustaining | Criticality::Therapy)
        );
        let medical = world.is_medical(&observation.to);
        let severity = match (medical, grave || many) {
            _ if vital && grave => Severity::Critical,
            (true, true) => Severity::High,
            // A web page may "reset" a password; setting a device back to what it was when it left the factory is meant
            // for devices alone, whether or not it is known which one this is. What looks like a person's computer and
            // takes such orders is a device that runs its system.
            _ if control.protocol == Protocol::Http && !medical && factory(object) => match category {
                Category::Server => Severity::Low,
                _ => Severity::Medium,
            },
            _ if control.protocol == Protocol::Http && !medical => return,
            // Nothing is known yet of what is usual here.
            (false, _) if time.nanoseconds_since(began) < TOGETHER => Severity::Low,
            (true, false) | (false, true) if control.protocol != Protocol::Http => Severity::Medium,
            _ => Severity::Low,
        };
        episodes.raise(
            Alarm {
                techniques: &["T0836", "T0855", "T0809", "T0878"],
                severity,
                confidence: if grave { 0.8 } else { 0.65 },
                summary: format!(
                    "{from} {} {to} over {} ({}{}).",
                    verb(control.operation),
                    control.protocol,
                    control.command,
                    if objects > 1 { format!("; {objects} objects within a minute") } else { String::new() }
                ),
                evidence: vec![world.names.evidence(
                    observation,
                    control.protocol,
                    control.command.as_str(),
                    object,
                )],
                started,
                silent_if: match (many, grave) {
                    (true, _) => format!("a maintenance window of the site file had covered {to}, or less had been written"),
                    (_, true) => format!("{from} were named as management in the site file, or a maintenance window had covered {to}"),
                    _ => format!("{from} had done so from the start, were named as management in the site file, or a maintenance window had covered {to}"),
                },
                ..Alarm::about(Attack::NodeMalfunction, "commanded", format!("{from} {to}"), observation)
            },
            world.inventory,
        );
    }
}

/// Devices that begin anew again and again.
pub(super) struct RestartLoop {
    starts: Recent<MacAddress, (Window, Timestamp)>,
}

impl Default for RestartLoop {
    fn default() -> Self {
        Self { starts: Recent::new(SENDERS_MAX) }
    }
}

impl Detector for RestartLoop {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        let time = observation.sighting.time;
        let mac = match &observation.fact {
            // A DISCOVER that got an address before: who has none asks again and again, and that is another thing.
            Fact::Dhcp(dhcp) if dhcp.message == DhcpMessage::Ack && dhcp.client_ip.is_none() => {
                dhcp.client_mac
            }
            _ => return,
        };
        let (window, last) = self.starts.at(mac, time);
        let apart = time.nanoseconds_since(*last) > RESTART_APART;
        *last = time;
        if !apart {
            return;
        }
        let count = window.add(time, RESTARTS_TOGETHER);
        let started = window.first().unwrap_or(time);
        let device = wardline_model::Station { mac: Some(mac), ..Default::default() };
        let category = world.inventory.category(&device);
        if count < RESTARTS_MIN || !world.is_medical(&device) || world.learning {
            return;
        }
        episodes.raise(
            Alarm {
                techniques: &["T0816", "T0814"],
                severity: Severity::Medium,
                confidence: 0.6,
                device: Some(device),
                source: None,
                summary: format!("{mac}, a device of kind {category}, asked for its address anew {count} times within twenty minutes: it restarts again and again."),
                evidence: vec![world.names.evidence(observation, Protocol::Dhcp, "dhcp.option.dhcp", "ACK without ciaddr")],
                started,
                silent_if: format!("it had begun anew fewer than {RESTARTS_MIN} times within twenty minutes"),
                ..Alarm::about(Attack::NodeMalfunction, "restart-loop", mac.to_string(), observation)
            },
            world.inventory,
        );
    }
}
