#!/usr/bin/env python3
"""A real OpenTelemetry SDK traces an agent that calls models, and exports to a running `centinel serve`
over OTLP/HTTP protobuf, plain and gzip: the model calls arrive with their tokens, the agent's own span,
which repeats the sum of them, is not counted, and the same batch sent again changes nothing.
"""

import tempfile
from pathlib import Path

import product
import serving
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

# Model, attributes by the conventions of a year, input and output tokens (cached ones included).
NEW = ("gpt-5.1", {"provider": "gen_ai.provider.name", "in": "gen_ai.usage.input_tokens",
                   "out": "gen_ai.usage.output_tokens"})  # fmt: skip
OLD = ("gpt-4o", {"provider": "gen_ai.system", "in": "gen_ai.usage.prompt_tokens",
                  "out": "gen_ai.usage.completion_tokens"})  # fmt: skip
CALLS = [(NEW, 1_200, 300), (OLD, 800, 50), (NEW, 400, 7)]
CACHED = 1_024


class Keeping(SpanExporter):
    """Exports and keeps what was exported, to send it again."""

    def __init__(self, to: SpanExporter) -> None:
        self.to = to
        self.spans: list[ReadableSpan] = []

    def export(self, spans: list[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return send(self.to, spans)

    def shutdown(self) -> None:
        self.to.shutdown()


def send(exporter: SpanExporter, spans: list[ReadableSpan]) -> SpanExportResult:
    result = exporter.export(spans)
    if result is not SpanExportResult.SUCCESS:
        raise product.Failed(f"the exporter says {result}")
    return result


def trace_an_agent(exporter: SpanExporter) -> None:
    """An agent with a tool and three model calls below it, one of them below the tool."""
    resource = Resource.create({"service.name": "support-bot", "deployment.environment.name": "test"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("independent")
    total_in, total_out = sum(call[1] for call in CALLS), sum(call[2] for call in CALLS)
    agent = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "openai",
        "gen_ai.agent.name": "helper",
        "gen_ai.request.model": "gpt-5.1",
        "gen_ai.usage.input_tokens": total_in,
        "gen_ai.usage.output_tokens": total_out,
    }
    with tracer.start_as_current_span("invoke_agent helper", attributes=agent):
        for index, ((model, names), tokens_in, tokens_out) in enumerate(CALLS):
            attributes = {
                "gen_ai.operation.name": "chat",
                names["provider"]: "openai",
                "gen_ai.request.model": model,
                names["in"]: tokens_in,
                names["out"]: tokens_out,
            }
            if index == 0:
                attributes["gen_ai.usage.cache_read.input_tokens"] = CACHED
            tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look-up"}
            with tracer.start_as_current_span("execute_tool look-up", attributes=tool):
                with tracer.start_as_current_span(f"chat {model}", kind=SpanKind.CLIENT, attributes=attributes):
                    pass
    provider.shutdown()


def check(home: Path, page: str) -> None:
    for rounds, compression in enumerate([Compression.NoCompression, Compression.Gzip], 1):
        exporter = OTLPSpanExporter(f"{page}/v1/traces", compression=compression, timeout=20)
        keeping = Keeping(exporter)
        trace_an_agent(keeping)
        product.equal("spans that the SDK made", len(keeping.spans), 1 + 2 * len(CALLS))
        again = OTLPSpanExporter(f"{page}/v1/traces", compression=compression, timeout=20)
        send(again, keeping.spans)
        again.shutdown()
        answer = product.spend(home, "model", *serving.around_now())
        product.equal("calls", answer.total.calls, rounds * len(CALLS))
        product.equal("input tokens", answer.total.input_tokens, rounds * sum(call[1] for call in CALLS))
        product.equal("output tokens", answer.total.output_tokens, rounds * sum(call[2] for call in CALLS))
        for model in {call[0][0] for call in CALLS}:
            of_model = [call for call in CALLS if call[0][0] == model]
            found = answer.rows[(model,)]
            product.equal(f"calls of {model}", found.calls, rounds * len(of_model))
        serving.ok(f"OpenTelemetry SDK, {compression.name}: {len(CALLS)} of {len(keeping.spans)} spans are calls")
    by_agent = product.spend(home, "environment", *serving.around_now())
    product.equal("environments", sorted(by_agent.rows), [("test",)])
    serving.ok("the resource's attributes are dimensions")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with serving.server(home) as page:
            check(home, page)


if __name__ == "__main__":
    main()
