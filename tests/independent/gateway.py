#!/usr/bin/env python3
"""LiteLLM's real proxy, whose models answer by themselves, tells a running `centinel serve` of its calls
through its generic callback: each arrives once, with the tokens that the client was told and the id that
the answer has; what failed is there as failed; a payload that is sent again changes nothing.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import product
import serving

MODELS = {"small": "openai/gpt-4o-mini", "large": "anthropic/claude-sonnet-4-5"}
ROUNDS = 3
ARRIVED_SECONDS_MAX = 30
PROXY_READY_SECONDS_MAX = 120


def config(page: str) -> str:
    models = [
        f"  - model_name: {name}\n    litellm_params:\n      model: {model}\n      api_key: none\n"
        f'      mock_response: "an answer of {name}"\n'
        for name, model in MODELS.items()
    ]
    return (
        "model_list:\n" + "".join(models) + "litellm_settings:\n"
        '  callbacks: ["centinel"]\n'
        "callback_settings:\n  centinel:\n    callback_type: generic_api\n"
        f"    endpoint: {page}/v1/litellm\n    headers:\n      Content-Type: application/json\n"
    )


def environment(key: str) -> dict[str, str]:
    """The proxy's own: no price list from the network, one batch in a few seconds."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("LITELLM")},
        "LITELLM_MASTER_KEY": key,
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        "DEFAULT_FLUSH_INTERVAL_SECONDS": "4",
        "DEFAULT_BATCH_SIZE": "64",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def post(url: str, body: object, key: str = "") -> tuple[int, dict]:
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def ask(proxy: str, key: str, model: str, tag: str) -> dict:
    """A chat; gives what the client was told of its usage."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": f"say something about {tag}"}],
        "metadata": {"tags": [f"feature:{tag}"]},
    }
    status, answer = post(f"{proxy}/v1/chat/completions", body, key)
    if status != 200:
        raise product.Failed(f"the proxy answered {status}: {answer}")
    return answer


def wait_for_calls(home: Path, expected: int) -> product.Spend:
    deadline = time.monotonic() + ARRIVED_SECONDS_MAX
    while True:
        done = subprocess.run(
            product.command(home, *product.ask_spend("model", *serving.around_now())),
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        # A ledger without a row has no answer yet.
        if done.returncode == 0:
            spend = product.read_spend(done.stdout, "model")
            if (spend.total.calls or 0) >= expected or time.monotonic() > deadline:
                return spend
        elif time.monotonic() > deadline:
            raise product.Failed(f"no call arrived:\n{done.stdout}{done.stderr}")
        time.sleep(0.5)


def check(home: Path, page: str, proxy: str, key: str) -> None:
    answers = [ask(proxy, key, model, "search") for model in MODELS for _ in range(ROUNDS)]
    spend = wait_for_calls(home, len(answers))
    product.equal("calls", spend.total.calls, len(answers))
    told = [answer["usage"] for answer in answers]
    product.equal("input tokens", spend.total.input_tokens, sum(usage["prompt_tokens"] for usage in told))
    product.equal("output tokens", spend.total.output_tokens, sum(usage["completion_tokens"] for usage in told))
    product.equal("models", len(spend.rows), len(MODELS))
    for (model,), row in spend.rows.items():
        product.equal(f"calls of {model}", row.calls, ROUNDS)
    serving.ok(f"{len(answers)} calls of LiteLLM's proxy arrived with the tokens that the clients were told")

    by_feature = product.spend(home, "feature", *serving.around_now())
    product.equal("features", sorted(by_feature.rows), [("search",)])
    serving.ok("the tags of a request are its feature")

    for answer in answers:
        again = {
            "id": answer["id"], "call_type": "acompletion", "startTime": time.time(), "endTime": time.time(),
            "model": "gpt-4o-mini", "custom_llm_provider": "openai", "prompt_tokens": 1_000_000,
            "completion_tokens": 1, "total_tokens": 1_000_001, "response_cost": 1, "status": "success",
            "metadata": {},
        }  # fmt: skip
        status, received = post(f"{page}/v1/litellm", [again])
        product.equal("status of a repeated id", status, 200)
        counts = (received["accepted"], received["duplicate"], received["rejected_count"])
        product.equal(f"rows accepted, known, rejected of id {answer['id']}", counts, (0, 1, 0))
    product.equal("calls after all ids came again", wait_for_calls(home, len(answers)).total, spend.total)
    serving.ok("every id that a client was told is known: none is counted twice")


def main() -> None:
    key = f"sk-{secrets.token_hex(24)}"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with serving.server(home) as page:
            file, log = Path(folder) / "proxy.yaml", Path(folder) / "proxy.log"
            file.write_text(config(page))
            port = serving.free_port()
            program = Path(sys.executable).parent / "litellm"
            line = [str(program), "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
            with serving.program(line, log, environment(key)) as process:
                proxy = f"http://127.0.0.1:{port}"
                serving.wait_for(f"{proxy}/health/liveliness", process, log, PROXY_READY_SECONDS_MAX)
                check(home, page, proxy, key)


if __name__ == "__main__":
    main()
