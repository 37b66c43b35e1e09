//! What venues want requests signed with: HMAC-SHA256 in base64.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// A secret, ready to sign. It is shown to nobody.
pub(crate) struct Signature(hmac::Key);

impl Signature {
    /// That of a secret in base64; `None` if it is none.
    pub(crate) fn of_base64(secret: &str) -> Option<Self> {
        let secret = STANDARD.decode(secret).ok()?;
        Some(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    /// The signature of a text, in base64.
    pub(crate) fn sign(&self, text: &[u8]) -> String {
        STANDARD.encode(hmac::sign(&self.0, text))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_signed_as_rfc_4231_says() {
        // Test case 2: the key `Jefe`, in base64.
        let signature = Signature::of_base64("SmVmZQ==").unwrap();
        let signed = signature.sign(b"what do ya want for nothing?");
        assert_eq!(signed, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
        assert_eq!(format!("{signature:?}"), "Signature");
        assert!(Signature::of_base64("no base64").is_none());
    }
}
