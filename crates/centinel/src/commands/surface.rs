//! Which tools MCP clients are shown: the same choice for `mcp` and `serve`.

use centinel_mcp::Toolsets;

/// Which tools MCP clients are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct Surface {
    /// MCP clients may read but not propose; this wins over all else.
    #[arg(long, global = true)]
    pub(crate) read_only: bool,
    /// The sets of tools that MCP clients see, some of `spend,plan,proposals`; all by default.
    #[arg(long, global = true, value_name = "LIST", default_value_t = Toolsets::all())]
    pub(crate) toolsets: Toolsets,
}

impl From<bool> for Surface {
    /// Every set, reading only or not.
    fn from(read_only: bool) -> Self {
        Self { read_only, toolsets: Toolsets::all() }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Program {
        #[command(flatten)]
        surface: Surface,
    }

    #[test]
    fn sets_are_named_or_refused_with_what_there_is() {
        let of = |arguments: &[&str]| {
            let program = ["centinel"].iter().chain(arguments);
            Program::try_parse_from(program).map(|program| program.surface)
        };
        for (arguments, toolsets, read_only) in [
            (&[][..], "spend,plan,proposals", false),
            (&["--toolsets", "plan,spend"], "spend,plan", false),
            (&["--toolsets=proposals", "--read-only"], "proposals", true),
        ] {
            let surface = of(arguments).unwrap();
            let found = (surface.toolsets.to_string(), surface.read_only);
            assert_eq!(found, (toolsets.to_owned(), read_only), "{arguments:?}");
        }
        for list in ["", "everything", "spend,admin"] {
            let error = of(&["--toolsets", list]).unwrap_err().to_string();
            assert!(error.contains("there are `spend`, `plan`, `proposals`"), "{error}");
        }
    }
}
