"""A stand-in for a model's provider: it speaks chat completions, plain and streamed, and remembers what it saw.

Run by the tests and by the demo; `python -m integration.upstream PORT` runs it by itself.

How it behaves can be asked for by the request's last message, a line of its own such as `!delay 2`:

    !delay S     waits S seconds before it answers
    !status N    answers with status N and an error object
    !cut         closes the connection in the middle of the answer
    !echo        answers with the request's headers as content
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Seen:
    """A request that reached the upstream."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name]
        assert len(values) <= 1, f"{name} stands {len(values)} times"
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Upstream:
    """The requests that came, and when each event of the streams was sent."""

    seen: list[Seen] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    # A stream waits for this before its second event, where a test holds it.
    second_event: asyncio.Event | None = None

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = [(name, value) for name, value in request.headers.items()]
        self.seen.append(Seen(request.method, request.path_qs, headers, body))
        try:
            asked = json.loads(body)
        except ValueError:
            asked = {}
        told = directive(asked)
        if "delay" in told:
            await asyncio.sleep(float(told["delay"]))
        if "status" in told:
            error = {"message": "as asked", "type": "server_error", "param": None, "code": None}
            return web.json_response({"error": error}, status=int(told["status"]))
        leaky = {"server": "stand-in/1.0", "x-powered-by": "python", "openai-processing-ms": "7"}
        if asked.get("stream"):
            return await self.stream(request, asked, leaky, cut="cut" in told)
        content = json.dumps(dict(headers)) if "echo" in told else "Hello from the stand-in."
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": asked.get("model"),
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
        }
        return web.json_response(answer, headers=leaky)

    async def stream(self, request, asked, headers, cut: bool) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream", **headers})
        await response.prepare(request)
        for index, word in enumerate(["Hello", " from", " the", " stand-in."]):
            if index == 1 and self.second_event is not None:
                await self.second_event.wait()
            if index == 2 and cut:
                request.transport.close()
                return response
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": asked["model"], "choices": [choice]}
            self.sent_at.append(time.monotonic())
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response


def directive(asked) -> dict[str, str]:
    """What the last message asks of the stand-in."""
    try:
        content = asked["messages"][-1]["content"]
    except (KeyError, IndexError, TypeError):
        return {}
    if not isinstance(content, str) or not content.startswith("!"):
        return {}
    word, _, value = content[1:].partition(" ")
    return {word: value}


if __name__ == "__main__":
    web.run_app(Upstream().app(), host="127.0.0.1", port=int(sys.argv[1]))
