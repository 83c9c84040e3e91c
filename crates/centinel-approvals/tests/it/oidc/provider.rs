//! An identity provider for tests, on this machine: real documents, real keys, real tokens, and every
//! way of getting them wrong.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::{
    digest, hmac,
    rand::SystemRandom,
    signature::{
        self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
        RsaKeyPair,
    },
};
use serde_json::{Value, json};

/// The client that is registered, and its secret. Both hold what has to be encoded.
pub(crate) const CLIENT: &str = "centinel+page";
pub(crate) const SECRET: &str = "s3cr&t %";

/// Kept so that RSA tokens can be made: ring makes no RSA keys. Of no use elsewhere.
const RSA_KEY: &str = include_str!("rsa_key.txt");

/// A key of the provider.
pub(crate) enum Pair {
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

pub(crate) struct Key {
    pub(crate) id: String,
    pair: Pair,
}

impl Key {
    pub(crate) fn p256(id: &str) -> Self {
        Self::ec(id, &signature::ECDSA_P256_SHA256_FIXED_SIGNING, "P-256")
    }

    pub(crate) fn p384(id: &str) -> Self {
        Self::ec(id, &signature::ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")
    }

    fn ec(id: &str, algorithm: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self { id: id.to_owned(), pair: Pair::Ec(pair, curve) }
    }

    pub(crate) fn ed25519(id: &str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        Self { id: id.to_owned(), pair: Pair::Ed(pair) }
    }

    pub(crate) fn rsa(id: &str) -> Self {
        let der = BASE64_STANDARD.decode(RSA_KEY.replace('\n', "")).unwrap();
        Self { id: id.to_owned(), pair: Pair::Rsa(RsaKeyPair::from_der(&der).unwrap()) }
    }

    /// As a key set has it.
    pub(crate) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Ec(pair, curve) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()) })
            }
            Pair::Rsa(pair) => {
                let public = signature::RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e) })
            }
        };
        jwk["kid"] = self.id.clone().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// Its usual algorithm.
    pub(crate) fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::Ec(_, "P-256") => "ES256",
            Pair::Ec(..) => "ES384",
            Pair::Ed(_) => "EdDSA",
            Pair::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, algorithm: &str, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ec(pair, _) => pair.sign(&random, text).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(text).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let padding: &dyn RsaEncoding = match algorithm {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, text, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// A token with this header and these claims.
pub(crate) fn token(key: &Key, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let algorithm = header["alg"].as_str().unwrap_or_default();
    let signature = match algorithm {
        "none" => Vec::new(),
        // The attack: what everybody may read is taken for a shared secret.
        "HS256" => {
            let public = key.jwk().to_string();
            let secret = hmac::Key::new(hmac::HMAC_SHA256, public.as_bytes());
            hmac::sign(&secret, text.as_bytes()).as_ref().to_vec()
        }
        _ => key.sign(algorithm, text.as_bytes()),
    };
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// What was asked for when a code was given out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grant {
    pub(crate) query: HashMap<String, String>,
}

type Tamper = Box<dyn Fn(&mut Value, &mut Value) + Send>;
type Change = Box<dyn Fn(&mut Value) + Send>;
type Rewrite = Box<dyn Fn(&Grant, String) -> String + Send>;

/// What a test changes.
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) keys: Vec<Key>,
    /// Which of them signs.
    pub(crate) signs: usize,
    pub(crate) subject: String,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// Changes header and claims before they are signed.
    pub(crate) tamper: Option<Tamper>,
    /// Changes the token after it was signed.
    pub(crate) rewrite: Option<Rewrite>,
    /// Changes the discovery document.
    pub(crate) discovery: Option<Change>,
    /// In place of the key set.
    pub(crate) key_set: Option<String>,
    /// How often each was asked for.
    pub(crate) asked: HashMap<&'static str, usize>,
    codes: HashMap<String, Grant>,
    given: usize,
}

/// The provider. It ends with the runtime of its test.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Mutex<Settings>>);

