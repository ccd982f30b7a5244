//! `wardline account`: who may sign in to the console.

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Context as _, Result, bail};
use wardline_console::Accounts;
use wardline_model::{Label, Timestamp};

use crate::cli::{AccountArguments, AccountVerb};
use crate::feed::wall_clock;
use crate::list::table;
use crate::{Outcome, place};

/// Longest password that is read, bytes.
const INPUT_BYTES_MAX: u64 = 1_024;

#[expect(clippy::print_stdout, reason = "this verb speaks to its user")]
pub(crate) fn run(arguments: &AccountArguments) -> Result<Outcome> {
    let state = place::state(arguments.state.as_deref())?;
    std::fs::create_dir_all(&state).with_context(|| {
        format!("{}: cannot be made; give another place with --state DIR", state.display())
    })?;
    let mut accounts = Accounts::open(&state)?;
    match &arguments.verb {
        AccountVerb::Add { name, role, zone } => {
            let zone = zone
                .as_deref()
                .map(|zone| Label::non_empty(zone.as_bytes()).context("a zone has a name"))
                .transpose()?;
            accounts.add(name, *role, zone, &password(name)?, wall_clock())?;
            println!("{name} may sign in as {role}.");
        }
        AccountVerb::List => return list(&accounts),
        AccountVerb::Password { name } => {
            accounts.set_password(name, &password(name)?)?;
            println!("{name} has a new password.");
        }
        AccountVerb::SecondFactor { name, remove: true } => {
            accounts.remove_second_factor(name)?;
            println!("{name} signs in with the password alone.");
        }
        AccountVerb::SecondFactor { name, remove: false } => {
            let secret = accounts.add_second_factor(name)?;
            println!("Give this to the program that shows the codes; it is not shown again:");
            println!("  otpauth://totp/Wardline:{name}?secret={secret}&issuer=Wardline");
        }
        AccountVerb::Token { name, token, days } => {
            let expires = wall_clock().nanoseconds().saturating_add(i64::from(*days) * 86_400_000_000_000);
            let secret = accounts.add_token(name, token, Timestamp::from_nanoseconds(expires))?;
            println!("Authorization: Bearer {}", secret.0);
            println!("It holds for {days} days and is not shown again.");
        }
        AccountVerb::Remove { name } => {
            accounts.remove(name)?;
            println!("{name} is out.");
        }
    }
    Ok(Outcome::Done)
}

fn list(accounts: &Accounts) -> Result<Outcome> {
    let rows: Vec<_> = accounts
        .iter()
        .map(|account| {
            // The day is enough.
            let tokens: Vec<_> = account
                .tokens()
                .map(|(name, expires)| format!("{name} until {:.10}", expires.to_string()))
                .collect();
            [
                account.name.clone(),
                account.role.to_string(),
                account.zone.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string),
                if account.has_second_factor() { "yes" } else { "no" }.to_owned(),
                tokens.join(", "),
            ]
        })
        .collect();
    let head = ["name", "role", "zone", "second factor", "tokens"];
    table(&mut std::io::stdout().lock(), &head, &rows)?;
    Ok(Outcome::Done)
}

/// Asked for twice at a terminal; the first line of standard input otherwise.
fn password(name: &str) -> Result<String> {
    if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password(format!("Password of {name}: "))?;
        if rpassword::prompt_password("Once more: ")? != first {
            bail!("the two are not the same; nothing was changed");
        }
        return Ok(first);
    }
    let mut text = String::new();
    std::io::stdin().take(INPUT_BYTES_MAX).read_to_string(&mut text).context("standard input")?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
