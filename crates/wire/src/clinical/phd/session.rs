//! An association over a stream.

use std::borrow::Cow;

use super::super::mder::{self, list};
use super::configuration::{self, Object, attribute};
use super::message::{Association, Command, DATA_PROTOCOL, Device, choice, data, service};
use crate::{Consumed, Direction, Error, Layer, Reader, StreamBuffer, Verdict};

/// Bits of a measurement status that say that the value is none of a person's: invalid, questionable, not available,
/// calibration, test data, demonstration.
const UNFIT: u16 = 0xfc00;
/// Greatest result of an association, annex A.8.3.
const RESULT_MAX: u16 = 8;
/// Longest APDU with its head, bytes: the length has 16 bits.
const APDU_BYTES_MAX: usize = 4 + 65_535;

/// What the stream holds.
#[derive(Clone)]
pub enum Event<'a> {
    /// An end wants to associate.
    Request(Association<'a>),
    /// The other end answers: result, annex A.8.3 (0 and 3 accept), and who it is.
    Response(u16, Option<Association<'a>>),
    /// An agent says what it is.
    Device(Device<'a>),
    /// A measured value.
    Numeric(Numeric),
    /// A manager tells its agent to do something.
    Command(Command),
    /// The association is released or aborted.
    End,
}

/// A number of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Numeric {
    /// Partition × 65,536 + code, as in [`mder::code`].
    pub code: u32,
    /// The number.
    pub value: f64,
    /// Unit, as UCUM writes it.
    pub unit: Option<Cow<'static, str>>,
    /// Nanoseconds since 1970 by the agent's clock.
    pub time: Option<i64>,
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct Session {
    sides: [Side; 2],
    /// What the agent measures, once that is known.
    objects: Vec<Object>,
}

#[derive(Clone, Debug)]
struct Side {
    buffer: StreamBuffer,
    /// Bytes are missing: the next APDU is looked for.
    astray: bool,
}

impl Default for Session {
    fn default() -> Self {
        let side = || Side { buffer: StreamBuffer::new(APDU_BYTES_MAX), astray: false };
        Self { sides: [side(), side()], objects: Vec::new() }
    }
}

impl Session {
    /// Feeds the next bytes of one direction. False when they are not of this protocol.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8], tell: &mut dyn FnMut(Event<'_>)) -> bool {
        let Self { sides, objects } = self;
        let Some(Side { buffer, astray }) = sides.get_mut(direction.index()) else { return false };
        let mut ours = true;
        let fits = buffer.feed(bytes, |unread| {
            if *astray {
                // Of bytes that hold no front of an APDU the last may still begin one.
                let place = unread.windows(6).position(is_presentation);
                *astray = place.is_none();
                let passed = place.unwrap_or(unread.len().saturating_sub(5));
                if passed > 0 || *astray {
                    return (passed > 0).then_some(Consumed::exactly(passed));
                }
            }
            let mut head = Reader::new(Layer::Phd, unread);
            let kind = head.u16_be("apdu").ok()?;
            if !matches!(kind, choice::ASSOCIATION_REQUEST..=choice::PRESENTATION) || kind & 0xff != 0 {
                ours = false;
                return None;
            }
            let length = usize::from(head.u16_be("apdu length").ok()?);
            let body = head.sub("apdu", length).ok()?;
            // A message that is wrong is left out; its length is right all the same.
            let _ = apdu(kind, body, objects, tell);
            Some(Consumed::exactly(4 + length))
        });
        ours && fits
    }

    /// Bytes of one direction are missing.
    pub fn gap(&mut self, direction: Direction) {
        if let Some(side) = self.sides.get_mut(direction.index()) {
            side.buffer.clear();
            side.astray = true;
        }
    }
}

/// Whether six bytes are the front of a presentation APDU: the length of its octet string is two less than its own.
fn is_presentation(front: &[u8]) -> bool {
    match *front {
        [0xe7, 0x00, high, low, octets_high, octets_low] => {
            u16::from_be_bytes([high, low]) == u16::from_be_bytes([octets_high, octets_low]).saturating_add(2)
        }
        _ => false,
    }
}

fn apdu<'a>(
    kind: u16,
    mut body: Reader<'a>,
    objects: &mut Vec<Object>,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<(), Error> {
    match kind {
        choice::ASSOCIATION_REQUEST => {
            if let Some(association) = Association::request(&mut body)? {
                *objects = configuration::standard(association.configuration);
                tell(Event::Request(association));
            }
        }
        choice::ASSOCIATION_RESPONSE => {
            let result = body.u16_be("result")?;
            tell(Event::Response(result, Association::protocol(&mut body)?));
        }
        choice::RELEASE_REQUEST | choice::RELEASE_RESPONSE | choice::ABORT => {
            objects.clear();
            tell(Event::End);
        }
        _ => presentation(mder::octets(&mut body, "presentation")?, objects, tell)?,
    }
    Ok(())
}

fn presentation(
    octets: &[u8],
    objects: &mut Vec<Object>,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<(), Error> {
    let (service, mut content) = data(octets)?;
    match service {
        service::EVENT_REPORT | service::CONFIRMED_EVENT_REPORT => {
            content.skip("obj-handle and event-time", 6)?;
            let event = content.u16_be("event-type")?;
            let length = usize::from(content.u16_be("event-info")?);
            report(event, content.sub("event-info", length)?, objects, tell)
        }
        service::GET_RESULT => {
            // Only the MDS object, whose handle is 0, is one that can be asked for its attributes at any time.
            if content.u16_be("obj-handle")? != 0 {
                return Ok(());
            }
            let (mut device, mut known) = (Device::default(), Ok(()));
            let whole = mder::attributes(&mut content, &mut |id, value| {
                known = known.and(device.attribute(id, value));
            });
            tell(Event::Device(device));
            whole.and(known)
        }
        service::SET | service::CONFIRMED_SET => {
            tell(Event::Command(Command::Set(content.u16_be("obj-handle")?)));
            Ok(())
        }
        service::ACTION | service::CONFIRMED_ACTION => {
            let handle = content.u16_be("obj-handle")?;
            tell(Event::Command(Command::Action(handle, content.u16_be("action-type")?)));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// An event report, sections 7.4.7 and 6.3.9. The numbers are those of the notifications in partition 1.
fn report(
    event: u16,
    mut info: Reader<'_>,
    objects: &mut Vec<Object>,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<(), Error> {
    match event {
        3_356 => {
            info.skip("config-report-id", 2)?;
            *objects = configuration::objects(&mut info)?;
            Ok(())
        }
        3_357 | 3_358 | 3_362 | 3_363 | 3_368 | 3_369 => {
            info.skip("data-req-id and scan-report-no", 4)?;
            scans(&mut info, matches!(event, 3_357 | 3_363 | 3_369), objects, tell)
        }
        // The same for each of several persons, who are told apart by a number of the agent's own.
        3_359 | 3_360 | 3_365 | 3_366 | 3_371 | 3_372 => {
            info.skip("data-req-id and scan-report-no", 4)?;
            list(&mut info, "scan-per", |person| {
                person.skip("person-id", 2)?;
                scans(person, matches!(event, 3_359 | 3_366 | 3_372), objects, tell)
            })
        }
        _ => Ok(()),
    }
}

fn scans(
    info: &mut Reader<'_>,
    fixed: bool,
    objects: &[Object],
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<(), Error> {
    list(info, "obs-scan", |scan| {
        let handle = scan.u16_be("obj-handle")?;
        let known = objects.iter().find(|object| object.handle == handle);
        if fixed { fixed_scan(scan, known, tell) } else { variable_scan(scan, known, tell) }
    })
}

/// An ObservationScanFixed: without the configuration nobody knows what it holds.
fn fixed_scan(
    scan: &mut Reader<'_>,
    known: Option<&Object>,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<(), Error> {
    let length = usize::from(scan.u16_be("obs-val-data")?);
    let mut row = scan.sub("obs-val-data", length)?;
    let Some(object) = known else { return Ok(()) };
    let mut values = Values::default();
    for (attribute, length) in &object.map {
        values.take(*attribute, row.sub("attribute value", usize::from(*length))?)?;
    }
    values.tell(object, tell);
    Ok(())
}

/// An ObservationScan: attributes by their names, which may also say anew what the object is.
fn variable_scan(
    scan: &mut Reader<'_>,
    known: Option<&Object>,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<(), Error> {
    let mut object = known.cloned().unwrap_or_default();
    let (mut values, mut whole) = (Values::default(), Ok(()));
    mder::attributes(scan, &mut |id, value| {
        whole = whole.and(object.learn(id, value)).and(values.take(id, value));
    })?;
    whole?;
    values.tell(&object, tell);
    Ok(())
}

/// What one observation of an object holds.
#[derive(Default)]
struct Values {
    numbers: Vec<Number>,
    time: Option<i64>,
    invalid: bool,
}

/// A number; where the attribute names them, its quantity and unit.
#[derive(Default)]
struct Number {
    value: Option<f64>,
    code: Option<u16>,
    unit: Option<u16>,
}

impl Values {
    fn take(&mut self, attribute: u16, mut value: Reader<'_>) -> Result<(), Error> {
        let value = &mut value;
        match attribute {
            attribute::VALUE => self.observed(value),
            attribute::SIMPLE => self.simple(value),
            attribute::BASIC => self.basic(value),
            attribute::COMPOUND => list(value, "compound value", |value| self.observed(value)),
            attribute::COMPOUND_SIMPLE => list(value, "compound value", |value| self.simple(value)),
            attribute::COMPOUND_BASIC => list(value, "compound value", |value| self.basic(value)),
            attribute::TIME_STAMP => {
                self.time = mder::absolute_time(value.array("absolute time stamp")?);
                Ok(())
            }
            attribute::STATUS => {
                self.invalid |= value.u16_be("measurement status")? & UNFIT != 0;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn simple(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        let value = mder::float(reader.u32_be("value")?);
        self.push(Number { value, ..Number::default() });
        Ok(())
    }

    fn basic(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        let value = mder::sfloat(reader.u16_be("value")?);
        self.push(Number { value, ..Number::default() });
        Ok(())
    }

    /// NuObsValue.
    fn observed(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        let code = Some(reader.u16_be("metric-id")?);
        let fit = reader.u16_be("state")? & UNFIT == 0;
        let unit = Some(reader.u16_be("unit-code")?);
        let value = mder::float(reader.u32_be("value")?).filter(|_| fit);
        self.push(Number { value, code, unit });
        Ok(())
    }

    fn push(&mut self, number: Number) {
        if self.numbers.len() < configuration::PARTS_MAX {
            self.numbers.push(number);
        }
    }

    fn tell(self, object: &Object, tell: &mut dyn FnMut(Event<'_>)) {
        if self.invalid {
            return;
        }
        for (place, number) in self.numbers.into_iter().enumerate() {
            let code = number.code.or_else(|| object.parts.get(place).copied()).unwrap_or(object.code);
            let Some(value) = number.value.filter(|_| code != 0) else { continue };
            // Without a type the code is of the partition of measurements.
            let partition = if object.partition == 0 { 2 } else { object.partition };
            let unit = number.unit.or(Some(object.unit)).filter(|unit| *unit != 0);
            tell(Event::Numeric(Numeric {
                code: mder::code(partition, code),
                value,
                unit: unit.map(mder::unit),
                time: self.time,
            }));
        }
    }
}

/// Whether the opening bytes of one direction are of such a stream.
pub fn probe(_direction: Direction, bytes: &[u8]) -> Verdict {
    let (kind, second) = match *bytes {
        [] => return Verdict::Unsure,
        [kind @ 0xe2..=0xe7] => (kind, 0),
        [kind @ 0xe2..=0xe7, second, ..] => (kind, second),
        _ => return Verdict::NotMine,
    };
    if second != 0 {
        return Verdict::NotMine;
    }
    let at = |place: usize| Some(u16::from_be_bytes([*bytes.get(place)?, *bytes.get(place + 1)?]));
    // What is there so far must fit.
    let fits = match kind {
        // Version 1, the length of the list, 20601.
        0xe2 => [
            at(4).map(|high| high == 0x8000),
            at(6).map(|low| low == 0),
            at(12).map(|protocol| protocol == DATA_PROTOCOL),
        ],
        0xe3 => [
            at(4).map(|result| result <= RESULT_MAX),
            at(6).map(|protocol| protocol == DATA_PROTOCOL),
            Some(true),
        ],
        0xe7 => [
            at(2).zip(at(4)).map(|(outer, octets)| outer == octets.saturating_add(2)),
            at(8).map(service::is_known),
            at(2).zip(at(10)).map(|(outer, message)| outer == message.saturating_add(8)),
        ],
        // A release or an abort says nothing but why: others have two such bytes as well.
        _ => [at(2).map(|length| length == 2), None, None],
    };
    if fits.contains(&Some(false)) {
        Verdict::NotMine
    } else if fits.contains(&None) {
        Verdict::Unsure
    } else {
        Verdict::Certain
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::service as kinds;
    use super::*;
    use proptest::prelude::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// A presentation APDU of a message of a service, with the lengths of annexes A.8 and A.9.
    fn apdu_of(service: u16, content: &[u8]) -> Vec<u8> {
        let length = content.len() as u16;
        let mut apdu = vec![0xe7, 0x00];
        for field in [length + 8, length + 6, 1, service, length] {
            apdu.extend_from_slice(&field.to_be_bytes());
        }
        apdu.extend_from_slice(content);
        apdu
    }

    fn event(event: u16, info: &[u8]) -> Vec<u8> {
        let mut content = vec![0, 0, 0xff, 0xff, 0xff, 0xff];
        content.extend_from_slice(&event.to_be_bytes());
        content.extend_from_slice(&(info.len() as u16).to_be_bytes());
        content.extend_from_slice(info);
        apdu_of(kinds::CONFIRMED_EVENT_REPORT, &content)
    }

    /// Annex H.2.1: an agent with an EUI-64 and configuration `id` wants to associate.
    fn request(id: u16) -> Vec<u8> {
        let mut request = hex(
            "e200 0032 80000000 0001 002a 5079 0026 80000000 8000 80000000 00000000 00800000 0008 0011223344556677",
        );
        request.extend_from_slice(&id.to_be_bytes());
        request.extend_from_slice(&hex("0001 01 00 0000 0000"));
        request
    }

    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let (mut session, mut told) = (Session::default(), Vec::new());
        for piece in pieces {
            session.feed(Direction::Forward, piece, &mut |event| {
                told.push(match event {
                    Event::Request(association) => format!("request {association:x?}"),
                    Event::Response(result, association) => format!("response {result} {association:x?}"),
                    Event::Device(device) => format!("device {device:?}"),
                    Event::Numeric(number) => {
                        let unit = number.unit.as_deref().unwrap_or("-");
                        format!("{} {:.1} {unit} {}", number.code, number.value, number.time.is_some())
                    }
                    Event::Command(command) => format!("{} {}", command.name(), command.handle()),
                    Event::End => "end".to_owned(),
                });
            });
        }
        told
    }

    #[test]
    fn an_agent_of_a_standard_configuration_needs_no_report_of_it() {
        let association = request(0x0190);
        // Annex H.4: SpO2 98 %, pulse 61.
        let scan = event(3_357, &hex("f000 0001 0002 000c 0001 0002 0062 000a 0002 003d"));
        let told = told(&[&association, &scan]);
        assert!(
            told[0].contains("specialization: Some(1004)") && told[0].contains("agent: true"),
            "{told:?}"
        );
        assert_eq!(told[1..], ["150456 98.0 % false", "149530 61.0 /min false"]);
    }

    #[test]
    fn a_compound_value_is_told_part_by_part() {
        let pressure = "0001 0012 0003 0006 0078 0050 005d 20260302 06070800";
        let pulse = "0002 000a 003e 20260302 06070800";
        let scan = event(3_357, &hex(&format!("f000 0001 0002 0024 {pressure} {pulse}")));
        let values = [
            "150021 120.0 mm[Hg] true",
            "150022 80.0 mm[Hg] true",
            "150023 93.0 mm[Hg] true",
            "149546 62.0 /min true",
        ];
        assert_eq!(told(&[&request(0x02bc), &scan])[1..], values);
    }

    #[test]
    fn an_own_configuration_is_learned_from_its_report() {
        // One numeric object, handle 5: body temperature, degrees Fahrenheit, a FLOAT and no time.
        let object = "0006 0005 0003 001a 092f 0004 0002 4b5c 0996 0002 1140 0a55 0008 0001 0004 0a56 0004";
        let report = event(3_356, &hex(&format!("4000 0001 0022 {object}")));
        let scan = event(3_357, &hex("f000 0001 0001 0008 0005 0004 ff0003da"));
        assert_eq!(told(&[&request(0x4000), &report, &scan])[1..], ["150364 98.6 [degF] false"]);
    }

    #[test]
    fn a_variable_report_names_what_it_holds() {
        // A value with its metric, state, unit; then one that is not valid.
        let good = "0001 0001 000e 0950 000a 4bb8 0000 0220 00000061";
        let bad = "0001 0001 000e 0950 000a 4bb8 8000 0220 00000061";
        let scan = event(3_358, &hex(&format!("f000 0001 0002 0028 {good} {bad}")));
        assert_eq!(told(&[&request(0x4001), &scan])[1..], ["150456 97.0 % false"]);
        // Of two persons.
        let person = format!("0001 0001 0014 {good}");
        let scan = event(3_360, &hex(&format!("f000 0001 0001 001a {person}")));
        assert_eq!(told(&[&scan]), ["150456 97.0 % false"]);
    }

    #[test]
    fn an_agent_says_what_it_is() {
        // System model, system identifier, production specification (serial, firmware), specialisation, battery.
        let attributes = "0928 0010 0007 496e76656e7465 0005 4f782d3120 0984 000a 0008 0011223344556677 \
            092d 0018 0002 0014 0001 0000 0005 534e303131 0005 0000 0003 312e32 0a5a 0008 0001 0004 1004 0001 \
            099c 0002 0054";
        let attributes = hex(attributes);
        let mut content = vec![0, 0, 0, 5];
        content.extend_from_slice(&(attributes.len() as u16).to_be_bytes());
        content.extend_from_slice(&attributes);
        let told = told(&[&apdu_of(kinds::GET_RESULT, &content)]);
        assert_eq!(told.len(), 1);
        for part in
            ["battery: Some(84)", "(Serial, [83, 78, 48, 49, 49])", "(Firmware, [49, 46, 50])", "[4100]"]
        {
            assert!(told[0].contains(part), "{part} is not in {told:?}");
        }
    }

    #[test]
    fn a_manager_sets_the_time_and_clears_what_is_stored() {
        let set_time = apdu_of(kinds::CONFIRMED_ACTION, &hex("0000 0c17 000c 20260302 06070800 00000000"));
        let clear = apdu_of(kinds::CONFIRMED_ACTION, &hex("0010 0c0c 0000"));
        assert_eq!(told(&[&set_time, &clear]), ["Set-Time 0", "Clear-Segments 16"]);
        assert_eq!(told(&[&hex("e400 0002 0000"), &hex("e600 0002 0002")]), ["end", "end"]);
    }

    #[test]
    fn is_recognised_by_its_lengths() {
        let scan = event(3_357, &hex("f000 0001 0000 0000"));
        for message in [request(0x0190), scan] {
            assert_eq!(probe(Direction::Forward, &message), Verdict::Certain);
            for length in 0..12 {
                assert_eq!(probe(Direction::Forward, &message[..length]), Verdict::Unsure, "{length}");
            }
        }
        assert_eq!(
            probe(Direction::Forward, b"\xe7\x00\x00\x10\x00\x0f\x00\x00\x01\x01\x00\x08"),
            Verdict::NotMine
        );
        assert_eq!(probe(Direction::Forward, b"\xe2\x82\xac"), Verdict::NotMine);
    }

    #[test]
    fn finds_the_next_message_behind_a_hole() {
        let scan = event(3_357, &hex("f000 0001 0001 0006 0001 0002 0062"));
        let (mut session, mut count) = (Session::default(), 0);
        let mut count_numbers = |event: Event<'_>| count += usize::from(matches!(event, Event::Numeric(_)));
        session.feed(Direction::Forward, &request(0x0190), &mut count_numbers);
        session.gap(Direction::Forward);
        let behind = [&scan[7..], &scan[..], &scan[..]].concat();
        assert!(session.feed(Direction::Forward, &behind, &mut count_numbers));
        assert_eq!(count, 2);
    }

    proptest! {
        #[test]
        fn same_messages_however_cut(
            bends in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            size in 1_usize..30,
        ) {
            let scan = event(3_357, &hex("f000 0001 0002 000c 0001 0002 0062 000a 0002 003d"));
            let mut stream = [request(0x0190), scan.clone(), scan].concat();
            for (place, byte) in bends {
                *place.get_mut(&mut stream) = byte;
            }
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            prop_assert_eq!(told(&[&stream]), told(&pieces));
        }
    }
}
