//! The site file: read, checked, and every mistake in it named with its line.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use wardline_model::Site;

/// Reads the site file, or gives an empty site where there is none.
pub(crate) fn read(path: Option<&Path>) -> Result<Site> {
    let Some(path) = path else { return Ok(Site::default()) };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: the site file cannot be read", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

/// Reads the site file, and adds the devices of inventory lists.
pub(crate) fn gather(path: Option<&Path>, lists: &[PathBuf]) -> Result<Site> {
    let mut site = read(path)?;
    for list in lists {
        let bytes = std::fs::read(list)
            .with_context(|| format!("{}: the inventory list cannot be read", list.display()))?;
        let name = list.file_name().unwrap_or(list.as_os_str()).to_string_lossy();
        let devices = wardline_feeds::inventory::read(&name, &bytes)
            .with_context(|| format!("{}: inventory list", list.display()))?;
        site.devices.extend(devices);
    }
    Ok(site)
}

fn parse(text: &str) -> Result<Site> {
    let site: Site = toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| {
            let before = text.get(..span.start).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            format!("line {line}, column {column}: ")
        });
        anyhow!("{}{}", place.unwrap_or_default(), error.message())
    })?;
    site.check()?;
    Ok(site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_site_is_read() {
        let site = parse(
            r#"
            name = "Example Hospital"
            [[network]]
            prefix = "10.20.0.0/16"
            zone = "icu"
            [[device]]
            mac = "00:09:fb:00:00:01"
            vendor = "Philips"
            category = "patient-monitor"
            criticality = "monitoring"
            patient_contact = true
            [[maintenance]]
            days = ["tuesday"]
            start_minute = 60
            length_minutes = 120
            [[server]]
            ip = "10.20.0.5"
            role = "integration-engine"
            "#,
        )
        .unwrap();
        assert_eq!((site.networks.len(), site.devices.len(), site.servers.len()), (1, 1, 1));
        assert_eq!(
            site.network_of("10.20.3.4".parse().unwrap()).unwrap().zone.as_ref().unwrap().as_str(),
            "icu"
        );
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let error =
            format!("{:#}", parse("name = \"x\"\n[[network]]\nprefix = \"10.0.0.0/40\"\n").unwrap_err());
        assert!(error.contains("line 3"), "{error}");
        let error = format!("{:#}", parse("[[device]]\ncolour = 'red'\n").unwrap_err());
        assert!(error.contains("line 2") && error.contains("colour"), "{error}");
    }
}
