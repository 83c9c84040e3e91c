//! A signed token, from text to claims that the issuer's key has signed.
//!
//! What a header says of where its key is to be found (`jku`, `jwk`, `x5u`, `x5c`) is not read: keys come
//! from the issuer alone. An algorithm that needs a shared secret, or none, is no algorithm here.
//!
//! # Source
//!
//! RFC 7515 (JWS), sections 3.1, 4.1 and 5.2; RFC 7518 (JWA), section 3; RFC 8037 (EdDSA); RFC 8725
//! (best current practices), sections 3.1, 3.2, 3.10 and 3.11.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{digest, signature, signature::VerificationAlgorithm};
use serde::Deserialize;

use super::{Claims, KeySet, OidcError, error::shown};

/// Longest token that is looked at, in bytes. Providers put groups into them.
pub(super) const TOKEN_BYTES_MAX: usize = 32 << 10;

/// A signature algorithm with a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The algorithm of a header's `alg`; `None` for `none`, for `HS256` and its like, and for what is
    /// not known here.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }

    /// How a signature is checked.
    pub(super) fn verification(self) -> Verification {
        match self {
            Self::Rs256 => Verification::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Verification::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Verification::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Verification::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Verification::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Verification::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Self::Es256 => Verification::Point(&signature::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => Verification::Point(&signature::ECDSA_P384_SHA384_FIXED),
            Self::EdDsa => Verification::Point(&signature::ED25519),
        }
    }

    /// The hash that goes with it: what `at_hash` is made with.
    ///
    /// # Source
    ///
    /// OpenID Connect Core 1.0, section 3.1.3.6. For Ed25519 the hash is the one inside it, SHA-512.
    pub(super) fn hash(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &digest::SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 => &digest::SHA384,
            Self::Rs512 | Self::Ps512 | Self::EdDsa => &digest::SHA512,
        }
    }
}

/// What ring checks a signature with: the parts of an RSA key, or one point.
pub(super) enum Verification {
    Rsa(&'static signature::RsaParameters),
    Point(&'static dyn VerificationAlgorithm),
}

/// For what a token was made. One kind is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// Says who signed in: `typ` is `JWT` or absent.
    Id,
    /// Opens an API: `typ` is `at+jwt` (RFC 9068).
    Access,
    /// The same of an issuer that does not say so: `typ` may be `JWT` or absent as well. The claims then
    /// tell it from an identity token.
    AccessUnmarked,
}

impl TokenType {
    fn is_named(self, typ: Option<&str>) -> bool {
        // A media type may leave out `application/`, and its letters' case does not matter.
        let typ = typ.map(str::to_ascii_lowercase);
        let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        match self {
            Self::Id => matches!(typ, None | Some("jwt")),
            Self::Access => typ == Some("at+jwt"),
            Self::AccessUnmarked => matches!(typ, None | Some("jwt" | "at+jwt")),
        }
    }
}

/// The members of a header that count. `crit` names what must be understood: nothing is.
#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

/// A token in its parts, before anything about it is believed.
#[derive(Debug)]
pub struct Jwt<'t> {
    signed: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    /// With which algorithm it says that it is signed.
    pub algorithm: Algorithm,
    /// Which key it says that it is signed with.
    pub key: Option<String>,
}

impl<'t> Jwt<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    ///
    /// [`OidcError::Token`] for what is no signed token of this type; [`OidcError::Algorithm`].
    pub fn parse(token: &'t str, kind: TokenType) -> Result<Self, OidcError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(OidcError::Token("it is too long"));
        }
        let malformed = || OidcError::Token("it is not three parts of base64url");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signed.split_once('.').ok_or_else(malformed)?;
        let decoded = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed());
        let (header, payload, signature) =
            (decoded(header)?, decoded(payload)?, decoded(signature)?);
        let header: Header = serde_json::from_slice(&header)
            .map_err(|_| OidcError::Token("its header is not one"))?;
        let algorithm = Algorithm::named(&header.alg)
            .ok_or_else(|| OidcError::Algorithm(shown(&header.alg)))?;
        if header.crit.is_some() {
            return Err(OidcError::Token("its header demands what is not known here"));
        }
        if !kind.is_named(header.typ.as_deref()) {
            return Err(OidcError::Token("it was made for something else"));
        }
        Ok(Self { signed, payload, signature, algorithm, key: header.kid })
    }

    /// What it says, if one of these keys has signed it.
    ///
    /// # Errors
    ///
    /// [`OidcError::UnknownKey`] when no key is the one that it names; [`OidcError::Signature`];
    /// [`OidcError::Token`] when the claims are none.
    pub fn claims(&self, keys: &KeySet) -> Result<Claims, OidcError> {
        let key = keys.of(self.key.as_deref(), self.algorithm)?;
        if !key.has_signed(self.algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(OidcError::Signature);
        }
        Claims::parse(&self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 7515, appendices A.2 (RS256) and A.3 (ES256), and of RFC 8037, appendix A.4
    /// (Ed25519). What they sign are no claims of ours, which is said only once the signature holds.
    #[test]
    fn signatures_of_the_standards_hold_and_changed_ones_do_not() {
        let claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let rsa = r#"{"keys":[{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]}"#;
        let p256 = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
        let ed25519 = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        for (keys, token) in [
            (rsa, format!("eyJhbGciOiJSUzI1NiJ9.{claims}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw")),
            (p256, format!("eyJhbGciOiJFUzI1NiJ9.{claims}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")),
            (ed25519, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg".to_owned()),
        ] {
            let keys = KeySet::parse(keys.as_bytes()).unwrap();
            assert_eq!(keys.len(), 1);
            let jwt = Jwt::parse(&token, TokenType::Id).unwrap();
            let held = jwt.claims(&keys);
            assert!(matches!(held, Err(OidcError::Token("its claims cannot be read"))), "{held:?}");
            for position in 0..jwt.signature.len() {
                let mut signature = jwt.signature.clone();
                signature[position] ^= 1;
                let changed = Jwt { payload: Vec::new(), signature, key: None, ..jwt };
                assert!(matches!(changed.claims(&keys), Err(OidcError::Signature)), "{position}");
            }
            let none = Jwt { payload: Vec::new(), signature: Vec::new(), key: None, ..jwt };
            assert!(matches!(none.claims(&keys), Err(OidcError::Signature)));
        }
    }

    #[test]
    fn hostile_texts_are_no_tokens() {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        for header in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"alg":1}"#,
            r#"{"alg":["ES256"]}"#,
            r#"{"alg":"es256"}"#,
            r#"{"alg":"ES256 "}"#,
            r#"{"alg":"ES256","alg":"ES256"}"#,
            r#"{"alg":"ES256","kid":7}"#,
            r#"{"alg":"ES256","crit":[]}"#,
            r#"{"alg":"ES256","typ":"at+jwt"}"#,
            r#"{"alg":"ES512"}"#,
            r#"{"alg":"ES256K"}"#,
        ] {
            let token = format!("{}.{}.AA", part(header), part("{}"));
            assert!(Jwt::parse(&token, TokenType::Id).is_err(), "{header}");
        }
        let good =
            format!("{}.{}.AA", part(r#"{"alg":"ES256","typ":"application/jwt"}"#), part("{}"));
        assert!(Jwt::parse(&good, TokenType::Id).is_ok());
        assert!(Jwt::parse(&good, TokenType::Access).is_err());
        for token in ["", ".", "..", "...", "a.b.c", "\u{0}.\u{0}.\u{0}", &good.replace('.', " . ")]
        {
            assert!(Jwt::parse(token, TokenType::Id).is_err(), "{token:?}");
        }
    }
}
