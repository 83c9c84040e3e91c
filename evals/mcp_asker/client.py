"""A conversation with one server: which tool, which arguments, what the answer says."""

import json
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from .arguments import Call, fill
from .question import Question, parse
from .ranking import Ranking, Tool, listed, takes_from
from .reading import Reader
from .words import meanings

CALLS_MAX = 4


@dataclass(frozen=True)
class Result:
    """One result of `tools/call`: what it holds, and the bytes of the whole message."""

    structured: dict[str, Any] | None
    text: str
    is_error: bool
    size: int


class Server(Protocol):
    """What a client can do."""

    async def tools(self) -> list[Any]: ...

    async def call(self, name: str, arguments: dict[str, Any]) -> Result: ...


@dataclass
class Step:
    """A call that was made."""

    tool: str
    arguments: dict[str, Any]
    is_error: bool
    size: int
    refusal: str = ""


@dataclass
class Answer:
    """What the client answers, and what it took."""

    value: Any
    steps: list[Step] = field(default_factory=list)


class Asker:
    """Asks questions, one after the other; what it was told earlier, it remembers by field name."""

    def __init__(self, server: Server, ranking: Ranking, today: date) -> None:
        self.server = server
        self.ranking = ranking
        self.today = today
        self.known: dict[str, str] = {}

    @classmethod
    async def of(cls, server: Server, today: date) -> "Asker":
        return cls(server, Ranking([listed(tool) for tool in await server.tools()]), today)

    def forget(self) -> None:
        """Another conversation begins."""
        self.known = {}

    async def ask(self, text: str) -> Answer:
        question = parse(text, self.today)
        answer = Answer(None)
        for tool in self.ranking.best_first(question):
            value = await self._with(tool, question, answer)
            if value is not None or len(answer.steps) >= CALLS_MAX or tool.writes:
                answer.value = value
                break
        return answer

    async def _with(self, tool: Tool, question: Question, answer: Answer) -> Any:
        """The answer by one tool, in as many calls as it takes; `None` where it is not there."""
        known = dict(self.known)
        first = self._given_by(tool, question)
        if first is not None:
            field_name, other = first
            pages = await self._pages(fill(other, question, known), question, answer)
            rows = pages[0].get("rows", []) if pages else []
            if rows and field_name in rows[0]:
                question.ids.append(str(rows[0][field_name]))
        call = fill(tool, question, known)
        pages = await self._pages(call, question, answer)
        if not pages:
            return None
        if tool.writes:
            self._remember(pages[0])
            # Of what was made, its id; of what was there, what became of it.
            ids = [value for name, value in pages[0].items() if name.endswith("_id")]
            return pages[0].get("status") if _takes_id(tool) else next(iter(ids), None)
        return _reader(call, question, pages).answer()

    def _given_by(self, tool: Tool, question: Question) -> tuple[str, Tool] | None:
        """The parameter that another tool's rows give, where the question speaks of such a row and says
        no id: its description names that tool."""
        for name, schema in tool.properties.items():
            for other in self.ranking.tools:
                if other.name != tool.name and takes_from(schema, other):
                    spoken = set(meanings(other.name)) & set(question.meanings)
                    if spoken and not question.ids:
                        return name, other
        return None

    async def _pages(self, call: Call, question: Question, answer: Answer) -> list[dict[str, Any]]:
        """The first answer, and the pages after it that are needed; nothing after a refusal that could
        not be mended."""
        name, arguments = call.tool.name, call.arguments
        result = await self._call(name, arguments, answer)
        if result.is_error:
            mended = re.search(r"call `(\w+)` with (\{.*\})", result.text)
            if not mended or len(answer.steps) >= CALLS_MAX:
                return []
            name, arguments = mended[1], json.loads(mended[2])
            result = await self._call(name, arguments, answer)
        if result.is_error or result.structured is None:
            return []
        pages = [result.structured]
        while _reader(call, question, pages).needs_all_rows() and len(answer.steps) < CALLS_MAX:
            following = {**arguments, "cursor": pages[-1]["next_cursor"]}
            result = await self._call(name, following, answer)
            if result.is_error or result.structured is None:
                break
            pages.append(result.structured)
        return pages

    async def _call(self, name: str, arguments: dict[str, Any], answer: Answer) -> Result:
        result = await self.server.call(name, arguments)
        refusal = result.text if result.is_error else ""
        answer.steps.append(Step(name, arguments, result.is_error, result.size, refusal))
        return result

    def _remember(self, structured: dict[str, Any]) -> None:
        for name, value in structured.items():
            if name.endswith("_id") and isinstance(value, str):
                self.known[name] = value


def _reader(call: Call, question: Question, pages: list[dict[str, Any]]) -> Reader:
    rows_are = next((str(value) for name, value in call.arguments.items() if name.startswith("group")), "")
    return Reader(question, pages, [name.value for name in call.left], rows_are)


def _takes_id(tool: Tool) -> bool:
    """Whether a tool does something with what is there already."""
    return any(name.endswith("_id") and name in tool.required for name in tool.properties)
