"""Limits are exact whatever the worker threads do at once."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp

from .conftest import CLIENT_KEY, chat, hash_of, policy, upstreams
from .gateway import gateway


async def burst(url: str, authority: str, keys: list[str]) -> list[int]:
    """One request a key, all at once, each on a connection of its own."""
    context = ssl.create_default_context(cafile=authority)
    connector = aiohttp.TCPConnector(limit=0, ssl=context, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:

        async def send(key: str) -> int:
            headers = {"authorization": f"Bearer {key}"}
            async with session.post(f"{url}/v1/chat/completions", json=chat(), headers=headers) as answer:
                await answer.read()
                return answer.status

        return await asyncio.gather(*(send(key) for key in keys))


def test_exactly_max_of_a_thousand_pass(certificates, upstream, secret_file):
    limits = {"hundred": {"requests": [{"max": 100, "per": "1h"}, {"max": 1000, "per": "1d"}]}}
    known = [
        {"name": "checkout", "keys": [hash_of(CLIENT_KEY)], "limits": "hundred"},
        {"name": "other", "keys": [hash_of("other")], "limits": "hundred"},
    ]
    used = policy(limits=limits, clients={"known": known})
    options = [*certificates.arguments, "--concurrency", 4, "--secret", f"openai=@{secret_file}"]
    with gateway(used, *options, *upstreams(upstream, used)) as running:
        statuses = asyncio.run(burst(running.url, str(certificates.authority), [CLIENT_KEY] * 1000))
        workers = [running.stat(f"listener.127.0.0.1_0.worker_{n}.downstream_cx_total") for n in range(4)]
        print(f"\n1,000 requests at once, max 100: {statuses.count(200)} passed, {statuses.count(429)} got 429, "
              f"the upstream saw {len(upstream.seen)}; connections per worker: {workers}")
        assert all(workers), "every worker had its share"
        assert (statuses.count(200), statuses.count(429)) == (100, 900)
        assert len(upstream.seen) == 100

        upstream.reset()
        statuses = asyncio.run(burst(running.url, str(certificates.authority), ["other", CLIENT_KEY] * 150))
        assert statuses.count(200) == 100, "one client's limit is not another's"
