//! Denial of service by guessing passwords, which locks accounts and opens doors: MITRE ATT&CK T1110, T1531, T0892.

use std::net::IpAddr;

use wardline_model::fact::{CredentialFact, CredentialKind, FtpFact, MqttFact, SmbFact};
use wardline_model::{Attack, Fact, Observation, Protocol, Pseudonym, Severity, Station, Timestamp};

use super::recent::{Different, Recent, Window};
use super::{Alarm, Detector, Episodes, World};
use crate::limits::SENDERS_MAX;

const SECOND: i64 = 1_000_000_000;
const TOGETHER: i64 = 60 * SECOND;
/// Different secrets for one door within a minute that nobody mistypes.
const SECRETS_MIN: usize = 10;
/// Refusals within a minute: a service with an old password tries again and again, but not so fast.
const REFUSALS_MIN: usize = 20;
/// MS-ERREF: wrong account or password, account locked or disabled.
const REFUSED_STATUS: &[u32] = &[0xc000_006d, 0xc000_006a, 0xc000_0064, 0xc000_0234, 0xc000_0072];

type Door = (IpAddr, IpAddr, Protocol);

#[derive(Default)]
struct Guesser {
    secrets: Different<(Option<Pseudonym>, Pseudonym)>,
    refusals: Window,
    alarmed: Option<Timestamp>,
}

/// Passwords that are guessed.
pub(super) struct PasswordGuessing {
    doors: Recent<Door, Guesser>,
}

impl Default for PasswordGuessing {
    fn default() -> Self {
        Self { doors: Recent::new(SENDERS_MAX) }
    }
}

impl Detector for PasswordGuessing {
    fn observe(&mut self, observation: &Observation, world: &World<'_>, episodes: &mut Episodes) {
        match &observation.fact {
            Fact::Credential(credential) => self.tried(observation, credential, world, episodes),
            Fact::Smb(smb) => match **smb {
                SmbFact::SessionSetup { status } if REFUSED_STATUS.contains(&status) => {
                    self.refused(observation, Protocol::Smb2, world, episodes);
                }
                SmbFact::SessionSetup { status: 0 } => {
                    self.opened(observation, Protocol::Smb2, world, episodes);
                }
                _ => {}
            },
            Fact::Ftp(ftp) => match **ftp {
                FtpFact { reply: 530, .. } => self.refused(observation, Protocol::Ftp, world, episodes),
                FtpFact { reply: 230, .. } => self.opened(observation, Protocol::Ftp, world, episodes),
                _ => {}
            },
            Fact::Mqtt(mqtt) => match **mqtt {
                // 3.1.1 section 3.2.2.3, 5 section 3.2.2.2: bad user name or password, not authorised.
                MqttFact::Connected { reason: 4 | 5 | 0x86 | 0x87 } => {
                    self.refused(observation, Protocol::Mqtt, world, episodes);
                }
                MqttFact::Connected { reason: 0 } => {
                    self.opened(observation, Protocol::Mqtt, world, episodes)
                }
                _ => {}
            },
            _ => {}
        }
    }
}

impl PasswordGuessing {
    fn tried(
        &mut self,
        observation: &Observation,
        credential: &CredentialFact,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(client), Some(server), Some(secret)) =
            (observation.from.ip, observation.to.ip, credential.secret)
        else {
            return;
        };
        // A challenge makes every response another one, and a token is no guess.
        if matches!(credential.kind, CredentialKind::ChallengeResponse | CredentialKind::Bearer) {
            return;
        }
        let time = observation.sighting.time;
        let guesser = self.doors.at((client, server, credential.protocol), time);
        let count = guesser.secrets.add((credential.account, secret), time, TOGETHER);
        if count >= SECRETS_MIN {
            let started = guesser.secrets.first().unwrap_or(time);
            guesser.alarmed = Some(time);
            let what = format!("tries {count} different passwords");
            let ends = (observation.from, observation.to);
            alarm(observation, ends, credential.protocol, &what, false, started, world, episodes);
        }
    }

    /// Told by the server, so the one who guesses is `to`.
    fn refused(
        &mut self,
        observation: &Observation,
        protocol: Protocol,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(server), Some(client)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        let guesser = self.doors.at((client, server, protocol), time);
        let count = guesser.refusals.add(time, TOGETHER);
        if count >= REFUSALS_MIN {
            let started = guesser.refusals.first().unwrap_or(time);
            guesser.alarmed = Some(time);
            let what = format!("was refused {count} times");
            let ends = (observation.to, observation.from);
            alarm(observation, ends, protocol, &what, false, started, world, episodes);
        }
    }

    /// A log-in that succeeds right after the guesses: one of them was right.
    fn opened(
        &mut self,
        observation: &Observation,
        protocol: Protocol,
        world: &World<'_>,
        episodes: &mut Episodes,
    ) {
        let (Some(server), Some(client)) = (observation.from.ip, observation.to.ip) else { return };
        let time = observation.sighting.time;
        let Some(guesser) = self.doors.get_mut(&(client, server, protocol)) else { return };
        let guessed = guesser.alarmed.take();
        if guessed.is_some_and(|alarmed| time.nanoseconds_since(alarmed) <= TOGETHER) {
            let started = guessed.unwrap_or(time);
            let ends = (observation.to, observation.from);
            alarm(
                observation,
                ends,
                protocol,
                "was let in after many guesses",
                true,
                started,
                world,
                episodes,
            );
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "all of them are one alarm")]
fn alarm(
    observation: &Observation,
    (client, server): (Station, Station),
    protocol: Protocol,
    what: &str,
    opened: bool,
    started: Timestamp,
    world: &World<'_>,
    episodes: &mut Episodes,
) {
    if world.learning {
        return;
    }
    let text = |station: &Station| station.ip.map(|ip| ip.to_string()).unwrap_or_default();
    let medical = world.is_medical(&server);
    episodes.raise(
        Alarm {
            attack: Attack::DenialOfService,
            detector: "password-guessing",
            key: format!("{} {} {protocol}", text(&client), text(&server)),
            techniques: &["T1110", "T1531", "T0892"],
            severity: match (opened, medical) {
                (true, true) => Severity::Critical,
                (true, false) | (false, true) => Severity::High,
                (false, false) => Severity::Medium,
            },
            confidence: 0.9,
            device: Some(server),
            source: Some(client),
            summary: format!("{} {what} at {} over {protocol}.", text(&client), text(&server)),
            evidence: vec![world.names.evidence(observation, protocol, "log-in", what)],
            started,
            time: observation.sighting.time,
            silent_if: format!("there had been fewer than {SECRETS_MIN} different passwords or {REFUSALS_MIN} refusals within a minute"),
        },
        world.inventory,
    );
}
