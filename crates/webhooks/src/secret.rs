use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};

use crate::Error;

const PREFIX: &str = "whsec_";
const MIN_BYTES: usize = 24;
const MAX_BYTES: usize = 64;
const GENERATED_BYTES: usize = 32;

/// A symmetric signing secret, shared with one receiver.
///
/// Invariant: 24 to 64 bytes, as the specification asks ("Signature scheme"). `Debug` shows nothing
/// of it; [`reveal`](Self::reveal) is the only way out.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Reads `whsec_` followed by standard base64 with padding.
    ///
    /// # Errors
    ///
    /// [`Error::Secret`] names what is wrong without repeating the value.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let encoded = text
            .strip_prefix(PREFIX)
            .ok_or(Error::Secret("it must begin with `whsec_`"))?;
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| Error::Secret("after `whsec_` it must be padded base64"))?;
        if !(MIN_BYTES..=MAX_BYTES).contains(&bytes.len()) {
            return Err(Error::Secret("it must hold 24 to 64 bytes"));
        }

        Ok(Self(bytes))
    }

    /// Draws a new secret of 32 bytes from the operating system.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] if the system has none to give.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = vec![0; GENERATED_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| Error::Randomness)?;

        Ok(Self(bytes))
    }

    /// The secret as `whsec_…`, to be shown to its owner and to nobody else.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    pub(crate) fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_length(bytes: usize) -> String {
        format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]))
    }

    #[test]
    fn only_24_to_64_bytes_are_a_secret() {
        for (bytes, accepted) in [(0, false), (23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(
                Secret::parse(&of_length(bytes)).is_ok(),
                accepted,
                "{bytes}"
            );
        }
    }

    #[test]
    fn a_refused_secret_is_not_repeated() {
        for text in [
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "whsec_C2FVsBQIhrscChlQIMV*b5sSYspob7oD",
            "WHSEC_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            " whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n",
            "whsec_",
        ] {
            let message = Secret::parse(text).map_or_else(|err| err.to_string(), |_| String::new());

            assert!(message.starts_with("invalid webhook secret: "), "{text}");
            assert!(!message.contains("C2FV"), "{message}");
        }
    }

    #[test]
    fn debug_tells_nothing() -> anyhow::Result<()> {
        let secret = Secret::parse(&of_length(24))?;

        assert_eq!(format!("{secret:?}"), "Secret");
        Ok(())
    }

    #[test]
    fn a_generated_secret_survives_being_written_down() -> anyhow::Result<()> {
        let secret = Secret::generate()?;

        assert_eq!(Secret::parse(&secret.reveal())?.0, secret.0);
        assert_ne!(Secret::generate()?.0, secret.0);
        Ok(())
    }
}
