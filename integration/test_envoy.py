"""How the filter stands in Envoy: bodies in every framing, policies that change, a configuration that is incomplete."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import httpx
import yaml

from .conftest import CLIENT_KEY, chat, hash_of, policy, upstreams
from .gateway import ROOT, gateway, run_command

CHAT = "/v1/chat/completions"
ENVOY = os.environ["ENVOY"]


class H2:
    """A connection that sends HTTP/2 frames just so."""

    def __init__(self, port: int, authority: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.set_alpn_protocols(["h2"])
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket = context.wrap_socket(raw, server_hostname="localhost")
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()

    def post(self, parts: list[bytes], trailers: list[tuple[str, str]] | None, pause: float = 0) -> tuple[int, bytes]:
        stream = self.connection.get_next_available_stream_id()
        headers = [
            (":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", CHAT),
            ("content-type", "application/json"), ("authorization", f"Bearer {CLIENT_KEY}"),
        ]
        self.connection.send_headers(stream, headers)
        self.socket.sendall(self.connection.data_to_send())
        time.sleep(pause)
        for index, part in enumerate(parts):
            last = index + 1 == len(parts) and trailers is None
            self.connection.send_data(stream, part, end_stream=last)
            self.socket.sendall(self.connection.data_to_send())
            time.sleep(0.02)
        if trailers is not None:
            self.connection.send_headers(stream, trailers, end_stream=True)
        self.socket.sendall(self.connection.data_to_send())
        status, body = 0, b""
        while True:
            for event in self.connection.receive_data(self.socket.recv(65536)):
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[":status"])
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    return status, body
            self.socket.sendall(self.connection.data_to_send())


def test_a_body_that_ends_in_trailers_is_judged_whole(tollgate, certificates, upstream):
    body = json.dumps(chat("trailing")).encode()
    good = H2(tollgate.port, certificates.authority).post([body[:10], body[10:]], [("x-end", "1")])
    assert good[0] == 200, good
    assert upstream.seen[0].json == chat("trailing")
    status, answer = H2(tollgate.port, certificates.authority).post([body[:10], body[10:-1]], [("x-end", "1")])
    assert (status, json.loads(answer)["error"]["code"]) == (400, "invalid_json")
    assert len(upstream.seen) == 1


def test_many_small_parts_are_one_body(tollgate, certificates, upstream):
    body = json.dumps(chat("é😀")).encode()
    parts = [body[at : at + 1] for at in range(len(body))]
    assert H2(tollgate.port, certificates.authority).post(parts, None)[0] == 200
    assert upstream.seen[0].body == body


def test_a_slow_client_is_waited_for(certificates, upstream, secret_file):
    """In a new VM, which no body has been shown to: the watch for held-back bodies must not take it for one."""
    used = policy()
    options = [*certificates.arguments, "--concurrency", 1, "--secret", f"openai=@{secret_file}"]
    with gateway(used, *options, *upstreams(upstream, used)) as running:
        body = json.dumps(chat("slow")).encode()
        connection = H2(running.port, certificates.authority)
        assert connection.post([body], None, pause=2.5)[0] == 200


def test_a_client_that_leaves_in_the_middle_harms_nobody(tollgate, certificates, client, upstream):
    for _ in range(20):
        connection = H2(tollgate.port, certificates.authority)
        stream = connection.connection.get_next_available_stream_id()
        connection.connection.send_headers(stream, [
            (":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", CHAT),
            ("content-type", "application/json"), ("authorization", f"Bearer {CLIENT_KEY}"),
        ])
        connection.connection.send_data(stream, b'{"model":')
        connection.socket.sendall(connection.connection.data_to_send())
        connection.socket.close()
    assert client.post(CHAT, json=chat()).status_code == 200
    assert len(upstream.seen) == 1
    assert tollgate.stat("wasm.tollgate.vm_reload_success") == 0


@contextmanager
def envoy(configuration: dict):
    """Runs a configuration of the test's own; gives the port and a function that reads the log."""
    with tempfile.TemporaryDirectory() as directory:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        configuration["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] = port
        file = Path(directory) / "envoy.yaml"
        file.write_text(yaml.safe_dump(configuration))
        log = Path(directory) / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [ENVOY, "-c", str(file), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"],
                stdout=output, stderr=output,
            )
        try:
            for _ in range(200):
                assert process.poll() is None, log.read_text()
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield port, log.read_text
        finally:
            process.terminate()
            process.wait(10)


def bootstrap(used: dict, upstream, tmp_path: Path) -> dict:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(used))
    printed = run_command("bootstrap", "--policy", file, *upstreams(upstream, used))
    assert printed.returncode == 0, printed.stderr
    return yaml.safe_load(printed.stdout)


def http_filters(configuration: dict) -> list[dict]:
    chain = configuration["static_resources"]["listeners"][0]["filter_chains"][0]
    return chain["filters"][0]["typed_config"]["http_filters"]


def local_policy(**changes) -> dict:
    return policy(
        providers={"local": {"api": "openai", "credential": "none"}},
        models=[{"match": "*", "provider": "local"}],
        **changes,
    )


