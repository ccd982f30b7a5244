//! The accounts of a state directory.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use totp_rs::{Builder, Secret, Totp};
use wardline_model::{Label, Timestamp};

use super::Role;

/// Name of the file in the state directory.
const FILE: &str = "accounts.json";
/// Shortest password, characters. Length is what counts (NIST SP 800-63B section 3.1.1.2).
const PASSWORD_LENGTH_MIN: usize = 12;
/// Longest password, bytes: hashing costs time for each.
pub(super) const PASSWORD_BYTES_MAX: usize = 256;
const NAME_LENGTH_MAX: usize = 64;
const ACCOUNTS_MAX: usize = 10_000;
const TOKENS_MAX: usize = 64;
/// What every token begins with, so that a secret that was published by mistake is recognised.
const TOKEN_BEGIN: &str = "wardline_";
/// Bytes of a secret that nobody chooses.
const SECRET_BYTES: usize = 20;

/// Why an account cannot be made or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The file cannot be used.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The file holds something else.
    #[error(
        "{path}: is damaged: {cause}; put a good copy in its place, or remove it and add the accounts again"
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// A name that cannot be one.
    #[error("a name is 1 to {NAME_LENGTH_MAX} letters, digits, dots, dashes, underscores or @")]
    Name,
    /// There is such an account.
    #[error("there is an account {0} already")]
    Taken(String),
    /// There is none.
    #[error("there is no account {0}; `wardline account list` shows all")]
    Unknown(String),
    /// A weak password.
    #[error(
        "a password has at least {PASSWORD_LENGTH_MIN} characters, at most {PASSWORD_BYTES_MAX} bytes, and is not the name"
    )]
    Password,
    /// Nobody would be left to manage accounts.
    #[error("{0} is the last administrator; make another one first")]
    LastAdministrator(String),
    /// A limit was reached.
    #[error("there is no room for more; remove what is not used")]
    Full,
    /// The system gives no randomness, or hashing failed.
    #[error("secrets cannot be made here: {0}")]
    Secrets(String),
}

/// Somebody who may enter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// What they sign in with.
    pub name: String,
    /// What they may see.
    pub role: Role,
    /// The only zone whose devices they see; all where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Label>,
    /// When it was made.
    pub created: Timestamp,
    /// argon2id, in PHC form.
    password: String,
    /// Secret of the second factor, base32 (RFC 6238).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second_factor: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<Token>,
}

impl Account {
    /// Whether a code of a second factor is asked for.
    pub const fn has_second_factor(&self) -> bool {
        self.second_factor.is_some()
    }

    /// Names of its tokens, and when each ends.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.tokens.iter().map(|token| (token.name.as_str(), token.expires))
    }

    /// Whether this is its password. Takes about as long as a person notices.
    pub(super) fn is_password(&self, password: &str) -> bool {
        is_password(&self.password, password)
    }

    /// The step of time in which a code is right; `None` for a wrong one.
    pub(super) fn code_step(&self, code: &str, now_s: u64) -> Option<u64> {
        let secret = Secret::try_from_base32(self.second_factor.as_deref()?).ok()?;
        totp(secret)?.check(code, now_s)
    }
}

/// A secret by which a program asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Token {
    name: String,
    /// SHA-256, hexadecimal. What it is made of is random and long, so that no slower digest is needed.
    digest: String,
    expires: Timestamp,
}

/// A token that was just made: it is shown once.
#[derive(Debug)]
pub struct NewToken(pub String);

/// All accounts of a state directory.
#[derive(Debug)]
pub struct Accounts {
    path: PathBuf,
    list: Vec<Account>,
    /// When the file was last changed, as far as we know.
    changed: Option<SystemTime>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    accounts: Vec<Account>,
}

impl Accounts {
    /// Reads them; there are none where there is no file.
    ///
    /// # Errors
    ///
    /// [`AccountError::File`] and [`AccountError::Damaged`].
    pub fn open(state: &Path) -> Result<Self, AccountError> {
        let mut accounts = Self { path: state.join(FILE), list: Vec::new(), changed: None };
        accounts.refresh()?;
        Ok(accounts)
    }

    /// Reads them again if the file changed.
    pub(super) fn refresh(&mut self) -> Result<(), AccountError> {
        let at = |cause| AccountError::File { path: self.path.clone(), cause };
        let changed = match fs::metadata(&self.path) {
            Ok(about) => about.modified().map_err(at)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                (self.list, self.changed) = (Vec::new(), None);
                return Ok(());
            }
            Err(error) => return Err(at(error)),
        };
        if self.changed == Some(changed) {
            return Ok(());
        }
        let bytes = fs::read(&self.path).map_err(at)?;
        let kept: Kept = serde_json::from_slice(&bytes)
            .map_err(|cause| AccountError::Damaged { path: self.path.clone(), cause })?;
        (self.list, self.changed) = (kept.accounts, Some(changed));
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.list.iter()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Account> {
        self.list.iter().find(|account| account.name == name)
    }

