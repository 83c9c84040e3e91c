#!/usr/bin/env python3
"""The views of MCP Apps in a real browser: a small host page shows what the server sends, under the
strictest policy of content, and looks at what was drawn. Needs a Chromium: $CENTINEL_CHROMIUM, or one on
the path. With --keep FOLDER, the host pages stay there to be looked at.
"""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import call_log
import product

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MIME = "text/html;profile=mcp-app"
HOSTILE = "<img src=x onerror=\"parent.postMessage('owned','*')\"> ` [x](https://evil.example)"
# What a view may do: run its own script and style itself. No network, no frames, no forms.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"

LINE_PIXELS = 24

HOST = """<!doctype html><meta charset="utf-8">
<style>body{margin:0}iframe{border:0;width:100%%;height:200px}</style>
<iframe id="view" sandbox="allow-scripts allow-same-origin"></iframe><pre id="seen" hidden></pre>
<script>
const given = %(given)s, seen = [], frame = document.getElementById("view");
const tell = (message) => frame.contentWindow.postMessage({jsonrpc: "2.0", ...message}, "*");
const HANDSHAKE = {protocolVersion: "2026-01-26", hostInfo: {name: "host", version: "1"},
  hostCapabilities: {}, hostContext: {theme: given.theme}};
const record = () => {
  const drawn = frame.contentDocument;
  const count = (what) => drawn.querySelectorAll(what).length;
  document.getElementById("seen").textContent = JSON.stringify({seen, text: drawn.body.innerText,
    ground: getComputedStyle(drawn.body).backgroundColor, height: drawn.body.getBoundingClientRect().height,
    counts: {acts: count("a,button,input,select,textarea,form,iframe,img,object,embed,link"),
      bars: count("rect"), rows: count("tr"), headed: count("th[scope=row]"), captions: count("caption"),
      cards: count("article[tabindex='0'][aria-label]"), alerts: count("[role=alert]"),
      busy: count("[aria-busy]")}});
};
// Fonts come late: what is drawn in the end counts, and the view has time to say how high it is then.
for (const wait of [1000, 2000, 3000, 4000]) setTimeout(record, wait);
addEventListener("message", ({source, data}) => {
  if (source !== frame.contentWindow) return;
  seen.push(data);
  if (data.method === "ui/initialize") tell({id: data.id, result: HANDSHAKE});
  if (data.method === "ui/notifications/initialized") {
    tell({method: "ui/notifications/tool-input", params: {arguments: {}}});
    tell({method: "ui/notifications/tool-result", params: given.result});
    tell({id: 77, method: "ui/resource-teardown", params: {}});
  }
  if (data.method === "ui/notifications/size-changed") frame.style.height = data.params.height + "px";
  record();
});
frame.srcdoc = given.page;
</script>
"""


