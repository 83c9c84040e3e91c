//! The token of whoever holds the home, in a file that nobody else reads.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::Path,
};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use centinel_mcp::AccessToken;

/// Its file in the home.
pub(crate) const FILE: &str = "mcp.token";
/// 32 bytes as base64url.
const LENGTH: usize = 43;

/// The token of a home. It is made where there is none, and made anew where others could have read it.
/// Never printed: whoever may use it can read the file.
pub(crate) fn of_home(home: &Path) -> anyhow::Result<AccessToken> {
    let path = home.join(FILE);
    let secret = match kept(&path) {
        Ok(Some(secret)) => Ok(secret),
        Ok(None) => replaced(home, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => made(home, &path),
        Err(error) => Err(error),
    };
    let secret = secret.with_context(|| format!("keeping the token of this home in `{FILE}`"))?;
    Ok(AccessToken::new(&secret, "home"))
}

/// The token of a file; `None` for one that is no token, or that others can read.
fn kept(path: &Path) -> io::Result<Option<String>> {
    let file = File::open(path)?;
    let is_private = is_private(&file.metadata()?);
    let mut text = String::new();
    // A little more than a token with its line end: anything longer is none.
    match file.take(64).read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
        Err(error) => return Err(error),
    }
    let secret = text.trim_end();
    let is_token = secret.len() == LENGTH && BASE64_URL_SAFE_NO_PAD.decode(secret).is_ok();
    Ok((is_private && is_token).then(|| secret.to_owned()))
}

#[cfg(unix)]
fn is_private(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.is_file() && matches!(metadata.permissions().mode() & 0o777, 0o600 | 0o400)
}

#[cfg(not(unix))]
fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.is_file()
}

/// Makes the token where there is none. Of servers that start at the same time, one makes it.
fn made(home: &Path, path: &Path) -> io::Result<String> {
    let (secret, draft) = drafted(home)?;
    // A link takes no name that is there already, and is whole from the first moment.
    let linked = fs::hard_link(&draft, path);
    let removed = fs::remove_file(&draft);
    match linked {
        Ok(()) => removed.map(|()| secret),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            kept(path)?.ok_or_else(|| io::Error::other("another file took its place"))
        }
        // A file system without links.
        Err(_) => replaced(home, path),
    }
}

/// Puts a new token in the place of what is there.
fn replaced(home: &Path, path: &Path) -> io::Result<String> {
    let (secret, draft) = drafted(home)?;
    fs::rename(&draft, path).inspect_err(|_| drop(fs::remove_file(&draft)))?;
    Ok(secret)
}

/// A new token in a file of its own.
fn drafted(home: &Path) -> io::Result<(String, std::path::PathBuf)> {
    let random = |bytes: &mut [u8]| {
        getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
    };
    let (mut bytes, mut name) = ([0_u8; 32], [0_u8; 8]);
    random(&mut bytes)?;
    random(&mut name)?;
    let secret = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let draft = home.join(format!(".{FILE}.{}", BASE64_URL_SAFE_NO_PAD.encode(name)));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| writeln!(file, "{secret}"));
    written.inspect_err(|_| drop(fs::remove_file(&draft)))?;
    Ok((secret, draft))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(home: &Path) -> String {
        fs::read_to_string(home.join(FILE)).unwrap().trim_end().to_owned()
    }

    #[test]
    fn a_token_is_made_once_for_its_user_alone() {
        let home = tempfile::tempdir().unwrap();
        let token = of_home(home.path()).unwrap();
        let secret = read(home.path());
        assert_eq!(secret.len(), LENGTH);
        assert!(token.is_of(&secret) && !token.is_of(&format!("{secret}\n")) && !token.is_of(""));
        assert!(!format!("{token:?}").contains(&secret));
        assert!(of_home(home.path()).unwrap().is_of(&secret), "it stays");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing else is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let path = home.path().join(FILE);
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            // Others could have read it: it opens nothing any more.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(!of_home(home.path()).unwrap().is_of(&secret));
            assert_ne!(read(home.path()), secret);
            assert_eq!(mode(&path), 0o600);
        }
    }

    #[test]
    fn what_is_no_token_is_replaced() {
        for text in ["", "short", &"x".repeat(44), &"!".repeat(43), &"x".repeat(500), "\u{fffd}\n"]
        {
            let home = tempfile::tempdir().unwrap();
            fs::write(home.path().join(FILE), text).unwrap();
            let token = of_home(home.path()).unwrap();
            assert!(token.is_of(&read(home.path())) && !token.is_of(text.trim()), "{text:?}");
        }
        let missing = of_home(Path::new("/nowhere/at/all"));
        assert!(missing.is_err_and(|error| error.to_string().contains("mcp.token")));
    }

    #[test]
    fn servers_that_start_together_share_one() {
        let home = tempfile::tempdir().unwrap();
        let tokens: Vec<AccessToken> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| of_home(home.path()).unwrap())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let secret = read(home.path());
        assert!(tokens.iter().all(|token| token.is_of(&secret)));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
