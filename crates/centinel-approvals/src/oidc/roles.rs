//! Roles that groups of the provider give.

use std::collections::BTreeSet;

use centinel_engine::proposal::Role;

use super::{Claims, GroupRoles, OidcError};

/// What an account's roles become. Roles that no group of the configuration gives are left alone: an
/// admin gave them. A claim that is absent is no group at all, so that whoever was taken out of the last
/// group does not keep what it gave.
///
/// # Errors
///
/// [`OidcError::Claim`] when the provider says that there are more groups than it wrote into the token:
/// taking those for none would be wrong.
pub(super) fn after(
    roles: &BTreeSet<Role>,
    groups: &GroupRoles,
    claims: &Claims,
) -> Result<BTreeSet<Role>, OidcError> {
    let elsewhere = claims.others.get("_claim_names").and_then(serde_json::Value::as_object);
    if elsewhere.is_some_and(|names| names.contains_key(&groups.claim)) {
        return Err(OidcError::Claim {
            name: "_claim_names",
            why: "it has more groups than fit; let the provider send those of this application only",
        });
    }
    let member = claims.texts(&groups.claim).unwrap_or_default();
    let given = groups.roles.iter().filter(|(group, _)| member.contains(&group.as_str()));
    let mut after: BTreeSet<Role> = given.flat_map(|(_, roles)| roles.iter().cloned()).collect();
    let managed: BTreeSet<&Role> = groups.roles.values().flatten().collect();
    after.extend(roles.iter().filter(|role| !managed.contains(role)).cloned());
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_give_and_take_what_is_mapped_and_nothing_else() {
        let roles = |text: &str| -> BTreeSet<Role> {
            text.split_whitespace().map(|role| role.parse().unwrap()).collect()
        };
        let groups = GroupRoles {
            claim: "groups".to_owned(),
            roles: [
                ("money".to_owned(), roles("finops")),
                ("leads".to_owned(), roles("owner:search member:search")),
            ]
            .into(),
        };
        let claims = |extra: &str| {
            let text = format!(r#"{{"iss":"i","sub":"s","aud":"a","exp":1{extra}}}"#);
            Claims::parse(text.as_bytes()).unwrap()
        };
        for (before, extra, expected) in [
            ("", r#","groups":["money"]"#, "finops"),
            ("", r#","groups":"money""#, "finops"),
            ("finops", r#","groups":[]"#, ""),
            ("finops", "", ""),
            ("finance finops", r#","groups":["others", "Money"]"#, "finance"),
            (
                "finance",
                r#","groups":["leads","money"]"#,
                "finance finops owner:search member:search",
            ),
            ("owner:search", r#","groups":[1,{"a":"money"}]"#, ""),
            ("admin", r#","groups":{"money":true}"#, "admin"),
        ] {
            let found = after(&roles(before), &groups, &claims(extra)).unwrap();
            assert_eq!(found, roles(expected), "{before} with {extra}");
        }
        let cut = claims(r#","_claim_names":{"groups":"src1"}"#);
        assert!(matches!(after(&roles("finops"), &groups, &cut), Err(OidcError::Claim { .. })));
        let other = claims(r#","_claim_names":{"photos":"src1"}"#);
        assert_eq!(after(&roles("finops"), &groups, &other).unwrap(), roles(""));
    }
}