    /// Whose a token is, while it holds.
    pub(super) fn of_token(&self, token: &str, now: Timestamp) -> Option<&Account> {
        let digest = digest(token.strip_prefix(TOKEN_BEGIN)?);
        self.list
            .iter()
            .find(|account| account.tokens.iter().any(|token| token.digest == digest && token.expires > now))
    }

    /// Adds an account and keeps it.
    ///
    /// # Errors
    ///
    /// Where name or password cannot be one, the name is taken, or the file cannot be written.
    pub fn add(
        &mut self,
        name: &str,
        role: Role,
        zone: Option<Label>,
        password: &str,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
        if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.chars().all(plain) {
            return Err(AccountError::Name);
        }
        if self.get(name).is_some() {
            return Err(AccountError::Taken(name.to_owned()));
        }
        if self.list.len() >= ACCOUNTS_MAX {
            return Err(AccountError::Full);
        }
        let password = hashed(name, password)?;
        let account = Account {
            name: name.to_owned(),
            role,
            zone,
            created: now,
            password,
            second_factor: None,
            tokens: Vec::new(),
        };
        self.list.push(account);
        self.list.sort_by(|one, other| one.name.cmp(&other.name));
        self.save()
    }

    /// Removes an account; its sessions and tokens end at once.
    ///
    /// # Errors
    ///
    /// Where there is none, or it is the last administrator.
    pub fn remove(&mut self, name: &str) -> Result<(), AccountError> {
        let role = self.get(name).ok_or_else(|| AccountError::Unknown(name.to_owned()))?.role;
        let administrators = self.list.iter().filter(|account| account.role == Role::Administrator).count();
        if role == Role::Administrator && administrators == 1 && self.list.len() > 1 {
            return Err(AccountError::LastAdministrator(name.to_owned()));
        }
        self.list.retain(|account| account.name != name);
        self.save()
    }

    /// Gives an account another password.
    ///
    /// # Errors
    ///
    /// Where there is none, or the password cannot be one.
    pub fn set_password(&mut self, name: &str, password: &str) -> Result<(), AccountError> {
        let password = hashed(name, password)?;
        self.change(name, |account| account.password = password)
    }

    /// Asks for a second factor from now on. Gives its secret in base32, which is shown once.
    ///
    /// # Errors
    ///
    /// Where there is no such account.
    pub fn add_second_factor(&mut self, name: &str) -> Result<String, AccountError> {
        let secret = Secret::from(random()?.as_slice()).to_base32();
        self.change(name, |account| account.second_factor = Some(secret.clone()))?;
        Ok(secret)
    }

    /// Asks for no second factor any more.
    ///
    /// # Errors
    ///
    /// Where there is no such account.
    pub fn remove_second_factor(&mut self, name: &str) -> Result<(), AccountError> {
        self.change(name, |account| account.second_factor = None)
    }

    /// Makes a token for a program that asks in an account's place.
    ///
    /// # Errors
    ///
    /// Where there is no such account, or no room.
    pub fn add_token(
        &mut self,
        name: &str,
        token_name: &str,
        expires: Timestamp,
    ) -> Result<NewToken, AccountError> {
        let secret: String = random()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = Token { name: token_name.to_owned(), digest: digest(&secret), expires };
        let account = self.get(name).ok_or_else(|| AccountError::Unknown(name.to_owned()))?;
        if account.tokens.len() >= TOKENS_MAX {
            return Err(AccountError::Full);
        }
        self.change(name, |account| {
            account.tokens.retain(|known| known.name != token.name);
            account.tokens.push(token);
        })?;
        Ok(NewToken(format!("{TOKEN_BEGIN}{secret}")))
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Account)) -> Result<(), AccountError> {
        let account = self.list.iter_mut().find(|account| account.name == name);
        change(account.ok_or_else(|| AccountError::Unknown(name.to_owned()))?);
        self.save()
    }

    /// Writes the file whole or not at all, for its owner alone.
    fn save(&mut self) -> Result<(), AccountError> {
        let at = |cause| AccountError::File { path: self.path.clone(), cause };
        let unfinished = self.path.with_extension("part");
        let kept = Kept { accounts: self.list.clone() };
        let bytes = serde_json::to_vec_pretty(&kept)
            .map_err(|cause| AccountError::Damaged { path: self.path.clone(), cause })?;
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .and_then(|mut file| {
                // One that is left from before may be open to others.
                file.set_permissions(fs::Permissions::from_mode(0o600))?;
                file.write_all(&bytes)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&unfinished, &self.path));
        written.map_err(at)?;
        self.changed = fs::metadata(&self.path).and_then(|about| about.modified()).ok();
        Ok(())
    }
}

