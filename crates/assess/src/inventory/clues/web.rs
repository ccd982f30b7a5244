//! What HTTP and TLS tell.

use wardline_model::Protocol;
use wardline_model::fact::{CertificateFact, HttpFact, TlsFact};

use super::Notes;
use crate::knowledge::ClueSource;

impl Notes<'_> {
    pub(super) fn http(&mut self, http: &HttpFact) {
        let place = Protocol::Http;
        match http {
            HttpFact::Request(request) => {
                self.clue_from(place, "User-Agent", ClueSource::HttpUserAgent, request.user_agent.as_ref());
                if let Some(host) = &request.host {
                    self.service(self.from(), place, "Host", host);
                }
            }
            HttpFact::Response(response) => {
                self.clue_from(place, "Server", ClueSource::HttpServer, response.server.as_ref());
                self.clue_from(
                    place,
                    "WWW-Authenticate",
                    ClueSource::HttpRealm,
                    response.authenticate.as_ref(),
                );
                self.clue_from(
                    place,
                    "X-Powered-By",
                    ClueSource::HttpPoweredBy,
                    response.powered_by.as_ref(),
                );
            }
        }
    }

    pub(super) fn tls(&mut self, tls: &TlsFact) {
        match tls {
            TlsFact::ClientHello(hello) => {
                self.clue_from(
                    Protocol::Tls,
                    "tls.handshake.extensions_server_name",
                    ClueSource::TlsServerName,
                    hello.server_name.as_ref(),
                );
                if let Some(name) = &hello.server_name {
                    let field = "tls.handshake.extensions_server_name";
                    self.service(self.from(), Protocol::Tls, field, name);
                }
            }
            TlsFact::Certificate(CertificateFact { position: 0, common_name, organization, .. }) => {
                self.clue_from(
                    Protocol::Tls,
                    "x509sat.commonName",
                    ClueSource::TlsCommonName,
                    common_name.as_ref(),
                );
                // A client that does not say whom it wants to speak to is told who answers.
                if let Some(name) = common_name {
                    self.service(self.to(), Protocol::Tls, "x509sat.commonName", name);
                }
                self.clue_from(
                    Protocol::Tls,
                    "x509sat.organizationName",
                    ClueSource::TlsOrganization,
                    organization.as_ref(),
                );
            }
            _ => {}
        }
    }
}
