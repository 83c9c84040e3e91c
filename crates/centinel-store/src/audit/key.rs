//! Keys that sign heads: Ed25519 (RFC 8032), private in PKCS#8 (RFC 8410), known by a short id.

use std::{fmt, str::FromStr};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use centinel_engine::facts::{hex, sha256_hex};
use ring::{
    rand::{SecureRandom as _, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

use super::Head;

/// PKCS#8 around the 32 bytes of a private key (RFC 8410, section 7).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";
/// What a signature is about stands in front of it, so that none can be used for something else.
const HEAD: &str = "centinel-audit-head-v1";
const ANNOUNCEMENT: &str = "centinel-audit-key-v1";

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is no private key.
    #[error("not an Ed25519 private key in PKCS#8 (`-----BEGIN PRIVATE KEY-----`)")]
    NotAKey,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
}

/// A private key. Never printed.
pub struct AuditKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl AuditKey {
    /// A new key and its PEM text, which is for the file that keeps it.
    ///
    /// # Errors
    ///
    /// [`KeyError::NoRandom`].
    pub fn generate() -> Result<(Self, SecretString), KeyError> {
        let mut seed = [0_u8; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| KeyError::NoRandom)?;
        let text = BASE64_STANDARD.encode([&PKCS8[..], &seed].concat());
        let pem = SecretString::from(format!("{PEM_BEGIN}\n{text}\n{PEM_END}\n"));
        Ok((Self::from_pem(&pem)?, pem))
    }

    /// Reads a PEM text, ours or that of `openssl genpkey -algorithm ed25519`.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAKey`].
    pub fn from_pem(pem: &SecretString) -> Result<Self, KeyError> {
        let text = pem.expose_secret().trim();
        let body = text.strip_prefix(PEM_BEGIN).and_then(|text| text.strip_suffix(PEM_END));
        let body: String = body.ok_or(KeyError::NotAKey)?.split_whitespace().collect();
        let der = BASE64_STANDARD.decode(body).map_err(|_| KeyError::NotAKey)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
        let pair = pair.map_err(|_| KeyError::NotAKey)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::NotAKey)?;
        Ok(Self { pair, public: PublicKey(public) })
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A head with its signature; the same head always gets the same one.
    pub fn sign(&self, head: &Head) -> SignedHead {
        let key = self.public.id();
        let signature = self.signature(&head_message(head, &key));
        SignedHead { head: head.clone(), key, signature }
    }

    /// What the log says of this key, as the entry after `previous`: that it is the first, or replaces
    /// `old`, which says so too.
    pub(super) fn announcement(&self, old: Option<&Self>, previous: &str) -> Announcement {
        let message = announcement_message(&self.public, previous);
        Announcement {
            key: self.public.id(),
            public_key: self.public.clone(),
            signature: self.signature(&message),
            replaces: old
                .map(|old| Replaced { key: old.public.id(), signature: old.signature(&message) }),
        }
    }

    fn signature(&self, message: &str) -> Signature {
        let mut bytes = [0_u8; 64];
        // Ed25519 signatures have 64 bytes; ring only says so in words.
        if let Ok(signature) = self.pair.sign(message.as_bytes()).as_ref().try_into() {
            bytes = signature;
        }
        Signature(bytes)
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditKey({}, …)", self.public.id())
    }
}

/// A public key: 32 bytes, 64 hex digits as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Its id.
    pub fn id(&self) -> KeyId {
        KeyId(sha256_hex(&self.0).chars().take(KeyId::DIGITS).collect())
    }

    /// Whether a head bears this key's signature.
    pub fn has_signed(&self, signed: &SignedHead) -> bool {
        signed.key == self.id()
            && self.verifies(&head_message(&signed.head, &signed.key), &signed.signature)
    }

    fn verifies(&self, message: &str, signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message.as_bytes(), &signature.0).is_ok()
    }
}

fn head_message(head: &Head, key: &KeyId) -> String {
    format!("{HEAD}:{head}:{key}")
}

fn announcement_message(public: &PublicKey, previous: &str) -> String {
    format!("{ANNOUNCEMENT}:{previous}:{public}")
}

/// The first 16 hex digits of the SHA-256 of a public key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    const DIGITS: usize = 16;
}

/// 64 bytes; unpadded base64url as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

/// A head, and who vouches for it. Text form: `42:<64 hex digits>:<key id>:<signature>`, made to be
/// pasted into pull requests and messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// Where the log ended.
    pub head: Head,
    /// Id of the key.
    pub key: KeyId,
    /// Over head and key id.
    pub signature: Signature,
}

/// What an entry says of a new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Announcement {
    /// Its id.
    key: KeyId,
    /// The key.
    pub(super) public_key: PublicKey,
    /// By the new key: somebody holds it.
    signature: Signature,
    /// The key before.
    replaces: Option<Replaced>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replaced {
    key: KeyId,
    signature: Signature,
}

