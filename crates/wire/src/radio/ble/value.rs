//! Values of the health profiles as numbers: heart rate (HRS 1.0 section 3.1), health thermometer (HTS 1.0 section 3.1),
//! blood pressure (BLS 1.1 section 3.1), glucose (GLS 1.0 section 3.1), continuous glucose (CGMS 1.0 section 3.1), pulse
//! oximeter (PLXS 1.0 sections 3.2 and 3.3), weight (WSS 1.0 section 3.2), battery (BAS 1.0 section 3.1).

use crate::clinical::mder::{float, sfloat};
use crate::{Error, Layer, Reader};

/// One number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    /// Code of ISO/IEEE 11073-10101, as the Personal Health Devices transcoding white paper maps the characteristic.
    pub code: u32,
    /// The number.
    pub value: f64,
    /// Unit, as UCUM writes it.
    pub unit: &'static str,
}

/// The numbers in a characteristic, if it is one of those above.
pub fn quantities(characteristic: u16, value: &[u8], tell: &mut dyn FnMut(Quantity)) -> Result<(), Error> {
    let mut reader = Reader::new(Layer::Ble, value);
    let reader = &mut reader;
    match characteristic {
        0x2a37 => heart_rate(reader, tell),
        0x2a1c | 0x2a1e => temperature(reader, tell),
        0x2a35 | 0x2a36 => blood_pressure(reader, tell),
        0x2a18 => glucose(reader, tell),
        0x2aa7 => continuous_glucose(reader, tell),
        0x2a5e | 0x2a5f => {
            reader.skip("flags", 1)?;
            oximetry(reader, tell)
        }
        0x2a9d => weight(reader, tell),
        _ => Ok(()),
    }
}

fn put(code: u32, value: Option<f64>, unit: &'static str, tell: &mut dyn FnMut(Quantity)) {
    if let Some(value) = value {
        tell(Quantity { code, value, unit });
    }
}

fn heart_rate(reader: &mut Reader<'_>, tell: &mut dyn FnMut(Quantity)) -> Result<(), Error> {
    let wide = reader.u8("flags")? & 1 != 0;
    let rate = if wide { reader.u16_le("rate")? } else { u16::from(reader.u8("rate")?) };
    put(147_842, Some(f64::from(rate)), "/min", tell);
    Ok(())
}

fn temperature(reader: &mut Reader<'_>, tell: &mut dyn FnMut(Quantity)) -> Result<(), Error> {
    let unit = if reader.u8("flags")? & 1 == 0 { "Cel" } else { "[degF]" };
    put(150_364, float(reader.u32_le("temperature")?), unit, tell);
    Ok(())
}

fn blood_pressure(reader: &mut Reader<'_>, tell: &mut dyn FnMut(Quantity)) -> Result<(), Error> {
    let flags = reader.u8("flags")?;
    let unit = if flags & 1 == 0 { "mm[Hg]" } else { "kPa" };
    for (code, field) in [(150_021, "systolic"), (150_022, "diastolic"), (150_023, "mean")] {
        put(code, sfloat(reader.u16_le(field)?), unit, tell);
    }
    if flags & 2 != 0 {
        reader.skip("time stamp", 7)?;
    }
    if flags & 4 != 0 {
        put(149_546, sfloat(reader.u16_le("pulse rate")?), "/min", tell);
    }
    Ok(())
}

fn glucose(reader: &mut Reader<'_>, tell: &mut dyn FnMut(Quantity)) -> Result<(), Error> {
    let flags = reader.u8("flags")?;
    reader.skip("sequence number and base time", 9)?;
    if flags & 1 != 0 {
        reader.skip("time offset", 2)?;
    }
    if flags & 2 != 0 {
        let unit = if flags & 4 == 0 { "kg/L" } else { "mol/L" };
        let concentration = sfloat(reader.u16_le("concentration")?);
        // Capillary whole blood unless the sample says otherwise.
        let code = match reader.u8("type and location")? & 0x0f {
            2 => 160_188,
            3 => 160_192,
            4 => 160_196,
            9 => 160_212,
            10 => 160_368,
            _ => 160_184,
        };
        put(code, concentration, unit, tell);
    }
    Ok(())
}

fn continuous_glucose(reader: &mut Reader<'_>, tell: &mut dyn FnMut(Quantity)) -> Result<(), Error> {
    // A notification may hold several records, each with its own length.
    while !reader.is_empty() {
        let length = usize::from(reader.u8("size")?);
        let mut record = reader.sub("record", length.saturating_sub(1))?;
        record.skip("flags", 1)?;
        put(160_212, sfloat(record.u16_le("concentration")?), "mg/dL", tell);
    }
    Ok(())
}

fn oximetry(reader: &mut Reader<'_>, tell: &mut dyn FnMut(Quantity)) -> Result<(), Error> {
    put(150_456, sfloat(reader.u16_le("SpO2")?), "%", tell);
    put(149_530, sfloat(reader.u16_le("pulse rate")?), "/min", tell);
    Ok(())
}

fn weight(reader: &mut Reader<'_>, tell: &mut dyn FnMut(Quantity)) -> Result<(), Error> {
    let imperial = reader.u8("flags")? & 1 != 0;
    let weight = f64::from(reader.u16_le("weight")?);
    let (step, unit) = if imperial { (0.01, "[lb_av]") } else { (0.005, "kg") };
    put(188_736, Some(weight * step), unit, tell);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(characteristic: u16, value: &[u8]) -> Vec<(u32, f64, &'static str)> {
        let mut told = Vec::new();
        let _ =
            quantities(characteristic, value, &mut |found| told.push((found.code, found.value, found.unit)));
        told
    }

    #[test]
    fn reads_the_values_of_each_profile() {
        assert_eq!(told(0x2a37, &[0x00, 72]), [(147_842, 72.0, "/min")]);
        assert_eq!(told(0x2a37, &[0x01, 0x2c, 0x01]), [(147_842, 300.0, "/min")]);
        assert_eq!(told(0x2a1c, &[0x00, 0x6f, 0x01, 0x00, 0xff]), [(150_364, 36.7, "Cel")]);
        assert_eq!(
            told(0x2a35, &[0x04, 120, 0, 80, 0, 93, 0, 62, 0]),
            [
                (150_021, 120.0, "mm[Hg]"),
                (150_022, 80.0, "mm[Hg]"),
                (150_023, 93.0, "mm[Hg]"),
                (149_546, 62.0, "/min")
            ]
        );
        assert_eq!(told(0x2a5f, &[0x00, 98, 0, 61, 0]), [(150_456, 98.0, "%"), (149_530, 61.0, "/min")]);
        assert_eq!(told(0x2aa7, &[6, 0, 110, 0, 5, 0]), [(160_212, 110.0, "mg/dL")]);
        assert_eq!(told(0x2a9d, &[0, 0x70, 0x3a]), [(188_736, 74.8, "kg")]);
        let glucose = [0x02, 1, 0, 0xea, 7, 3, 2, 6, 0, 0, 0x5a, 0xb0, 0x11];
        let told = told(0x2a18, &glucose);
        assert_eq!((told[0].0, told[0].2), (160_184, "kg/L"));
        assert!((told[0].1 - 0.0009).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(characteristic in 0x2a00_u16..0x2b30, bytes: Vec<u8>) {
            prop_assert!(told(characteristic, &bytes).len() <= bytes.len());
        }
    }
}
