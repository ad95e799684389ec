//! A person's own key, brought by whoever acts and never kept (`docs/format/acts.md`, *A person's key*).

use std::fmt;

use aws_lc_rs::hmac;
use comity_core::digest::{Digest, hex};
use comity_core::signature::{ActSignature, message};
use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use crate::error::{AppError, Result};

/// What an age identity begins with.
const AGE: &str = "AGE-SECRET-KEY-1";
/// The human-readable part of an age identity (age-encryption.org/v1, *The X25519 recipient type*).
const AGE_HRP: &str = "age-secret-key-";

/// An Ed25519 key of a person.
#[derive(Clone)]
pub struct PersonKey(SigningKey);

impl PersonKey {
    /// Reads a private key file: an OpenSSH file of an Ed25519 key, or an age identity. `passphrase` is asked for when
    /// the file is encrypted.
    ///
    /// # Errors
    /// [`AppError::Usage`] with what to give instead.
    pub fn read(
        bytes: &[u8],
        passphrase: &dyn Fn() -> Result<Zeroizing<String>>,
    ) -> Result<PersonKey> {
        let text = std::str::from_utf8(bytes).map_err(|_| unknown())?;
        if text.contains("BEGIN OPENSSH PRIVATE KEY") {
            return of_ssh(text, passphrase);
        }
        let identity = text.lines().map(str::trim).find(|l| l.starts_with(AGE));
        identity.map_or_else(|| Err(unknown()), of_age)
    }

    /// The public key, 32 bytes.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs the text of a note (C2SP signed-note).
    pub fn sign_text(&self, text: &str) -> [u8; 64] {
        self.0.sign(text.as_bytes()).to_bytes()
    }

    /// Signs the fields with this commitment, for the log of this origin.
    pub fn sign(&self, origin: &str, commitment: &Digest) -> ActSignature {
        ActSignature {
            key: self.public(),
            value: self.0.sign(&message(origin, commitment)).to_bytes(),
        }
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonKey({})", hex(&self.public()))
    }
}

impl PartialEq for PersonKey {
    fn eq(&self, other: &Self) -> bool {
        self.public() == other.public()
    }
}

impl Eq for PersonKey {}

fn unknown() -> AppError {
    AppError::Usage(
        "this is no private key that signs: give an OpenSSH file of an Ed25519 key (`ssh-keygen -t ed25519`) or an age identity (`age-keygen`)".to_owned(),
    )
}

fn of_ssh(text: &str, passphrase: &dyn Fn() -> Result<Zeroizing<String>>) -> Result<PersonKey> {
    let key = ssh_key::PrivateKey::from_openssh(text)
        .map_err(|e| AppError::Usage(format!("the OpenSSH key file cannot be read: {e}")))?;
    let key = if key.is_encrypted() {
        key.decrypt(passphrase()?.as_bytes())
            .map_err(|_| AppError::Usage("this is not the passphrase of the key file".to_owned()))?
    } else {
        key
    };
    let pair = key.key_data().ed25519().ok_or_else(|| {
        AppError::Usage(format!(
            "the key file holds a key of another kind ({}): acts are signed with Ed25519 (`ssh-keygen -t ed25519`)",
            key.algorithm()
        ))
    })?;
    Ok(PersonKey(SigningKey::from_bytes(&pair.private.to_bytes())))
}

fn of_age(identity: &str) -> Result<PersonKey> {
    let broken = || AppError::Usage("the age identity is damaged or cut short".to_owned());
    let (hrp, bytes) = bech32::decode(identity).map_err(|_| broken())?;
    let bytes = Zeroizing::new(bytes);
    if hrp.to_lowercase() != AGE_HRP || bytes.len() != 32 {
        return Err(broken());
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    let seed = hmac::sign(&key, b"comity/person-key/v1\n");
    let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.as_ref().try_into().map_err(|_| broken())?);
    Ok(PersonKey(SigningKey::from_bytes(&seed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `ssh-keygen -t ed25519 -N ''` and `ssh-keygen -t ed25519 -N secret -a 2`; public keys as it printed them.
    const PLAIN: &str = include_str!("../testdata/person-ed25519");
    const ENCRYPTED: &str = include_str!("../testdata/person-ed25519-encrypted");

    fn none() -> Result<Zeroizing<String>> {
        Err(AppError::Usage("asked for a passphrase".to_owned()))
    }

    fn public_of(line: &str) -> [u8; 32] {
        let key = ssh_key::PublicKey::from_openssh(line).ok();
        key.and_then(|k| k.key_data().ed25519().map(|k| k.0))
            .unwrap_or_default()
    }

    #[test]
    fn ssh_keys_are_read_plain_and_encrypted() -> Result<()> {
        let key = PersonKey::read(PLAIN.as_bytes(), &none)?;
        assert_eq!(
            key.public(),
            public_of(include_str!("../testdata/person-ed25519.pub"))
        );
        let given = |p: &'static str| move || Ok(Zeroizing::new(p.to_owned()));
        let key = PersonKey::read(ENCRYPTED.as_bytes(), &given("secret"))?;
        assert_eq!(
            key.public(),
            public_of(include_str!("../testdata/person-ed25519-encrypted.pub"))
        );
        let wrong = PersonKey::read(ENCRYPTED.as_bytes(), &given("other"));
        assert!(wrong.is_err_and(|e| e.to_string().contains("not the passphrase")));
        Ok(())
    }

    #[test]
    fn an_age_identity_gives_a_key_by_the_written_rule() -> Result<()> {
        // An identity of 32 zero bytes; the seed is HMAC-SHA256 of the label under it, computed with openssl.
        let identity = format!(
            "# made\n{}\n",
            bech32::encode_upper::<bech32::Bech32>(
                bech32::Hrp::parse_unchecked("age-secret-key-"),
                &[0; 32]
            )
            .unwrap_or_default()
        );
        let key = PersonKey::read(identity.as_bytes(), &none)?;
        let seed = comity_core::digest::unhex(include_str!("../testdata/person-age-seed").trim())
            .and_then(|s| s.try_into().ok())
            .unwrap_or_default();
        assert_eq!(
            key.public(),
            SigningKey::from_bytes(&seed).verifying_key().to_bytes()
        );
        let cut = &identity[..identity.len() - 5];
        assert!(
            PersonKey::read(cut.as_bytes(), &none)
                .is_err_and(|e| e.to_string().contains("damaged"))
        );
        assert!(PersonKey::read(b"\xff", &none).is_err());
        Ok(())
    }
}