fn hashed(name: &str, password: &str) -> Result<String, AccountError> {
    let long = password.chars().count() >= PASSWORD_LENGTH_MIN && password.len() <= PASSWORD_BYTES_MAX;
    if !long || password.eq_ignore_ascii_case(name) {
        return Err(AccountError::Password);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| AccountError::Secrets(error.to_string()))
}

/// A hash of what nobody knows.
pub(super) fn decoy() -> Result<String, AccountError> {
    hashed("", &digest(&format!("{:?}", random()?)))
}

/// Whether a password is that of a hash.
pub(super) fn is_password(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Six digits for 30 seconds by SHA-1, as the programs that people have on their telephones expect.
fn totp(secret: Secret) -> Option<Totp> {
    Builder::new().with_secret(secret).with_digits(6).with_skew(1).with_step_duration(30).build().ok()
}

pub(super) fn digest(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn random() -> Result<[u8; SECRET_BYTES], AccountError> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| AccountError::Secrets(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn an_account_is_kept_for_its_owner_alone_and_without_its_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let mut accounts = Accounts::open(directory.path()).unwrap();
        assert!(accounts.is_empty());
        accounts.add("ada", Role::Administrator, None, "correct horse battery", NOW).unwrap();
        let token = accounts.add_token("ada", "siem", Timestamp::from_seconds(1_800_000_100)).unwrap().0;
        let path = directory.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("$argon2id$") && !text.contains("correct horse"));
        assert!(!text.contains(token.strip_prefix(TOKEN_BEGIN).unwrap()));

        let again = Accounts::open(directory.path()).unwrap();
        let ada = again.get("ada").unwrap();
        assert!(ada.is_password("correct horse battery") && !ada.is_password("correct horse batterz"));
        assert!(again.of_token(&token, NOW).is_some());
        assert!(again.of_token(&token, Timestamp::from_seconds(1_800_000_100)).is_none(), "it has ended");
        assert!(again.of_token("wardline_00", NOW).is_none());
    }

    #[test]
    fn weak_passwords_odd_names_and_doubles_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let mut accounts = Accounts::open(directory.path()).unwrap();
        let mut add = |name: &str, password: &str| accounts.add(name, Role::Analyst, None, password, NOW);
        assert!(matches!(add("ada", "short"), Err(AccountError::Password)));
        assert!(matches!(add("administrator", "Administrator"), Err(AccountError::Password)));
        assert!(matches!(add("a b", "long enough to be one"), Err(AccountError::Name)));
        add("ada", "long enough to be one").unwrap();
        assert!(matches!(add("ada", "long enough to be one"), Err(AccountError::Taken(_))));
    }

    #[test]
    fn the_last_administrator_stays_while_there_are_others() {
        let directory = tempfile::tempdir().unwrap();
        let mut accounts = Accounts::open(directory.path()).unwrap();
        accounts.add("ada", Role::Administrator, None, "long enough to be one", NOW).unwrap();
        accounts.add("ben", Role::Ward, None, "long enough to be one", NOW).unwrap();
        assert!(matches!(accounts.remove("ada"), Err(AccountError::LastAdministrator(_))));
        accounts.remove("ben").unwrap();
        accounts.remove("ada").unwrap();
        assert!(Accounts::open(directory.path()).unwrap().is_empty());
    }

    #[test]
    fn a_second_factor_is_that_of_the_standard() {
        // RFC 6238 appendix B: SHA-1, this secret, 59 seconds: 94287082, of which six digits are taken.
        let secret = Secret::from(b"12345678901234567890".as_slice());
        assert_eq!(totp(secret).unwrap().check("287082", 59), Some(1));
        let directory = tempfile::tempdir().unwrap();
        let mut accounts = Accounts::open(directory.path()).unwrap();
        accounts.add("ada", Role::Analyst, None, "long enough to be one", NOW).unwrap();
        let secret = accounts.add_second_factor("ada").unwrap();
        let code = totp(Secret::try_from_base32(&secret).unwrap()).unwrap().generate(59).to_string();
        assert_eq!(accounts.get("ada").unwrap().code_step(&code, 59), Some(1));
        assert_eq!(accounts.get("ada").unwrap().code_step(&code, 590), None);
    }
}
