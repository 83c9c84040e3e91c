#!/usr/bin/env python3
"""What an MCP client must read before its first question: tokens of `tools/list`, by real tokenizers.

Counted over the list as the product sends it, and over the snapshots of a server that takes every kind of
change. The list of a release is the one whose fingerprint is kept in the repository.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import call_log
import mcp_stdio
import product
import serving

TOKENS_MAX, TOOL_TOKENS_MAX, WORDS_MAX = 4_500, 500, 60
ENCODINGS = ("o200k_base", "cl100k_base")
COUNT = """
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
const { getEncoding } = createRequire(process.argv[1] + '/package.json')('js-tiktoken');
const texts = JSON.parse(readFileSync(0, 'utf8'));
const counts = process.argv.slice(2).map((name) => {
  const encoding = getEncoding(name);
  return texts.map((text) => encoding.encode(text, [], []).length);
});
console.log(JSON.stringify(counts));
"""
CRATE = product.ROOT / "crates" / "centinel-mcp"
SNAPSHOTS = CRATE / "tests" / "it" / "snapshots"


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def tokens(texts: list[str]) -> dict[str, list[int]]:
    """Tokens of each text, by encoding."""
    modules = product.tools_folder() / "node" / "node_modules"
    done = subprocess.run(
        [str(modules / ".bin" / "node"), "--input-type=module", "-e", COUNT, str(modules), *ENCODINGS],
        input=json.dumps(texts), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode != 0:
        raise product.Failed(f"the tokenizer failed:\n{done.stderr}")
    return dict(zip(ENCODINGS, json.loads(done.stdout), strict=True))


def check_list(where: str, tools: list[dict]) -> None:
    """The bars, over a list as it is sent."""
    names = [tool["name"] for tool in tools]
    counted = tokens([compact({"tools": tools}), *map(compact, tools)])
    for encoding, (total, *each) in counted.items():
        largest = max(zip(each, names, strict=True))
        if total > TOKENS_MAX or largest[0] > TOOL_TOKENS_MAX:
            raise product.Failed(f"{where}: {total} tokens of {encoding}; by tool {dict(zip(names, each, strict=True))}")
        print(f"ok {where}: {len(names)} tools, {total} tokens of {encoding}, at most {largest[0]} ({largest[1]})")
    for tool in tools:
        words = len(tool["description"].split())
        if words > WORDS_MAX:
            raise product.Failed(f"{where}: the description of `{tool['name']}` has {words} words")


def snapshots() -> list[dict]:
    """The tools of a server that takes every kind of change, as the Rust tests pin them."""
    files = sorted(SNAPSHOTS.glob("it__surface__tool_*.snap"))
    return [json.loads(file.read_text().split("---\n", 2)[2]) for file in files]


def fingerprint(tools: list[dict]) -> str:
    canonical = json.dumps(tools, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def check_toolsets(home: Path) -> None:
    """Over HTTP: what the server leaves out and what a header leaves out; nothing comes back by one."""

    def ask(address: str, headers: dict[str, str]) -> dict:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        usual = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        request = urllib.request.Request(
            f"{address}/mcp", json.dumps(body).encode(),
            {**usual, "MCP-Protocol-Version": "2025-11-25", **headers},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            return json.loads(refused.read() or "{}")

    def names(address: str, **headers: str) -> set[str]:
        answer = ask(address, {name.replace("_", "-"): value for name, value in headers.items()})
        return {tool["name"] for tool in answer["result"]["tools"]}

    with serving.server(home) as address:
        whole = names(address)
        sets = [names(address, X_Centinel_Toolsets=name) for name in ("spend", "plan", "proposals")]
        reading = names(address, X_Centinel_Toolsets="proposals", X_Centinel_Read_Only="1")
        for wrong in ("admin", "spend,all", ""):
            told = json.dumps(ask(address, {"X-Centinel-Toolsets": wrong}))
            if "there are `spend`, `plan`, `proposals`" not in told:
                raise product.Failed(f"the toolset `{wrong}` was not refused: {told}")
    if set.union(*sets) != whole or sum(map(len, sets)) != len(whole):
        raise product.Failed(f"the toolsets {sets} are not {whole}")
    product.equal("proposals, read only", reading, {"proposals"})
    with serving.server(home, "--toolsets", "spend,proposals", "--read-only") as address:
        product.equal("a set that the server has not", names(address, X_Centinel_Toolsets="plan"), set())
        product.equal("all sets", names(address, X_Centinel_Toolsets="spend,plan,proposals"), sets[0] | {"proposals"})
        product.equal("writing", names(address, X_Centinel_Read_Only="0"), sets[0] | {"proposals"})
    print(f"ok toolsets: {', '.join(str(len(each)) for each in sets)} of {len(whole)} tools")


def main() -> None:
    every_kind = snapshots()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        calls, prices = home / "calls.csv", home / "prices.json"
        call_log.write_calls(calls, 200)
        call_log.write_prices(prices)
        product.run(home, *product.import_calls(calls, prices))
        with mcp_stdio.session(home) as session:
            listed = session.tools()
        check_toolsets(home)
    check_list("the product", listed)
    check_list("every kind of change", every_kind)
    product.equal("tools of both", sorted(tool["name"] for tool in listed), sorted(tool["name"] for tool in every_kind))
    _, kept = (CRATE / "tool-list.sha256").read_text().split()
    product.equal("fingerprint of the product's list", fingerprint(listed), kept)
    print(f"ok the fingerprint of this release is {kept[:12]}…")


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