def browser() -> str:
    """The Chromium to use."""
    named = os.environ.get("CENTINEL_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise product.Failed("no Chromium: install one, or set CENTINEL_CHROMIUM to its path")
    return found


def ask(home: Path, requests: list[tuple[str, dict]]) -> list[dict]:
    """The results of requests over stdio, in one session of 2025-11-25."""
    hello = {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "views", "version": "1"},
    }  # fmt: skip
    lines = [{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}]
    lines.append({"jsonrpc": "2.0", "method": "notifications/initialized"})
    for number, (method, params) in enumerate(requests, 1):
        lines.append({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    server = subprocess.Popen(
        product.command(home, "mcp"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    results: dict[int, dict] = {}
    # One at a time: what a call writes, the next may ask for.
    for line in lines:
        server.stdin.write(json.dumps(line) + "\n")
        server.stdin.flush()
        while "id" in line and line["id"] not in results:
            message = server.stdout.readline()
            if not message:
                raise product.Failed(f"`centinel mcp` ended:\n{server.stderr.read()}")
            told = json.loads(message)
            if "error" in told:
                raise product.Failed(f"{line}: {told['error']}")
            if "id" in told:
                results[told["id"]] = told["result"]
    server.stdin.close()
    server.wait(timeout=60)
    return [results[number] for number in range(1, len(requests) + 1)]


def shown(folder: Path, name: str, page: str, result: dict, theme: str) -> dict:
    """What a browser draws of a result, and what the view said to its host."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    page = page.replace("<head>", f"<head>{meta}", 1)
    given = {"page": page, "result": result, "theme": theme}
    file = folder / f"{name}-{theme}.html"
    file.write_text(HOST % {"given": json.dumps(given).replace("<", "\\u003c")})
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                browser(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", f"--user-data-dir={profile}",
                "--virtual-time-budget=5000", "--dump-dom", file.as_uri(),
            ],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip
    found = re.search(r'<pre id="seen" hidden="">(.*?)</pre>', done.stdout, re.DOTALL)
    if done.returncode != 0 or not found or not found[1]:
        raise product.Failed(f"{name}: the browser drew nothing:\n{done.stdout}{done.stderr}"[:2000])
    return json.loads(html.unescape(found[1]))


def check(name: str, drawn: dict, theme: str, text: list[str], counts: dict[str, int]) -> None:
    """What holds of every view, and what this one must show."""
    methods = [message.get("method") for message in drawn["seen"]]
    product.equal(f"{name}, first messages", methods[:2], ["ui/initialize", "ui/notifications/initialized"])
    allowed = {"ui/initialize", "ui/notifications/initialized", "ui/notifications/size-changed", None}
    product.equal(f"{name}, other messages", [m for m in methods if m not in allowed], [])
    if {"jsonrpc": "2.0", "id": 77, "result": {}} not in drawn["seen"]:
        raise product.Failed(f"{name}: the view did not answer that it may be taken down")
    sizes = [m["params"]["height"] for m in drawn["seen"] if m.get("method") == "ui/notifications/size-changed"]
    # A line may break anew after the last frame that a browser without a screen draws.
    if not sizes or sizes[-1] + LINE_PIXELS < drawn["height"]:
        raise product.Failed(f"{name}: said to be {sizes} high, and is {drawn['height']}")
    product.equal(f"{name}, things that act or load", drawn["counts"]["acts"], 0)
    product.equal(f"{name}, still busy", drawn["counts"]["busy"], 0)
    dark = drawn["ground"] == "rgb(13, 17, 23)"
    product.equal(f"{name}, drawn dark", dark, theme == "dark")
    for part in text:
        if part not in drawn["text"]:
            raise product.Failed(f"{name}: {part!r} is not in what was drawn:\n{drawn['text']}")
    for what, expected in counts.items():
        product.equal(f"{name}, {what}", drawn["counts"][what], expected)
    print(f"ok {name}, {theme}")


def figure(text: str, signed: bool = False) -> str:
    """A decimal as a view shows it: all its digits, thousands apart, at least cents."""
    negative, digits = text.startswith("-"), text.removeprefix("-")
    whole, _, part = digits.partition(".")
    part = part.rstrip("0")
    part = f".{part.ljust(2, '0')}" if part else ""
    sign = "\u2212" if negative else "+" if signed and re.search("[1-9]", text) else ""
    return f"{sign}{int(whole):,}".replace(",", "\u202f") + part


def main() -> None:
    kept = Path(sys.argv[2]) if sys.argv[1:2] == ["--keep"] else None
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        folder = kept or home
        folder.mkdir(exist_ok=True)
        calls, prices = home / "calls.csv", home / "prices.json"
        call_log.write_calls(calls, 20_000)
        call_log.write_prices(prices)
        product.run(home, *product.import_calls(calls, prices))
        budget = {"kind": "budget", "amount": "50", "per": "month", "reason": "to be looked at"}
        tools, _, one, many, refused, change = ask(
            home,
            [
                ("tools/list", {}),
                ("tools/call", {"name": "propose_change", "arguments": budget}),
                ("tools/call", {"name": "proposals", "arguments": {"proposal_id": "P-1"}}),
                ("tools/call", {"name": "proposals", "arguments": {}}),
                ("tools/call", {"name": "proposals", "arguments": {"proposal_id": "P-9"}}),
                (
                    "tools/call",
                    {"name": "explain_change", "arguments": {"period": "last_7d", "compare_to": "previous_period"}},
                ),
            ],
        )
        named = {
            tool["name"]: tool["_meta"]["ui"]["resourceUri"] for tool in tools["tools"] if "_meta" in tool
        }
        product.equal("tools with a view", sorted(named), ["explain_change", "proposals"])
        pages = {}
        for name, uri in named.items():
            (read,) = ask(home, [("resources/read", {"uri": uri})])
            (content,) = read["contents"]
            product.equal(f"{uri}, media type", content["mimeType"], MIME)
            pages[name] = content["text"]

        answer = change["structuredContent"]
        effects = [effect for effect in answer["effects"] if re.search("[1-9]", effect["amount"])]
        amounts = [figure(answer[side]) for side in ("before", "after")]
        amounts += [figure(effect["amount"], signed=True) for effect in effects]
        rows = len(effects) + 2
        counts = {"rows": rows, "bars": rows, "headed": rows, "captions": 1, "alerts": 0}
        for theme in ("light", "dark"):
            drawn = shown(folder, "change", pages["explain_change"], change, theme)
            check("change", drawn, theme, [answer["summary"], *amounts], counts)
        # The same with an attacker's name wherever one can be.
        evil = json.loads(json.dumps(change))
        evil["structuredContent"].update(
            summary=HOSTILE, owner=HOSTILE, scope={HOSTILE: HOSTILE}, ruled_out=[HOSTILE],
            links=[{"at": HOSTILE, "kind": HOSTILE, "name": HOSTILE}],
        )  # fmt: skip
        drawn = shown(folder, "hostile", pages["explain_change"], evil, "light")
        check("hostile", drawn, "light", [HOSTILE, f"owner {HOSTILE}"], counts)

        answer = one["structuredContent"]
        text = [answer[name] for name in ("proposal_id", "title", "digest", "how_to_decide")]
        drawn = shown(folder, "proposal", pages["proposals"], one, "light")
        check("proposal", drawn, "light", [*text, "pending approval"], {"cards": 1, "alerts": 0})
        drawn = shown(folder, "proposals", pages["proposals"], many, "dark")
        check("proposals", drawn, "dark", ["P-1", "A person decides"], {"cards": 1})
        product.equal("refusal", refused["isError"], True)
        drawn = shown(folder, "refusal", pages["proposals"], refused, "light")
        check("refusal", drawn, "light", ["hint: "], {"cards": 0, "alerts": 1})


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
