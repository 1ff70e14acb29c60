"""What passes and what does not, over real TLS; a refused request never reaches the upstream."""

from __future__ import annotations

import json
import socket

import httpx
import openai
import pytest

from .conftest import CLIENT_KEY, PROVIDER_KEY, chat

CHAT = "/v1/chat/completions"
SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-permitted-cross-domain-policies": "none",
}


def assert_safe_headers(response: httpx.Response) -> None:
    assert {name: response.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    leaking = {"server", "x-powered-by", "x-envoy-upstream-service-time"} & set(response.headers)
    assert not leaking


def test_a_request_passes_with_the_providers_key(client, upstream):
    answer = client.post(CHAT, json=chat(), headers={"openai-organization": "org-mine", "x-tollgate-provider": "local"})
    assert answer.status_code == 200, answer.text
    assert_safe_headers(answer)
    [seen] = upstream.seen
    assert seen.header("authorization") == f"Bearer {PROVIDER_KEY}"
    assert seen.json == chat()
    names = {name.lower() for name, _ in seen.headers}
    assert not names & {"x-api-key", "api-key", "openai-organization", "x-tollgate-provider", "x-forwarded-for"}


@pytest.mark.parametrize(
    ("model", "header", "value"),
    [
        ("azure-gpt", "api-key", PROVIDER_KEY),
        ("claude-x", "x-api-key", PROVIDER_KEY),
        ("fast", "authorization", None),
    ],
)
def test_each_provider_gets_its_key_where_it_wants_it(client, upstream, model, header, value):
    assert client.post(CHAT, json=chat(model=model)).status_code == 200
    [seen] = upstream.seen
    assert seen.header(header) == value
    credentials = {"authorization", "x-api-key", "api-key", "x-goog-api-key"} - {header}
    assert not credentials & {name.lower() for name, _ in seen.headers}


def test_a_model_alias_changes_nothing_but_the_models_name(client, upstream):
    body = b'{ "messages":[ {"content":"\\u00e9\\n","role":"user"} ] , "model" : "fast", "seed": 9223372036854775807 }'
    answer = client.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    [seen] = upstream.seen
    assert seen.body == body.replace(b'"fast"', b'"meta-llama/Llama-3.1-8B"')


@pytest.mark.parametrize("header", ["x-api-key", "api-key"])
def test_a_key_may_come_in_any_listed_header(client, upstream, header):
    del client.headers["authorization"]
    answer = client.post(CHAT, json=chat(), headers={header: CLIENT_KEY})
    assert answer.status_code == 200
    assert upstream.seen[0].header("authorization") == f"Bearer {PROVIDER_KEY}"


def test_models_lists_what_the_client_may_use(client, upstream):
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["fast", "gpt-4o", "keyless"]
    mine = client.get("/v1/models", headers={"authorization": "Bearer search-key"})
    assert [model["id"] for model in mine.json()["data"]] == ["fast", "gpt-4o-mini"]
    assert upstream.seen == []


JSON = {"content-type": "application/json"}
BIG = json.dumps(chat("x" * (300 << 10))).encode()

REFUSALS = {
    "unknown path": ("POST", "/v1/files", JSON, b"{}", 404, "unknown_url", None),
    "path that only looks listed": ("POST", CHAT + "/", JSON, b"{}", 404, "unknown_url", None),
    "wrong method": ("GET", CHAT, {}, None, 405, "method_not_allowed", None),
    "no key": ("POST", CHAT, JSON | {"authorization": "Basic eDp5"}, b"{}", 401, "missing_api_key", None),
    "unknown key": ("POST", CHAT, JSON | {"authorization": "Bearer x"}, b"{}", 401, "invalid_api_key", None),
    "expired key": ("POST", CHAT, JSON | {"authorization": "Bearer old-key"}, b"{}", 401, "expired_api_key", None),
    "two keys": ("POST", CHAT, JSON | {"x-api-key": "search-key"}, b"{}", 401, "conflicting_api_keys", None),
    "not JSON by type": ("POST", CHAT, {"content-type": "text/plain"}, b"{}", 415, "unsupported_media_type", None),
    "gzip": ("POST", CHAT, JSON | {"content-encoding": "gzip"}, b"{}", 415, "unsupported_content_encoding", None),
    "too long by its header": ("POST", CHAT, JSON, BIG, 413, "request_too_large", None),
    "too long in chunks": ("POST", CHAT, JSON, lambda: iter([BIG[:200_000], BIG[200_000:]]), 413, "request_too_large", None),
    "empty": ("POST", CHAT, JSON, b"", 400, "empty_body", None),
    "not JSON": ("POST", CHAT, JSON, b"{'a':1}", 400, "invalid_json", None),
    "two documents": ("POST", CHAT, JSON, b"{}{}", 400, "invalid_json", None),
    "a key twice": ("POST", CHAT, JSON, b'{"model":"gpt-4o","mod\\u0065l":"x"}', 400, "duplicate_key", "model"),
    "too deep": ("POST", CHAT, JSON, b"[" * 17 + b"]" * 17, 400, "too_deep", None),
    "bad type": ("POST", CHAT, JSON, json.dumps(chat(n="2")).encode(), 400, "invalid_type", "n"),
    "bad role": (
        "POST", CHAT, JSON, b'{"model":"gpt-4o","messages":[{"role":"king","content":""}]}', 400, "invalid_value",
        "messages[0].role",
    ),
    "no messages": ("POST", CHAT, JSON, b'{"model":"gpt-4o"}', 400, "missing_required_parameter", "messages"),
    "unknown model": ("POST", CHAT, JSON, json.dumps(chat(model="x")).encode(), 404, "model_not_found", "model"),
    "model of others": (
        "POST", CHAT, JSON | {"authorization": "Bearer search-key"}, json.dumps(chat()).encode(), 403,
        "model_not_allowed", "model",
    ),
    "no secret": ("POST", CHAT, JSON, json.dumps(chat(model="keyless")).encode(), 503, "credential_unavailable", None),
}


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.replace(" ", "_"))
def test_a_refused_request_goes_nowhere(client, tollgate, upstream, case):
    method, path, headers, body, status, code, param = REFUSALS[case]
    answer = client.request(method, path, headers=headers, content=body() if callable(body) else body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.json()["error"]["param"] == param
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.headers["content-type"] == "application/json"
    assert_safe_headers(answer)
    if status == 405:
        assert answer.headers["allow"] == "POST"
    assert upstream.seen == []


def test_what_envoy_refuses_before_the_filter_has_the_same_headers(tollgate, certificates, upstream):
    for target, extra in (("/v1%2Fmodels", ""), ("/v1/models", "a_b: c\r\n")):
        raw = socket.create_connection(("127.0.0.1", tollgate.port), timeout=10)
        with certificates.context.wrap_socket(raw, server_hostname="localhost") as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nhost: localhost\r\n{extra}connection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        head = answer.split("\r\n\r\n")[0]
        assert head.startswith("HTTP/1.1 400")
        for name, value in SECURITY_HEADERS.items():
            assert f"{name}: {value}" in head, head
    assert upstream.seen == []


def test_a_limit_tells_when_to_come_back(client, upstream):
    client.headers["authorization"] = "Bearer slow-key"
    first, second = client.post(CHAT, json=chat()), client.post(CHAT, json=chat())
    assert (first.status_code, second.status_code) == (200, 429)
    assert first.headers["x-ratelimit-limit-requests"] == "1"
    assert second.headers["x-ratelimit-remaining-requests"] == "0"
    assert second.headers["x-ratelimit-reset-requests"].startswith("59m5")
    assert 3590 <= int(second.headers["retry-after"]) <= 3600
    assert int(second.headers["retry-after-ms"]) <= 3_600_000
    assert_safe_headers(second)
    assert len(upstream.seen) == 1


def test_what_the_upstream_answers_comes_back(client, upstream):
    assert client.post(CHAT, json=chat("!status 418")).status_code == 418
    assert client.post(CHAT, json=chat("!delay 0.3")).status_code == 200


def test_openais_sdk_reads_answers_and_errors(tollgate, certificates, upstream):
    http_client = openai.DefaultHttpxClient(verify=certificates.context)
    with openai.OpenAI(base_url=f"{tollgate.url}/v1", api_key=CLIENT_KEY, http_client=http_client, max_retries=0) as sdk:
        answer = sdk.chat.completions.create(**chat())
        assert answer.choices[0].message.content == "Hello from the stand-in."
        words = [chunk.choices[0].delta.content for chunk in sdk.chat.completions.create(**chat(stream=True))]
        assert "".join(words) == "Hello from the stand-in."
        assert [model.id for model in sdk.models.list()] == ["fast", "gpt-4o", "keyless"]
        with pytest.raises(openai.BadRequestError) as refused:
            sdk.chat.completions.create(**chat(temperature=3))
        assert (refused.value.param, refused.value.code) == ("temperature", "above_max_value")
        with pytest.raises(openai.NotFoundError):
            sdk.chat.completions.create(**chat(model="unknown"))
        with pytest.raises(openai.AuthenticationError):
            sdk.with_options(api_key="wrong").models.list()


def test_the_access_log_says_who_and_what(client, tollgate, upstream):
    client.post(CHAT, json=chat(model="gpt-4o", n="many"))
    tollgate.wait_for_log('"decision":"invalid_type"', seconds=15)
    lines = [json.loads(line) for line in tollgate.log.splitlines() if '"decision":"invalid_type"' in line]
    assert lines[-1]["client"] == "checkout" and lines[-1]["status"] == 400
