//! Time stamps over checkpoints (RFC 3161; `docs/format/stamp.md`).
//!
//! Pure: certificates, tokens and revocation lists are bytes, and no time is asked for. A chain is held against the
//! time that the token names.

mod asn1;
mod certificate;
mod chain;
mod hash;
mod ocsp;
mod revocation;
mod series;
mod signature;
mod token;

pub use asn1::{granted, request};
pub use certificate::{Certificates, revocation_points};
pub use hash::HashKind;
pub use ocsp::ocsp_request;
pub use series::{
    About, FIRST_TOKEN, SeriesFacts, SeriesFiles, StampFile, Stamped, check_series,
    is_authority_name,
};
pub use token::{MAX_RESPONSE_BYTES, TokenFacts, check_token};

/// What is wrong with a token, its certificates or its revocation lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StampError {
    /// Bytes that are not what they should be.
    #[error("{what} cannot be read: {why}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// Why, in the words of the parser.
        why: String,
    },
    /// The authority refused.
    #[error("the authority refused the request: status {status}{said}")]
    Refused {
        /// The status of RFC 3161 section 2.4.2.
        status: u8,
        /// What it said, after a colon; empty when it said nothing.
        said: String,
    },
    /// The token stamps other bytes.
    #[error(
        "its imprint is not that of the bytes that it should stamp: the checkpoint, and what it renews"
    )]
    OtherImprint,
    /// A nonce that was not sent.
    #[error("its nonce is not the one that was sent")]
    OtherNonce,
    /// Something is there that this program does not take.
    #[error("{what} is not one that is accepted here: {name}")]
    NotAccepted {
        /// What.
        what: &'static str,
        /// Its name or object identifier.
        name: String,
    },
    /// The signed attributes do not bind content or certificate.
    #[error("its signed attributes {0}")]
    Attributes(&'static str),
    /// No certificate of the signer is there.
    #[error("the certificate of its signer is neither in the token nor among those given")]
    NoSigner,
    /// The signature is wrong.
    #[error("its signature is wrong: the token was altered, or another key signed it")]
    WrongSignature,
    /// A certificate that may not be used so.
    #[error("the certificate of {subject} {why}")]
    Unfit {
        /// Its subject.
        subject: String,
        /// What is wrong with it.
        why: String,
    },
    /// No chain.
    #[error("no chain leads from the certificate of {subject} to a root that is trusted here{why}")]
    NoChain {
        /// The signer's subject.
        subject: String,
        /// The nearest miss, after a colon; empty when there was none.
        why: String,
    },
    /// A revocation list that does not hold.
    #[error("the revocation list of {issuer} {why}")]
    RevocationList {
        /// Its issuer.
        issuer: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A certificate was revoked when the token was made.
    #[error("the certificate of {subject} was revoked before the time of the token")]
    Revoked {
        /// Its subject.
        subject: String,
    },
}

pub(crate) fn malformed(what: &'static str) -> impl Fn(der::Error) -> StampError {
    move |error| StampError::Malformed {
        what,
        why: error.to_string(),
    }
}
