#!/usr/bin/env python3
"""Are the payloads that our tests read what the provider's own description says it sends?

Validates each result of the recorded OpenAI pages, and of the samples beside the repository, against
the schemas of OpenAI's API description (openai/openai-openapi) where these are at hand. Without them
there is nothing to hold the payloads to, which is said.
"""

import json
import sys
import tempfile
from pathlib import Path

import jsonschema
from product import ROOT, SHARED, Failed, run

PAYLOADS = ROOT / "crates" / "centinel-ingest" / "testdata" / "openai"
SAMPLES = SHARED / "provider_api_samples"

# A kind that the payloads make up: how a kind of tomorrow is met.
MADE_UP = "usage.holograms"

# The schema of a result, by the last words of its `object`.
SCHEMAS = {
    "costs": "CostsResult",
    "usage.audio_speeches": "UsageAudioSpeechesResult",
    "usage.audio_transcriptions": "UsageAudioTranscriptionsResult",
    "usage.code_interpreter_sessions": "UsageCodeInterpreterSessionsResult",
    "usage.completions": "UsageCompletionsResult",
    "usage.embeddings": "UsageEmbeddingsResult",
    "usage.file_searches": "UsageFileSearchCallsResult",
    "usage.images": "UsageImagesResult",
    "usage.moderations": "UsageModerationsResult",
    "usage.vector_stores": "UsageVectorStoresResult",
    "usage.web_searches": "UsageWebSearchCallsResult",
}


def documents(path: Path) -> list:
    """One JSON document, or one a line."""
    text = path.read_text()
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue  # broken on purpose; what is made of such lines is tested where they are read
    return found


def results(value):
    """Every result object within a document."""
    if isinstance(value, list):
        for item in value:
            yield from results(item)
    elif isinstance(value, dict):
        name = value.get("object")
        if isinstance(name, str) and name.startswith("organization.") and name.endswith(".result"):
            yield name.removeprefix("organization.").removesuffix(".result"), value
        for item in value.values():
            yield from results(item)


def rejections(path: Path) -> int:
    """How many rows of a file the product rejects."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        answer = json.loads(run(home, "--json", "import", str(path), exit_code=3))
    return answer["rejected"] if isinstance(answer["rejected"], int) else answer["rejected"]["count"]


def main() -> None:
    if not SAMPLES.is_dir():
        print("ok no schemas of a provider at hand: nothing to hold the payloads to")
        return
    schemas = json.loads((SAMPLES / "openai_usage_schemas.json").read_text())
    if sorted(SCHEMAS.values()) != sorted(name for name in schemas if name.endswith("Result")):
        raise Failed(f"other results than known: {sorted(schemas)}")
    files = [path for path in sorted(PAYLOADS.glob("*.*json*")) if path.suffix != ".snap"]
    files += sorted(SAMPLES.glob("openai_organization_*.json"))
    checked, broken, kinds = 0, 0, set()
    for path in files:
        wrong = []
        for document in documents(path):
            for name, result in results(document):
                if name == MADE_UP:
                    continue
                schema = SCHEMAS.get(name)
                if schema is None:
                    raise Failed(f"{path.name}: `{name}` is no result of the description")
                try:
                    jsonschema.validate(result, schemas[schema])
                except jsonschema.ValidationError as error:
                    where = "/".join(str(step) for step in error.absolute_path)
                    wrong.append(f"{name}: `{where}` {error.message}")
                    continue
                checked += 1
                kinds.add(name)
        broken += len(wrong)
        # A result that is not as described is one that is broken on purpose: the product rejects it.
        if wrong and (rejected := rejections(path)) < len(wrong):
            raise Failed(f"{path.name}: {rejected} rejected, of {len(wrong)}: {'; '.join(wrong)}")
    if missing := set(SCHEMAS) - kinds:
        raise Failed(f"no payload of {', '.join(sorted(missing))}")
    print(f"ok {checked} results of {len(kinds)} kinds are as the description says, {broken} that are not are rejected")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)
