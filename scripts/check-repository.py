#!/usr/bin/env python3
"""Checks what compilers do not: spelling, leftovers, text that names a machine, licences."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Written so that this file does not match itself.
FORBIDDEN = [
    (r"(?<![A-Za-z0-9_.])/(wor[k]|roo[t]|tm[p]|ho[m]e/[a-z])/", "a path of one machine"),
    (r"https?://[a-z0-9.-]*(crates[.]io|pypi|pythonhosted|npmjs|debian[.]org)", "a package registry"),
    (r"\b(TOD[O]|FIXM[E]|HAC[K])\b", "a leftover: finish it, or open an issue and name it"),
    (r"#!?\[[i]gnore", "an ignored test: it proves nothing"),
]
RUST_LINES_MAX = 700
FILE_BYTES_MAX = 1_000_000
# Generated; they name what they must.
EXEMPT = {"Cargo.lock", "tests/package-lock.json", "LICENSE"}


def tracked_files() -> list[str]:
    """What is in the repository or about to be: ignored files are nobody's business."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in set(names.split("\0")) if name and (ROOT / name).is_file())


def findings_in(name: str) -> list[str]:
    content = (ROOT / name).read_bytes()
    found = []
    if len(content) > FILE_BYTES_MAX:
        found.append(f"{name}: {len(content):,} bytes; at most {FILE_BYTES_MAX:,}: generate it")
    if name in EXEMPT or b"\0" in content:
        return found
    lines = content.decode("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        found += [f"{name}:{number}: {what}" for pattern, what in FORBIDDEN if re.search(pattern, line)]
    if name.endswith(".rs") and len(lines) > RUST_LINES_MAX:
        found.append(f"{name}: {len(lines)} lines; at most {RUST_LINES_MAX}: split it by concept")
    if content.startswith(b"#!") and not (ROOT / name).stat().st_mode & 0o111:
        found.append(f"{name}: starts with #! but is not executable")
    return found


def dependency_findings() -> list[str]:
    """Packages whose licence, source or name .cargo/deny.toml does not allow."""
    rules = tomllib.loads((ROOT / ".cargo" / "deny.toml").read_text())
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    metadata = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    allowed, banned = set(rules["licenses"]["allow"]), {ban["crate"] for ban in rules["bans"]["deny"]}
    found = []
    for package in json.loads(metadata)["packages"]:
        name = f"{package['name']} {package['version']}"
        licence = package["license"] or clarified(package, rules["licenses"].get("clarify", []))
        if not is_allowed(licence, allowed):
            found.append(f"Cargo.lock: {name}: licence `{licence}` is not in .cargo/deny.toml")
        if (package["source"] or "").startswith("git+"):
            found.append(f"Cargo.lock: {name} comes from a git repository")
        if package["name"] in banned:
            found.append(f"Cargo.lock: {name} is banned in .cargo/deny.toml, which says why")
    return found


def clarified(package: dict, clarifications: list[dict]) -> str:
    """What .cargo/deny.toml says of a package without an SPDX expression, if its files are as they were."""
    folder = Path(package["manifest_path"]).parent
    for clarification in clarifications:
        if clarification["crate"] == package["name"] and all(
            zlib.crc32((folder / file["path"]).read_bytes()) == file["hash"] for file in clarification["license-files"]
        ):
            return clarification["expression"]
    return ""


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met with the allowed licences (`/` is an old `OR`)."""
    # Innermost parentheses first, each put as a name that is allowed or is not.
    while group := re.search(r"\(([^()]*)\)", expression):
        inner = next(iter(allowed)) if is_allowed(group[1], allowed) else "none"
        expression = expression[: group.start()] + inner + expression[group.end() :]
    alternatives = re.split(r"\s+OR\s+|/", expression)
    return any(all(part.strip() in allowed for part in a.split(" AND ")) for a in alternatives)


def main() -> int:
    names = tracked_files()
    findings = [finding for name in names for finding in findings_in(name)] + dependency_findings()
    for finding in findings:
        print(finding)
    # Beside this Python if the tests' environment runs us, else wherever it is installed.
    typos = shutil.which("typos", path=str(Path(sys.executable).parent)) or shutil.which("typos")
    if typos is None:
        print("error: `typos` not found\n\nhint: scripts/setup-tests installs it", file=sys.stderr)
        return 1
    spelling = subprocess.run([typos, "--format", "brief"], cwd=ROOT, check=False)
    if findings or spelling.returncode != 0:
        return 1
    print(f"ok {len(names)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
