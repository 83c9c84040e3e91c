"""A generated call log: the same seed gives the same bytes. Nothing in it is real but the model names."""

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

START = datetime(2026, 7, 1, tzinfo=UTC)
DAYS = 90
FEATURES, TEAMS = 60, 25
# Provider, model, and USD per million input, cached input and output tokens.
MODELS = [
    ("openai", "gpt-5.1", "1.25", "0.125", "10"),
    ("openai", "gpt-5-mini", "0.25", "0.025", "2"),
    ("openai", "gpt-4.1", "2", "0.5", "8"),
    ("openai", "gpt-4.1-nano", "0.1", "0.025", "0.4"),
    ("openai", "gpt-4o", "2.5", "1.25", "10"),
    ("openai", "gpt-4o-mini", "0.15", "0.075", "0.6"),
    ("openai", "o3", "2", "0.5", "8"),
    ("anthropic", "claude-opus-4-5", "5", "0.5", "25"),
    ("anthropic", "claude-sonnet-4-5", "3", "0.3", "15"),
    ("anthropic", "claude-haiku-4-5", "1", "0.1", "5"),
    ("mistral", "mistral/mistral-large-latest", "0.5", "0.05", "1.5"),
    ("mistral", "mistral/mistral-small-latest", "0.15", "0.015", "0.6"),
]
COLUMNS = [
    "call_id", "at", "provider", "model", "feature", "team",
    "input_tokens_total", "cache_read_tokens", "output_tokens_total", "latency_ms", "status",
]  # fmt: skip


def write_prices(path: Path) -> None:
    """The prices in LiteLLM's form: USD per token."""

    def per_token(per_million: str) -> float:
        return float(f"{per_million}e-6")

    book = {
        model: {
            "litellm_provider": provider,
            "mode": "chat",
            "input_cost_per_token": per_token(fresh),
            "cache_read_input_token_cost": per_token(cached),
            "output_cost_per_token": per_token(output),
        }
        for provider, model, fresh, cached, output in MODELS
    }
    path.write_text(json.dumps(book, indent=1))


def write_calls(path: Path, calls: int, seed: int = 7) -> None:
    """Calls in the order of time: busy by day and on weekdays, few features and models with most of
    the calls, a feature always of the same team."""
    draw = random.Random(seed)
    # Cumulative weights: the first feature has 60 times the calls of the last.
    feature_weights = list(accumulate(1 / (1 + rank) for rank in range(FEATURES)))
    model_weights = list(accumulate(1 / (1 + rank) for rank in range(len(MODELS))))
    features, models = range(FEATURES), range(len(MODELS))
    favourites = [draw.sample(range(len(MODELS)), len(MODELS)) for _ in features]
    per_hour = hour_weights()
    hours = draw.choices(range(DAYS * 24), cum_weights=list(accumulate(per_hour)), k=calls)
    hours.sort()
    with path.open("w", newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        for number, hour in enumerate(hours):
            feature = draw.choices(features, cum_weights=feature_weights)[0]
            rank = draw.choices(models, cum_weights=model_weights)[0]
            provider, model, *_ = MODELS[favourites[feature][rank]]
            at = START + timedelta(hours=hour, microseconds=draw.randrange(3_600_000_000))
            fresh = int(draw.lognormvariate(6.5, 1.0)) + 1
            cached = int(draw.random() * 4 * fresh) if draw.random() < 0.4 else 0
            output = int(draw.lognormvariate(5.3, 0.9)) + 1
            latency = int(200 + output * draw.uniform(8, 20))
            status = "error" if draw.random() < 0.01 else "ok"
            file.write(
                f"call-{seed}-{number:08d},{at:%Y-%m-%dT%H:%M:%S.%fZ},{provider},{model},"
                f"feature-{feature:02d},team-{feature % TEAMS:02d},"
                f"{fresh + cached},{cached},{output},{latency},{status}\n"
            )


def hour_weights() -> list[float]:
    weights = []
    for hour in range(DAYS * 24):
        at = START + timedelta(hours=hour)
        weights.append((1.0 if 8 <= at.hour < 18 else 0.3) * (1.0 if at.weekday() < 5 else 0.4))
    return weights
