//! `mcp install`: prints what a client needs to reach this server, or writes it into its configuration.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize as _;
use serde_json::{Map, Value, json};

use super::{
    clients::{Client, Kept},
    entry::{Entry, NAME},
};
use crate::{
    commands::surface::Surface,
    context::{Context, folders, nonce},
    failure::{hinted, usage},
    output::{Outcome, Output},
    text::printable,
};

/// Bytes of a client's configuration at most.
const FILE_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which client.
    #[arg(value_enum)]
    client: Client,
    /// Write it into the client's configuration; what else is there stays.
    #[arg(long)]
    write: bool,
    /// Let the client call this address (of a running `centinel serve`, with `/mcp` at its end) instead
    /// of starting a program.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// What writing did to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// The file is new.
    New,
    /// Our entry is new in it.
    Added,
    /// Our entry was another one.
    Replaced,
    /// Our entry was there already.
    Same,
}

pub(super) fn run(
    args: &Args,
    surface: Surface,
    token_env: Option<&str>,
    context: &Context,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let entry = entry(args.url.as_deref(), surface, token_env, context)?;
    let by_hand = args.client.snippet(&entry).map_err(|error| {
        let hint = "`--url https://…/mcp` names the address of a running server";
        usage(error.to_string(), hint)
    })?;
    let name = clap::ValueEnum::to_possible_value(&args.client);
    let name = name.as_ref().map(clap::builder::PossibleValue::get_name);
    if !args.write {
        if output.json {
            let place = by_hand.place;
            output.json_line(&json!({ "client": name, "place": place, "text": by_hand.text }))?;
        } else {
            output.note(by_hand.place);
            output.line(by_hand.text)?;
        }
        return Ok(Outcome::Done);
    }
    let cannot = |why: String| hinted(why, format!("{} {}", by_hand.place, by_hand.text));
    let Some(path) = args.client.file(&folders()?) else {
        let title = args.client.title();
        return Err(cannot(format!("{title} has no file that this could be written to")));
    };
    let kept = args.client.kept(&entry)?;
    let written = write(&path, &kept).map_err(|error| cannot(format!("{error:#}")))?;
    if output.json {
        let (path, done) = (path.display().to_string(), written.word());
        output.json_line(&json!({ "client": name, "file": path, "written": done }))?;
    } else {
        let title = args.client.title();
        output.line(format_args!("{}: {} in {}", title, written.word(), path.display()))?;
        output.note("start the client anew; `centinel mcp doctor` says whether the server answers");
    }
    Ok(Outcome::Done)
}

/// How a client reaches this program over this home, or the address that is given.
pub(super) fn entry(
    url: Option<&str>,
    surface: Surface,
    token_env: Option<&str>,
    context: &Context,
) -> anyhow::Result<Entry> {
    if let Some(name) = token_env {
        check_variable(name)?;
    }
    let Some(url) = url else {
        let program = std::env::current_exe().context("finding this program")?;
        let home = std::path::absolute(&context.home).context("finding the home")?;
        return Entry::stdio(&program, &home, surface, token_env);
    };
    let is_address = (url.starts_with("http://") || url.starts_with("https://"))
        && url.chars().all(|c| c.is_ascii_graphic());
    if !is_address {
        let shown = printable(url);
        let hint = "as in `http://localhost:8787/mcp`";
        return Err(usage(format!("`{shown}` is no address of a server"), hint));
    }
    let token_env = token_env.map(str::to_owned);
    Ok(Entry::Http { url: url.to_owned(), token_env, surface })
}

/// A name that shells and configuration files take as the name of a variable.
fn check_variable(name: &str) -> anyhow::Result<()> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name {
        return Ok(());
    }
    let shown = printable(name);
    Err(usage(format!("`{shown}` is no name of an environment variable"), "as in `CENTINEL_TOKEN`"))
}

impl Written {
    fn word(self) -> &'static str {
        match self {
            Self::New => "written, the file is new",
            Self::Added => "added",
            Self::Replaced => "replaced",
            Self::Same => "there already",
        }
    }
}

/// Puts our entry into a file and leaves everything else in it.
fn write(path: &Path, kept: &Kept) -> anyhow::Result<Written> {
    // A link stays a link: what it leads to is written.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let shown = path.display();
    let old = match fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("reading `{shown}`")),
        Ok(data) if data.len() > FILE_BYTES_MAX => {
            anyhow::bail!("`{shown}` is larger than {FILE_BYTES_MAX} bytes")
        }
        Ok(_) => Some(fs::read_to_string(&path).with_context(|| format!("reading `{shown}`"))?),
    };
    let (text, written) = match kept {
        Kept::Json { member, object, input } => {
            with_json(old.as_deref(), member, object, input.as_ref())
        }
        Kept::Toml { table, text } => with_toml(old.as_deref(), table, text),
    }
    .with_context(|| format!("`{shown}` was left as it is"))?;
    if written != Written::Same {
        replace(&path, &text).with_context(|| format!("writing `{shown}`"))?;
    }
    Ok(written)
}

