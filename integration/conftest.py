"""What the tests share: one upstream, certificates, and a gateway with a policy that lets everything be tried."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest

from .gateway import Certificates, Gateway, UpstreamServer, gateway

CLIENT_KEY = "tg-canary-client-key-5f3a"
PROVIDER_KEY = "sk-canary-provider-key-91c7"


def hash_of(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def policy(**changes) -> dict:
    """A policy with an unlimited client, one that may use few models, and providers of each kind."""
    base = {
        "clients": {
            "known": [
                {"name": "checkout", "keys": [hash_of(CLIENT_KEY)]},
                {"name": "search", "keys": [hash_of("search-key")], "models": ["fast", "gpt-4o-mini"]},
                {"name": "old", "keys": [hash_of("old-key")], "not_after": "2020-01-01T00:00:00Z"},
                {"name": "slow", "keys": [hash_of("slow-key")], "limits": "one"},
            ]
        },
        "limits": {"one": {"requests": [{"max": 1, "per": "1h"}]}},
        "providers": {
            "openai": {"api": "openai", "credential": {"secret": "openai"}},
            "azure": {"api": "azure-openai", "credential": {"secret": "openai"}},
            "anthropic": {"api": "anthropic", "credential": {"secret": "openai"}},
            "keyless": {"api": "openai", "credential": {"secret": "absent"}},
            "local": {"api": "openai", "credential": "none"},
        },
        "models": [
            {"match": "fast", "provider": "local", "rewrite": "meta-llama/Llama-3.1-8B"},
            {"match": "azure-*", "provider": "azure"},
            {"match": "claude-*", "provider": "anthropic"},
            {"match": "keyless", "provider": "keyless"},
            {"match": ["gpt-4o", "gpt-*"], "provider": "openai"},
        ],
        "requests": {"max_body": "256KiB", "max_depth": 16},
    }
    return {**base, **changes}


def chat(content: str = "hi", **changes) -> dict:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": content}], **changes}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def upstream_server() -> UpstreamServer:
    return UpstreamServer()


@pytest.fixture
def upstream(upstream_server) -> UpstreamServer:
    upstream_server.reset()
    return upstream_server


@pytest.fixture(scope="session")
def secret_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("secrets") / "openai.key"
    path.write_text(PROVIDER_KEY + "\n")
    return path


def upstreams(server: UpstreamServer, used: dict) -> list[str]:
    return [argument for name in used["providers"] for argument in ("--upstream", f"{name}={server.url}")]


@pytest.fixture(scope="session")
def shared_gateway(certificates, upstream_server, secret_file):
    used = policy()
    secret = ("--secret", f"openai=@{secret_file}")
    options = [*certificates.arguments, "--concurrency", 2, *secret, *upstreams(upstream_server, used)]
    with gateway(used, *options, "--access-log", "-") as running:
        yield running


@pytest.fixture
def tollgate(shared_gateway, upstream) -> Gateway:
    """The gateway that most tests share; the upstream has seen nothing yet."""
    return shared_gateway


@pytest.fixture
def client(tollgate, certificates):
    headers = {"authorization": f"Bearer {CLIENT_KEY}"}
    with httpx.Client(base_url=tollgate.url, verify=certificates.context, headers=headers, timeout=20) as client:
        yield client
