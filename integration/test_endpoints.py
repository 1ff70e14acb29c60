"""Endpoints beside chat completions: judged in the provider's dialect, errors in the form of the API that was called."""

from __future__ import annotations

import anthropic
import httpx
import pytest

from .conftest import CLIENT_KEY, PROVIDER_KEY, hash_of, upstreams
from .gateway import gateway

USER = [{"role": "user", "content": "hi"}]

# Path, a body that passes, what makes it wrong, and the place that is named.
ENDPOINTS = [
    ("/v1/completions", {"model": "gpt-4o", "prompt": "x"}, {"max_tokens": "x"}, "max_tokens"),
    ("/v1/embeddings", {"model": "gpt-4o", "input": "x"}, {"dimensions": 0}, "dimensions"),
    ("/v1/responses", {"model": "gpt-4o", "input": "x"}, {"temperature": "hot"}, "temperature"),
    ("/v1/responses/input_tokens", {"model": "gpt-4o", "input": "x"}, {"input": 5}, "input"),
    ("/v1/moderations", {"model": "gpt-4o", "input": "x"}, {"input": 5}, "input"),
    ("/v1/images/generations", {"model": "gpt-4o", "prompt": "x"}, {"n": 0}, "n"),
    ("/v1/audio/speech", {"model": "gpt-4o", "input": "x", "voice": "alloy"}, {"speed": "fast"}, "speed"),
    ("/score", {"model": "gpt-4o", "text_1": "a", "text_2": "b"}, {"text_1": 5}, "text_1"),
    ("/v1/rerank", {"model": "gpt-4o", "query": "a", "documents": ["b"]}, {"top_n": "x"}, "top_n"),
    ("/pooling", {"model": "gpt-4o", "input": "x"}, {"input": True}, "input"),
    ("/classify", {"model": "gpt-4o", "input": "x"}, {"input": True}, "input"),
    ("/tokenize", {"model": "gpt-4o", "prompt": "x"}, {"prompt": 5}, "prompt"),
    ("/detokenize", {"model": "gpt-4o", "tokens": [1]}, {"tokens": "x"}, "tokens"),
]


@pytest.mark.parametrize(("path", "body", "wrong", "param"), ENDPOINTS, ids=[path for path, *_ in ENDPOINTS])
def test_each_endpoint_is_judged_by_its_schema(client, upstream, path, body, wrong, param):
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert (upstream.seen[0].path, upstream.seen[0].json) == (path, body)
    refused = client.post(path, json=body | wrong)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param), refused.text
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_anthropics_endpoints_tell_errors_in_anthropics_form(client, upstream, path):
    body = {"model": "claude-x", "max_tokens": 5, "messages": USER}
    assert client.post(path, json=body).status_code == 200
    assert upstream.seen[0].header("x-api-key") == PROVIDER_KEY
    refused = client.post(path, json=body | {"messages": [{"role": "king", "content": "x"}]})
    error = refused.json()
    assert (refused.status_code, error["type"], error["error"]["type"]) == (400, "error", "invalid_request_error")
    assert "messages[0].role" in error["error"]["message"]
    nobody = client.post(path, json=body, headers={"authorization": "Bearer x"})
    assert (nobody.status_code, nobody.json()["error"]["type"]) == (401, "authentication_error")
    assert len(upstream.seen) == 1


def test_anthropics_sdk_raises_what_it_should(tollgate, certificates, upstream):
    http_client = anthropic.DefaultHttpxClient(verify=certificates.context)
    with anthropic.Anthropic(base_url=tollgate.url, api_key=CLIENT_KEY, http_client=http_client, max_retries=0) as sdk:
        with pytest.raises(anthropic.BadRequestError) as refused:
            sdk.messages.create(model="claude-x", max_tokens=5, messages=USER, extra_body={"temperature": 7})
        assert refused.value.body["error"]["type"] == "invalid_request_error"
        assert "temperature" in refused.value.body["error"]["message"]
        with pytest.raises(anthropic.NotFoundError):
            sdk.messages.create(model="unknown", max_tokens=5, messages=USER)
        with pytest.raises(anthropic.AuthenticationError):
            sdk.with_options(api_key="wrong").messages.create(model="claude-x", max_tokens=5, messages=USER)
    assert upstream.seen == []


def test_the_providers_dialect_says_which_schema_counts(certificates, upstream):
    keyless = {"api": "openai", "credential": "none"}
    used = {
        "clients": {"known": [{"name": "a", "keys": [hash_of(CLIENT_KEY)]}]},
        "providers": {"local": keyless | {"dialect": "vllm"}, "hosted": keyless},
        "models": [{"match": "llama", "provider": "local"}, {"match": "*", "provider": "hosted"}],
    }
    with gateway(used, *upstreams(upstream, used), "--concurrency", 1) as running:
        def ask(model: str, **changes) -> tuple[int, str | None]:
            body = {"model": model, "messages": USER} | changes
            answer = httpx.post(f"{running.url}/v1/chat/completions", json=body, headers={"api-key": CLIENT_KEY})
            return answer.status_code, answer.json().get("error", {}).get("param")

        assert ask("llama", top_k="x") == (400, "top_k")
        assert ask("other", top_k="x") == (200, None)
        assert ask("llama", stream_options={"include_usage": True}) == (400, "stream_options")
        assert ask("llama", messages=[{"role": "anything", "content": "x"}]) == (200, None)
        assert ask("other", messages=[{"role": "anything", "content": "x"}]) == (400, "messages[0].role")


def test_nesting_as_deep_as_can_be_is_no_trap(certificates, upstream):
    """The deepest document that a policy can allow, where the schema follows it all the way down."""
    used = {
        "clients": {"known": [{"name": "a", "keys": [hash_of(CLIENT_KEY)]}]},
        "providers": {"local": {"api": "anthropic", "credential": "none"}},
        "models": [{"match": "*", "provider": "local"}],
        "requests": {"max_depth": 128},
    }
    block = {"type": "text", "text": "x"}
    for _ in range(60):
        block = {"type": "tool_result", "tool_use_id": "a", "content": [block]}
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [block]}]}
    with gateway(used, *upstreams(upstream, used), "--concurrency", 1) as running:
        headers = {"api-key": CLIENT_KEY}
        answers = [httpx.post(f"{running.url}/v1/messages", json=body, headers=headers) for _ in range(3)]
        assert {answer.status_code for answer in answers} <= {200, 400}, answers[0].text
        assert running.stat("wasm.tollgate.vm_reload_success") == 0
        assert httpx.get(f"{running.url}/v1/models", headers=headers).status_code == 200