fn with_json(
    old: Option<&str>,
    member: &str,
    object: &Value,
    input: Option<&Value>,
) -> anyhow::Result<(String, Written)> {
    let text = old.unwrap_or_default();
    let mut whole: Map<String, Value> = if text.trim().is_empty() {
        Map::new()
    } else {
        let reading = "it is not plain JSON (comments cannot be kept)";
        serde_json::from_str(text).context(reading)?
    };
    let servers = whole.entry(member).or_insert_with(|| json!({}));
    let servers =
        servers.as_object_mut().with_context(|| format!("its `{member}` is no object"))?;
    let before = servers.insert(NAME.to_owned(), object.clone());
    let is_same = before.as_ref() == Some(object);
    if let Some(input) = input {
        let inputs = whole.entry("inputs").or_insert_with(|| json!([]));
        let inputs = inputs.as_array_mut().context("its `inputs` is no list")?;
        if !inputs.iter().any(|known| known.get("id") == input.get("id")) {
            inputs.push(input.clone());
        }
    }
    let written = match (old, &before) {
        (None, _) => Written::New,
        (Some(_), None) => Written::Added,
        (Some(_), Some(_)) if is_same => Written::Same,
        (Some(_), Some(_)) => Written::Replaced,
    };
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent_of(text).as_bytes());
    whole.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))?;
    bytes.push(b'\n');
    Ok((String::from_utf8(bytes)?, written))
}

/// The white space before the first line that has any.
fn indent_of(text: &str) -> &str {
    let indented = text.lines().find(|line| line.starts_with([' ', '\t']));
    let indent = indented.map(|line| {
        let rest = line.trim_start_matches([' ', '\t']);
        line.strip_suffix(rest).unwrap_or_default()
    });
    indent.filter(|indent| !indent.is_empty()).unwrap_or("  ")
}

/// Our table comes last, so nothing of what is there has to be written anew.
fn with_toml(old: Option<&str>, table: &str, own: &str) -> anyhow::Result<(String, Written)> {
    let text = old.unwrap_or_default();
    let whole: toml::Table = text.parse().context("it is not TOML")?;
    let expected: toml::Table = own.parse().context("reading the new table")?;
    if let Some(known) = whole.get(table).and_then(|servers| servers.get(NAME)) {
        let is_same = expected.get(table).and_then(|servers| servers.get(NAME)) == Some(known);
        anyhow::ensure!(
            is_same,
            "it has another `[{table}.{NAME}]`: take that out first (`codex mcp remove {NAME}`)"
        );
        return Ok((text.to_owned(), Written::Same));
    }
    let gap = if text.trim().is_empty() {
        ""
    } else if text.ends_with('\n') {
        "\n"
    } else {
        "\n\n"
    };
    let new = format!("{text}{gap}{own}");
    // A file may hold its servers in a way that takes no further table.
    let read: toml::Table = new.parse().context("it takes no further table")?;
    anyhow::ensure!(
        read.get(table).and_then(|servers| servers.get(NAME)).is_some(),
        "it takes no further table"
    );
    Ok((new, if old.is_none() { Written::New } else { Written::Added }))
}

/// Replaces a file at once: whoever reads it meanwhile sees the old or the new one, whole.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    fs::create_dir_all(&folder)?;
    let draft = folder.join(format!(".centinel-{:016x}.tmp", nonce()?));
    let written = (|| -> anyhow::Result<()> {
        let mut file = fs::File::create_new(&draft)?;
        if let Ok(data) = fs::metadata(path) {
            file.set_permissions(data.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        Ok(())
    })();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(object: Value) -> Kept {
        Kept::Json { member: "mcpServers", object, input: None }
    }

    #[test]
    fn a_json_file_keeps_everything_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/mcp.json");
        let first = json_of(json!({ "command": "/a", "args": [] }));
        assert_eq!(write(&path, &first).unwrap(), Written::New);
        assert_eq!(write(&path, &first).unwrap(), Written::Same);

        let others = "{\n\t\"theme\": \"dark\",\n\t\"mcpServers\": {\"other\": {\"url\": \"x\"}},\n\t\"z\": 1.50\n}\n";
        fs::write(&path, others).unwrap();
        assert_eq!(write(&path, &first).unwrap(), Written::Added);
        let second = json_of(json!({ "command": "/b", "args": [] }));
        assert_eq!(write(&path, &second).unwrap(), Written::Replaced);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("{\n\t\"theme\": \"dark\",\n\t\"mcpServers\": {\n\t\t\"other\""),
            "{text}"
        );
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["mcpServers"]["other"]["url"], "x");
        assert_eq!(value["mcpServers"]["centinel"]["command"], "/b");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn what_cannot_be_kept_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mcp.json");
        let own = json_of(json!({ "command": "/a" }));
        for text in ["{ // mine\n}", "[]", "{\"mcpServers\": []}", "{\"a\": 1"] {
            fs::write(&path, text).unwrap();
            assert!(write(&path, &own).is_err(), "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn an_input_is_asked_for_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mcp.json");
        let input = Some(json!({ "id": "token", "type": "promptString" }));
        for command in ["/a", "/b"] {
            let object = json!({ "command": command });
            write(&path, &Kept::Json { member: "servers", object, input: input.clone() }).unwrap();
        }
        let value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(value["inputs"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_toml_file_keeps_every_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let text = "# mine\nmodel = 'x' # kept\n\n[mcp_servers.other]\ncommand = 'y'";
        fs::write(&path, text).unwrap();
        let own = |command: &str| Kept::Toml {
            table: "mcp_servers",
            text: format!("[mcp_servers.centinel]\ncommand = \"{command}\"\n"),
        };
        assert_eq!(write(&path, &own("/a")).unwrap(), Written::Added);
        assert_eq!(write(&path, &own("/a")).unwrap(), Written::Same);
        let new = fs::read_to_string(&path).unwrap();
        assert!(new.starts_with(text), "{new}");
        assert!(write(&path, &own("/b")).is_err(), "another entry is the client's to take out");
        for inline in
            ["mcp_servers = { other = { command = 'y' } }\n", "mcp_servers = 1\n", "x = \n"]
        {
            fs::write(&path, inline).unwrap();
            assert!(write(&path, &own("/a")).is_err(), "{inline}");
            assert_eq!(fs::read_to_string(&path).unwrap(), inline);
        }
    }
}
