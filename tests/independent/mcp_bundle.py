#!/usr/bin/env python3
"""What is packed for chat clients works: the bundle passes the official packer, its manifest starts the
server inside of it, and the description for the registry is that of this very file.
"""

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import product
from mcp import Client, StdioServerParameters

NAME, URL = "io.github.example/centinel", "https://example.com/centinel-mcp.mcpb"


async def tools(command: str, arguments: list[str]) -> list[str]:
    """The tools that a client sees which starts this command."""
    async with Client(StdioServerParameters(command=command, args=arguments), mode="auto") as client:
        return [tool.name for tool in (await client.list_tools()).tools]


def packed(folder: Path) -> tuple[Path, dict]:
    # Debug information is not what clients download.
    binary = folder / "centinel"
    shutil.copy(product.binary(), binary)
    subprocess.run(["strip", str(binary)], check=True)
    command = [str(product.ROOT / "scripts" / "package-mcpb"), "--binary", str(binary)]
    command += ["--out", str(folder / "out"), "--name", NAME, "--url", URL]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise product.Failed(f"scripts/package-mcpb:\n{done.stdout}{done.stderr}")
    bundle, description = (Path(line) for line in done.stdout.splitlines()[-2:])
    return bundle, json.loads(description.read_text())


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        product.run(home, "init")
        bundle, description = packed(folder)
        digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
        package = description["packages"][0]
        product.equal("digest for the registry", package["fileSha256"], digest)
        product.equal("name for the registry", (description["name"], package["identifier"]), (NAME, URL))
        print(f"ok bundle: {bundle.stat().st_size / 1e6:.0f} MB, described for the registry")

        inside = folder / "installed"
        with zipfile.ZipFile(bundle) as archive:
            archive.extractall(inside)
        manifest = json.loads((inside / "manifest.json").read_text())
        started = manifest["server"]["mcp_config"]
        (inside / "server" / "centinel").chmod(0o755)

        def filled(text: str) -> str:
            return text.replace("${__dirname}", str(inside)).replace("${user_config.home}", str(home))

        listed = asyncio.run(tools(filled(started["command"]), [filled(one) for one in started["args"]]))
        expected = asyncio.run(tools(*first_and_rest(product.command(home, "mcp"))))
        product.equal("tools of the bundle", listed, expected)
        print(f"ok installed: its manifest starts a server of {len(listed)} tools")

        examined = json.loads(product.run(home, "--json", "mcp", "doctor"))
        product.equal("doctor", examined["ok"], True)
        print(f"ok doctor: {len(examined['findings'])} findings, none failed")


def first_and_rest(words: list[str]) -> tuple[str, list[str]]:
    return words[0], words[1:]


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
