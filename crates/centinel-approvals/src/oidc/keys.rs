//! The public keys of an issuer.
//!
//! # Source
//!
//! RFC 7517 (JWK), sections 4 and 5; RFC 7518, section 6; RFC 8037, section 2. OpenID Connect Core 1.0,
//! section 10.1: with several keys in a set, a token says by `kid` which.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Algorithm, OidcError, error::shown, jws::Verification};

/// Most keys of a set.
const KEYS_MAX: usize = 64;

/// The keys of an issuer that sign, of those types that are known here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    id: Option<String>,
    /// The one algorithm that it is for, where the issuer says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Uncompressed: 4, x, y.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Set<'d> {
    #[serde(borrow)]
    keys: Vec<&'d RawValue>,
}

/// The members of a key that count. A set may hold keys for other purposes, of types not known here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a set. Keys that do not sign, or of types that are not known here, are left out: an issuer
    /// may have them for others.
    ///
    /// # Errors
    ///
    /// [`OidcError::Keys`] for what is no set, or one of too many keys.
    pub fn parse(document: &[u8]) -> Result<Self, OidcError> {
        let Set { keys } = serde_json::from_slice(document)
            .map_err(|_| OidcError::Keys("the document is no key set"))?;
        if keys.len() > KEYS_MAX {
            return Err(OidcError::Keys("there are too many of them"));
        }
        Ok(Self(keys.into_iter().filter_map(|raw| Key::read(raw.get())).collect()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one key that a token can mean: by its name, and by what its algorithm needs. What could be
    /// one of several is none.
    pub(super) fn of(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, OidcError> {
        let mut fitting = self
            .0
            .iter()
            .filter(|key| (id.is_none() || key.id.as_deref() == id) && key.is_for(algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(OidcError::Keys("several could be the token's")),
            (None, _) => Err(OidcError::UnknownKey(shown(id.unwrap_or("(unnamed)")))),
        }
    }
}

impl Key {
    /// `None` for what does not sign or is not known here.
    fn read(text: &str) -> Option<Self> {
        let jwk: Jwk = serde_json::from_str(text).ok()?;
        let signs = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && jwk.key_ops.is_none_or(|uses| uses.iter().any(|one| one == "verify"));
        if !signs {
            return None;
        }
        let algorithm = match &jwk.alg {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        let bytes = |text: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            // Some issuers write a leading zero that the standard does not have.
            ("RSA", _) => {
                Material::Rsa { n: without_zeros(bytes(&jwk.n)?), e: without_zeros(bytes(&jwk.e)?) }
            }
            ("EC", Some("P-256")) => Material::P256(point(bytes(&jwk.x)?, bytes(&jwk.y)?, 32)?),
            ("EC", Some("P-384")) => Material::P384(point(bytes(&jwk.x)?, bytes(&jwk.y)?, 48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(&jwk.x).filter(|x| x.len() == 32)?),
            _ => return None,
        };
        Some(Self { id: jwk.kid, algorithm, material })
    }

    /// Whether this is a key of the kind that an algorithm needs, and not meant for another one.
    fn is_for(&self, algorithm: Algorithm) -> bool {
        let fits = match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => matches!(self.material, Material::Rsa { .. }),
            Algorithm::Es256 => matches!(self.material, Material::P256(_)),
            Algorithm::Es384 => matches!(self.material, Material::P384(_)),
            Algorithm::EdDsa => matches!(self.material, Material::Ed25519(_)),
        };
        fits && self.algorithm.is_none_or(|own| own == algorithm)
    }

    pub(super) fn has_signed(&self, algorithm: Algorithm, text: &[u8], signature: &[u8]) -> bool {
        match (algorithm.verification(), &self.material) {
            (Verification::Rsa(parameters), Material::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, text, signature).is_ok()
            }
            (
                Verification::Point(method),
                Material::P256(point) | Material::P384(point) | Material::Ed25519(point),
            ) => UnparsedPublicKey::new(method, point).verify(text, signature).is_ok(),
            _ => false,
        }
    }
}

fn without_zeros(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}

fn point(x: Vec<u8>, y: Vec<u8>, length: usize) -> Option<Vec<u8>> {
    (x.len() == length && y.len() == length).then(|| [vec![4], x, y].concat())
}