impl Announcement {
    /// The announced key, where the announcement is proven: by itself, and by the key in force.
    pub(super) fn proven(
        payload: &Value,
        previous: &str,
        in_force: Option<&PublicKey>,
    ) -> Option<PublicKey> {
        let said: Self = serde_json::from_value(payload.clone()).ok()?;
        let message = announcement_message(&said.public_key, previous);
        let is_followed = match (in_force, &said.replaces) {
            (None, None) => true,
            (Some(old), Some(replaced)) => {
                old.id() == replaced.key && old.verifies(&message, &replaced.signature)
            }
            _ => false,
        };
        let is_held =
            said.key == said.public_key.id() && said.public_key.verifies(&message, &said.signature);
        (is_followed && is_held).then_some(said.public_key)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a public key has 64 hex digits".to_owned();
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0_u8; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == Self::DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("a key id has 16 hex digits".to_owned())
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for Signature {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| "a signature has 86 base64url characters".to_owned())
    }
}

impl fmt::Display for SignedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.head, self.key, self.signature)
    }
}

impl FromStr for SignedHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a signed head is `SEQUENCE:HASH:KEY:SIGNATURE`".to_owned();
        let (rest, signature) = text.trim().rsplit_once(':').ok_or_else(wrong)?;
        let (head, key) = rest.rsplit_once(':').ok_or_else(wrong)?;
        Ok(Self { head: head.parse()?, key: key.parse()?, signature: signature.parse()? })
    }
}

/// Texts stand in JSON as they are printed.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}
as_text!(PublicKey, KeyId, Signature, SignedHead);

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, TEST 1.
    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn pem(seed: &[u8]) -> SecretString {
        let text = BASE64_STANDARD.encode([&PKCS8[..], seed].concat());
        SecretString::from(format!("{PEM_BEGIN}\n{text}\n{PEM_END}\n"))
    }

    fn head() -> Head {
        Head { sequence: 42, hash: "ab".repeat(32) }
    }

    #[test]
    fn the_public_key_is_that_of_the_rfc() {
        let seed = BASE64_URL_SAFE_NO_PAD.decode(SEED).unwrap();
        let key = AuditKey::from_pem(&pem(&seed)).unwrap();
        assert_eq!(key.public().to_string(), PUBLIC);
        // TEST 1 signs the empty message.
        let expected = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
                        5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        assert_eq!(hex(&key.signature("").0), expected);
        assert_eq!(format!("{key:?}"), format!("AuditKey({}, …)", key.public().id()));
    }

    #[test]
    fn a_signed_head_is_one_word_and_holds_for_nothing_else() {
        let (key, pem) = AuditKey::generate().unwrap();
        let (other, _) = AuditKey::generate().unwrap();
        assert_eq!(AuditKey::from_pem(&pem).unwrap().public(), key.public());
        let signed = key.sign(&head());
        assert_eq!(signed.to_string().parse(), Ok(signed.clone()));
        assert!(key.public().has_signed(&signed) && !other.public().has_signed(&signed));
        assert_eq!(key.sign(&head()), signed);
        let mut later = signed.clone();
        later.head.sequence = 43;
        assert!(!key.public().has_signed(&later));
        let renamed = SignedHead { key: other.public().id(), ..signed.clone() };
        assert!(!other.public().has_signed(&renamed) && !key.public().has_signed(&renamed));
        let text = signed.to_string();
        for wrong in ["", "42", &text[..text.len() - 1], &format!("{text}A"), "42:ab:cd:ef"] {
            assert!(wrong.parse::<SignedHead>().is_err(), "{wrong}");
        }
        // A second text of the same signature would make one head two.
        let last = text.chars().last().unwrap();
        for other in ('A'..='Z').chain('a'..='z').chain('0'..='9').filter(|&other| other != last) {
            let changed = format!("{}{other}", &text[..text.len() - 1]);
            let accepted = changed.parse::<SignedHead>().is_ok_and(|h| key.public().has_signed(&h));
            assert!(!accepted, "{changed}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
        {
            let read = AuditKey::from_pem(&SecretString::from(text));
            assert_eq!(read.unwrap_err(), KeyError::NotAKey, "{text}");
        }
        assert_eq!(AuditKey::from_pem(&pem(&[7; 31])).unwrap_err(), KeyError::NotAKey);
    }

    #[test]
    fn a_key_follows_only_the_one_that_names_it() {
        let (first, _) = AuditKey::generate().unwrap();
        let (second, _) = AuditKey::generate().unwrap();
        let (third, _) = AuditKey::generate().unwrap();
        let said = |key: &AuditKey, old: Option<&AuditKey>| {
            serde_json::to_value(key.announcement(old, "00")).unwrap()
        };
        for (payload, previous, in_force, holds) in [
            (said(&first, None), "00", None, true),
            (said(&first, None), "01", None, false),
            (said(&second, Some(&first)), "00", Some(&first), true),
            (said(&second, Some(&first)), "00", None, false),
            (said(&second, None), "00", Some(&first), false),
            (said(&second, Some(&third)), "00", Some(&first), false),
        ] {
            let in_force = in_force.map(AuditKey::public);
            let proven = Announcement::proven(&payload, previous, in_force);
            assert_eq!(proven.is_some(), holds, "{payload} {in_force:?}");
        }
    }
}