def test_a_forgotten_setting_is_said_and_nothing_hangs(upstream, tmp_path):
    configuration = bootstrap(local_policy(), upstream, tmp_path)
    [filter_config] = [f for f in http_filters(configuration) if f["name"] == "tollgate"]
    del filter_config["typed_config"]["config"]["allow_on_headers_stop_iteration"]
    headers = {"authorization": f"Bearer {CLIENT_KEY}"}
    with envoy(configuration) as (port, log):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=10) as client:
            answers = [client.post(CHAT, json=chat()) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [500, 500]
            assert answers[0].json()["error"]["code"] == "gateway_misconfigured"
            assert client.get("/v1/models").status_code == 200
        assert "allow_on_headers_stop_iteration: true" in log()
    assert upstream.seen == []


def test_a_wrong_policy_is_refused_and_the_one_before_kept(upstream, tmp_path):
    """The filter comes by ECDS from a file, as a control plane would bring it."""
    configuration = bootstrap(local_policy(), upstream, tmp_path)
    filters = http_filters(configuration)
    [index] = [index for index, f in enumerate(filters) if f["name"] == "tollgate"]
    resource = {
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "tollgate",
        "typed_config": filters[index]["typed_config"],
    }
    ecds = tmp_path / "ecds.yaml"

    def publish(used: dict) -> None:
        resource["typed_config"]["config"]["configuration"]["value"] = json.dumps(used)
        partial = tmp_path / "partial"
        partial.write_text(yaml.safe_dump({"resources": [resource]}))
        partial.rename(ecds)

    publish(local_policy())
    filters[index] = {
        "name": "tollgate",
        "config_discovery": {
            "config_source": {"path_config_source": {"path": str(ecds)}, "resource_api_version": "V3"},
            "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
        },
    }

    def status(port: int, key: str) -> int:
        return httpx.get(f"http://127.0.0.1:{port}/v1/models", headers={"api-key": key}).status_code

    def becomes(check, what: str) -> None:
        for _ in range(100):
            if check():
                return
            time.sleep(0.05)
        raise AssertionError(what)

    with envoy(configuration) as (port, log):
        becomes(lambda: status(port, CLIENT_KEY) == 200, "the first policy serves")
        wrong = local_policy(modles=[], limits={"one": {"requests": [{"max": 0, "per": "1h"}]}})
        publish(wrong)
        becomes(lambda: "modles: unknown key; did you mean" in log(), "the mistakes are in the log")
        assert "limits.one.requests[0].max: must be a whole number" in log()
        assert status(port, CLIENT_KEY) == 200, "the policy before keeps serving"
        publish(local_policy(clients={"known": [{"name": "new", "keys": [hash_of("new-key")]}]}))
        becomes(lambda: status(port, "new-key") == 200, "the next right policy serves")
        assert status(port, CLIENT_KEY) == 401


def test_a_provider_behind_tls_is_verified(certificates, upstream, tmp_path):
    """The stand-in behind an Envoy that terminates TLS, reached under a path of its own."""
    front = bootstrap(local_policy(), upstream, tmp_path)
    chain = front["static_resources"]["listeners"][0]["filter_chains"][0]
    manager = chain["filters"][0]["typed_config"]
    manager["http_filters"] = [f for f in manager["http_filters"] if f["name"] == "envoy.filters.http.router"]
    everything = {"match": {"prefix": "/"}, "route": {"cluster": "local"}}
    manager["route_config"]["virtual_hosts"][0]["routes"] = [everything]
    certificate = {"certificate_chain": {"filename": str(certificates.chain)}, "private_key": {"filename": str(certificates.key)}}
    chain["transport_socket"] = {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {"tls_certificates": [certificate]},
        },
    }
    headers = {"authorization": f"Bearer {CLIENT_KEY}"}
    with envoy(front) as (port, _):
        for authority, expected in ((certificates.authority, 200), (None, 503)):
            upstream.reset()
            env = {"SSL_CERT_FILE": str(authority)} if authority else {}
            arguments = ["--upstream", f"local=https://localhost:{port}/base", "--concurrency", 1]
            with gateway(local_policy(), *arguments, env=env) as running:
                answer = httpx.post(running.url + CHAT, json=chat(), headers=headers)
            assert answer.status_code == expected, answer.text
            if expected == 200:
                assert upstream.seen[0].path == "/base/v1/chat/completions"
                assert upstream.seen[0].header("host") == f"localhost:{port}"
            else:
                assert answer.json()["error"]["code"] == "upstream_unavailable"
                assert upstream.seen == []


def test_envoy_accepts_the_printed_configuration(upstream, tmp_path, certificates, secret_file):
    for arguments in (
        ["--policy", ROOT / "examples" / "policy.yaml", "--secret", f"openai=@{secret_file}"],
        ["--policy", ROOT / "examples" / "policy.yaml", "--secret", "openai=env:PATH", "--access-log", "-",
         "--upstream", "local=http://localhost:8000/prefix", *certificates.arguments, "--admin", "127.0.0.1:0"],
        ["--policy", ROOT / "examples" / "policy.yaml"],
    ):
        printed = run_command("bootstrap", *arguments)
        assert printed.returncode == 0, printed.stderr
        file = tmp_path / "envoy.yaml"
        file.write_text(printed.stdout)
        validated = subprocess.run([ENVOY, "--mode", "validate", "-c", file], capture_output=True, text=True)
        assert validated.returncode == 0, validated.stderr
