//! Asking an authority over HTTP (RFC 3161 section 3.4), getting revocation lists, and asking responders.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// An authority that has not answered by then will not.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest revocation list that is got.
const MAX_LIST_BYTES: u64 = 8 << 20;

/// Asks authorities. Every failure is a sentence.
pub struct Http {
    agent: Agent,
}

impl Default for Http {
    fn default() -> Self {
        Http::new()
    }
}

impl Http {
    /// A client that trusts, for `https`, the roots of the system. A token proves itself: TLS only keeps others from
    /// seeing when a centre asks.
    pub fn new() -> Http {
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(
                rustls::crypto::aws_lc_rs::default_provider(),
            ))
            .build();
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .tls_config(tls)
            .user_agent(crate::receipt::PROGRAM.replace(' ', "/"))
            .build();
        Http {
            agent: config.into(),
        }
    }

    /// Sends a request and gives the bytes of the response, granted or not.
    pub(crate) fn ask(&self, url: &str, request: &[u8]) -> Result<Vec<u8>, String> {
        self.post(url, "application/timestamp-query", request)
    }

    /// Asks a responder about a certificate (RFC 6960, appendix A).
    pub(crate) fn ask_about(&self, url: &str, request: &[u8]) -> Result<Vec<u8>, String> {
        self.post(url, "application/ocsp-request", request)
    }

    fn post(&self, url: &str, kind: &str, request: &[u8]) -> Result<Vec<u8>, String> {
        let mut answer = self
            .agent
            .post(url)
            .content_type(kind)
            .send(request)
            .map_err(|e| e.to_string())?;
        answer
            .body_mut()
            .with_config()
            .limit(comity_core::stamp::MAX_RESPONSE_BYTES as u64)
            .read_to_vec()
            .map_err(|e| e.to_string())
    }

    /// Gets a revocation list.
    pub(crate) fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        let mut answer = self.agent.get(url).call().map_err(|e| e.to_string())?;
        answer
            .body_mut()
            .with_config()
            .limit(MAX_LIST_BYTES)
            .read_to_vec()
            .map_err(|e| e.to_string())
    }
}
