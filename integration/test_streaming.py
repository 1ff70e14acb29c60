"""Answers that stream are never held back."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from .conftest import chat

CHAT = "/v1/chat/completions"


def test_the_first_event_comes_before_the_second_is_sent(client, upstream):
    upstream.upstream.second_event = gate = asyncio.Event()
    with client.stream("POST", CHAT, json=chat(stream=True)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = answer.iter_lines()
        assert "Hello" in next(events)
        assert len(upstream.upstream.sent_at) == 1, "the upstream holds the second event back still"
        upstream.loop.call_soon_threadsafe(gate.set)
        rest = [line for line in events if line]
    assert rest[-1] == "data: [DONE]" and len(upstream.upstream.sent_at) == 4


def test_a_stream_that_is_cut_is_seen_to_be_cut(client, upstream):
    with pytest.raises(httpx.RemoteProtocolError):
        with client.stream("POST", CHAT, json=chat("!cut", stream=True)) as answer:
            answer.read()
    assert client.post(CHAT, json=chat()).status_code == 200
