//! Compares a request with a description of the API: path, query, body. Stricter than the description:
//! what it does not name is wrong.

use std::{fs, path::Path, sync::OnceLock};

use serde_json::Value;

use super::server::Asked;

/// The slice of our own words, and the published one where that folder is.
fn slices() -> &'static [Value] {
    static SLICES: OnceLock<Vec<Value>> = OnceLock::new();
    SLICES.get_or_init(|| {
        let own = include_str!("../../../testdata/github_slice.json");
        let mut slices = vec![serde_json::from_str(own).unwrap()];
        let published = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/data/github_openapi/github_slice.json");
        if let Ok(text) = fs::read_to_string(published) {
            slices.push(serde_json::from_str(&text).unwrap());
        }
        slices
    })
}

/// Whether a request is as every description that knows its path says; the published slice does not
/// hold `GET /repos/{owner}/{repo}/issues/{issue_number}`, ours holds all.
pub(crate) fn check(asked: &Asked) -> Result<(), String> {
    for (index, slice) in slices().iter().enumerate() {
        match operation(slice, asked) {
            Some(operation) => against(slice, operation, asked)?,
            None if index == 0 => return Err(format!("unknown: {} {}", asked.method, asked.path)),
            None if asked.path.contains("/issues/") && asked.method == "GET" => {}
            None => return Err(format!("not published: {} {}", asked.method, asked.path)),
        }
    }
    Ok(())
}

fn operation<'a>(slice: &'a Value, asked: &Asked) -> Option<&'a Value> {
    let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.trim_start_matches('/').split('/').collect();
        template.len() == parts.len()
            && template.iter().zip(&parts).all(|(wanted, part)| {
                let is_number = wanted.ends_with("_number}");
                if is_number {
                    part.parse::<u64>().is_ok()
                } else {
                    wanted.starts_with('{') || wanted == part
                }
            })
    };
    let paths = slice["paths"].as_object()?;
    let (_, operations) = paths.iter().find(|(template, _)| fits(template))?;
    operations.get(asked.method.to_lowercase())
}

fn resolve<'a>(slice: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => slice.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn against(slice: &Value, operation: &Value, asked: &Asked) -> Result<(), String> {
    let empty = Vec::new();
    let known: Vec<&Value> = operation["parameters"]
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .map(|parameter| resolve(slice, parameter))
        .collect();
    for (name, value) in asked.parameters() {
        let parameter = known
            .iter()
            .find(|parameter| parameter["in"] == "query" && parameter["name"] == *name)
            .ok_or_else(|| format!("query parameter `{name}`"))?;
        let schema = resolve(slice, &parameter["schema"]);
        let value = match schema["type"].as_str() {
            Some("integer") => value.parse::<i64>().map_or(Value::Null, Value::from),
            _ => Value::from(value),
        };
        fits(slice, schema, &value).map_err(|why| format!("query parameter `{name}`: {why}"))?;
    }
    let body = &operation["requestBody"];
    match body["content"]["application/json"].get("schema") {
        Some(schema) => {
            if asked.header("content-type") != Some("application/json") {
                return Err("content type".to_owned());
            }
            fits(slice, schema, &asked.json())
        }
        None if asked.body.is_empty() => Ok(()),
        None => Err("a body where none is described".to_owned()),
    }
}

fn fits(slice: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = resolve(slice, schema);
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let failures: Vec<String> =
            choices.iter().filter_map(|choice| fits(slice, choice, value).err()).collect();
        return if failures.len() < choices.len() { Ok(()) } else { Err(failures.join(" | ")) };
    }
    let is_of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        Some(other) => return Err(format!("a type that is not read: {other}")),
        None => true,
    };
    if !is_of_type {
        return Err(format!("{value} is no {}", schema["type"]));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Err(format!("{value} is none of {allowed:?}"));
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if value.get(required.as_str().unwrap()).is_none() {
            return Err(format!("{required} is missing"));
        }
    }
    if let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    {
        for (name, field) in fields {
            let schema = properties.get(name).ok_or_else(|| format!("field `{name}`"))?;
            fits(slice, schema, field).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    if let Some(items) = value.as_array() {
        let min = schema["minItems"].as_u64().unwrap_or(0);
        if (items.len() as u64) < min {
            return Err(format!("fewer than {min} items"));
        }
        for item in items {
            fits(slice, &schema["items"], item)?;
        }
    }
    Ok(())
}

#[test]
fn wrong_requests_are_found() {
    let asked = |method: &str, path: &str, query: &str, body: &str| Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.as_bytes().to_vec(),
    };
    for (method, path, query, body, is_right) in [
        ("GET", "/repos/o/r/pulls", "state=all&head=o:b", "", true),
        ("GET", "/repos/o/r/pulls", "state=every", "", false),
        ("GET", "/repos/o/r/pulls", "branch=b", "", false),
        ("GET", "/repos/o/r/pulls/x", "", "", false),
        ("GET", "/repos/o/r/issues/3", "", "", true),
        ("POST", "/repos/o/r/pulls", "", r#"{"title":"t","head":"h","base":"b"}"#, true),
        ("POST", "/repos/o/r/pulls", "", r#"{"title":"t","head":"h"}"#, false),
        ("POST", "/repos/o/r/pulls", "", r#"{"title":1,"head":"h","base":"b"}"#, false),
        ("POST", "/repos/o/r/pulls", "", r#"{"head":"h","base":"b","labels":[]}"#, false),
        ("PATCH", "/repos/o/r/pulls/3", "", r#"{"state":"merged"}"#, false),
        ("POST", "/repos/o/r/issues/3/labels", "", r#"{"labels":[]}"#, false),
        ("POST", "/repos/o/r/issues/3/labels", "", r#"{"labels":["a"]}"#, true),
        ("DELETE", "/repos/o/r/pulls/3", "", "", false),
    ] {
        let checked = check(&asked(method, path, query, body));
        assert_eq!(checked.is_ok(), is_right, "{method} {path}?{query} {body}: {checked:?}");
    }
}