impl Fake {
    #[expect(clippy::disallowed_methods, reason = "a server beside the test")]
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self(Arc::new(Mutex::new(Settings {
            issuer,
            keys: vec![Key::p256("one")],
            signs: 0,
            subject: "7f3a".to_owned(),
            now: 0,
            tamper: None,
            rewrite: None,
            discovery: None,
            key_set: None,
            asked: HashMap::new(),
            codes: HashMap::new(),
            given: 0,
        })));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(exchange))
            .route(
                "/moved",
                get(|| async {
                    (StatusCode::FOUND, [(header::LOCATION, "/.well-known/openid-configuration")])
                }),
            )
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    pub(crate) fn set(&self) -> MutexGuard<'_, Settings> {
        self.0.lock().unwrap()
    }

    pub(crate) fn issuer(&self) -> String {
        self.set().issuer.clone()
    }

    pub(crate) fn asked(&self, what: &str) -> usize {
        self.set().asked.get(what).copied().unwrap_or(0)
    }

    /// The person signs in and agrees: where their browser is sent back with.
    pub(crate) fn agrees(&self, location: &str) -> (String, String) {
        let (_, query) = location.split_once('?').unwrap();
        let query: HashMap<String, String> = form(query);
        let mut settings = self.set();
        settings.given += 1;
        let code = format!("code{}", settings.given);
        let state = query["state"].clone();
        settings.codes.insert(code.clone(), Grant { query });
        (state, code)
    }
}

/// Pairs of a query or a form.
pub(crate) fn form(text: &str) -> HashMap<String, String> {
    let plain = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let hex = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
                }
                byte => byte,
            });
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (plain(name), plain(value))).collect()
}

async fn discovery(State(fake): State<Fake>) -> Response {
    let mut settings = fake.set();
    *settings.asked.entry("discovery").or_default() += 1;
    let issuer = &settings.issuer;
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
    });
    if let Some(change) = &settings.discovery {
        change(&mut document);
    }
    document.to_string().into_response()
}

async fn keys(State(fake): State<Fake>) -> Response {
    let mut settings = fake.set();
    *settings.asked.entry("keys").or_default() += 1;
    let keys: Vec<Value> = settings.keys.iter().map(Key::jwk).collect();
    let set = settings.key_set.clone();
    set.unwrap_or_else(|| json!({ "keys": keys }).to_string()).into_response()
}

async fn exchange(State(fake): State<Fake>, headers: HeaderMap, body: String) -> Response {
    let mut settings = fake.set();
    *settings.asked.entry("token").or_default() += 1;
    let refused = |error: &str| {
        (StatusCode::BAD_REQUEST, json!({ "error": error }).to_string()).into_response()
    };
    let form = form(&body);
    let client = headers.get(header::AUTHORIZATION).map_or_else(
        || (form.get("client_id").cloned(), form.get("client_secret").cloned()),
        |shown| {
            let shown = shown.to_str().unwrap().strip_prefix("Basic ").unwrap();
            let text = String::from_utf8(BASE64_STANDARD.decode(shown).unwrap()).unwrap();
            let (user, password) = text.split_once(':').unwrap();
            let plain = |text: &str| self::form(&format!("x={text}")).remove("x");
            (plain(user), plain(password))
        },
    );
    if client != (Some(CLIENT.to_owned()), Some(SECRET.to_owned())) {
        return refused("invalid_client");
    }
    // A code counts once.
    let Some(grant) = form.get("code").and_then(|code| settings.codes.remove(code)) else {
        return refused("invalid_grant");
    };
    let challenge = digest::digest(&digest::SHA256, form["code_verifier"].as_bytes());
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(challenge);
    let is_same = grant.query["code_challenge_method"] == "S256"
        && grant.query["code_challenge"] == challenge
        && grant.query["redirect_uri"] == form["redirect_uri"]
        && form["grant_type"] == "authorization_code";
    if !is_same {
        return refused("invalid_grant");
    }
    let key = &settings.keys[settings.signs];
    let access_token = "an opaque text";
    let algorithm = key.algorithm();
    let hash = match algorithm {
        "ES384" => digest::digest(&digest::SHA384, access_token.as_bytes()),
        "EdDSA" => digest::digest(&digest::SHA512, access_token.as_bytes()),
        _ => digest::digest(&digest::SHA256, access_token.as_bytes()),
    };
    let half = &hash.as_ref()[..hash.as_ref().len() / 2];
    let mut header = json!({ "alg": algorithm, "typ": "JWT", "kid": key.id });
    let mut claims = json!({
        "iss": settings.issuer, "sub": settings.subject, "aud": CLIENT,
        "exp": settings.now + 300, "iat": settings.now, "nonce": grant.query["nonce"],
        "at_hash": BASE64_URL_SAFE_NO_PAD.encode(half),
    });
    if grant.query.get("max_age").is_some_and(|age| age == "0") {
        claims["auth_time"] = settings.now.into();
    }
    if let Some(tamper) = &settings.tamper {
        tamper(&mut header, &mut claims);
    }
    let mut id_token = token(key, &header, &claims);
    if let Some(rewrite) = &settings.rewrite {
        id_token = rewrite(&grant, id_token);
    }
    json!({ "access_token": access_token, "token_type": "Bearer", "id_token": id_token })
        .to_string()
        .into_response()
}
