//! The rights of a PostgreSQL role that reads and proposes, and cannot decide.

/// A name that is no plain identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("name `{0}` must be 1 to 40 of `a` to `z`, digits and `_`, and begin with a letter")]
pub struct NameError(String);

/// The SQL that grants a role what a process that speaks for agents needs: it reads answers and
/// appends proposals. The database itself refuses to let it write a vote, an approval, an execution,
/// an account or a key, or read what people prove themselves with.
///
/// # Errors
///
/// [`NameError`] for a role or schema whose name is not plain.
pub fn agent_grants(role: &str, schema: &str) -> Result<String, NameError> {
    for name in [role, schema] {
        let is_plain = (1..=40).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !is_plain {
            return Err(NameError(name.chars().filter(|c| !c.is_control()).take(40).collect()));
        }
    }
    let text = include_str!("grants.sql");
    Ok(text.replace("{role}", role).replace("{schema}", schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        let text = agent_grants("centinel_mcp", "public").unwrap();
        assert!(text.contains("grant usage on schema \"public\" to \"centinel_mcp\";"));
        assert!(!text.contains("{role}") && !text.contains("{schema}"));
        for bad in ["", "A", "a b", "a\"; drop table vote; --", "1a", "é", "pg-x", &"a".repeat(41)]
        {
            assert!(agent_grants(bad, "public").is_err(), "{bad}");
            assert!(agent_grants("centinel_mcp", bad).is_err(), "{bad}");
        }
    }
}
