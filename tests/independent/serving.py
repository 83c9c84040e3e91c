"""A running `centinel serve`, and programs beside it: started, waited for, ended."""

import datetime
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import product

READY_SECONDS_MAX = 60
PAGE_LINE = re.compile(r"page http://localhost:(\d+)")


def ok(what: str) -> None:
    print(f"ok {what}", flush=True)


def around_now() -> tuple[str, str]:
    """Yesterday and the day after tomorrow: a check may run over midnight."""
    today = datetime.datetime.now(datetime.UTC).date()
    days = datetime.timedelta
    return str(today - days(days=1)), str(today + days(days=2))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def program(line: list[str], log: Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen]:
    """A program with its output in a file, ended with the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            line, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, process: subprocess.Popen, log: Path, seconds: float = READY_SECONDS_MAX) -> None:
    """Waits until an address answers 200."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise product.Failed(f"{url} did not answer in {seconds} s:\n{log.read_text(errors='replace')[-4000:]}")


def wait_for_line(
    process: subprocess.Popen, log: Path, line: re.Pattern[str], seconds: float = READY_SECONDS_MAX
) -> str:
    """Waits until a program has written a line; gives its first group."""
    deadline = time.monotonic() + seconds
    while not (found := line.search(log.read_text(errors="replace"))):
        if process.poll() is not None or time.monotonic() > deadline:
            raise product.Failed(f"{log.stem} did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)
    return found[1]


@contextmanager
def server(home: Path, *arguments: str, env: dict[str, str] | None = None) -> Iterator[str]:
    """`centinel serve` on a free port; gives the address of its page."""
    with server_process(home, *arguments, env=env) as (page, _):
        yield page


@contextmanager
def server_process(
    home: Path, *arguments: str, env: dict[str, str] | None = None
) -> Iterator[tuple[str, subprocess.Popen]]:
    """The same, with its process. What it writes goes into `serve.log` of the home."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "serve.log"
    line = product.command(home, "serve", "--port", "0", *arguments)
    with program(line, log, env) as process:
        port = wait_for_line(process, log, PAGE_LINE)
        page = f"http://127.0.0.1:{port}"
        wait_for(f"{page}/readyz", process, log)
        yield page, process
