"""Starts what a test or the demo needs: a stand-in upstream in a thread, and Envoy with the filter by `tollgate run`."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import queue
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme
from aiohttp import web

from .upstream import Upstream

ROOT = Path(__file__).resolve().parent.parent
TOLLGATE = ROOT / "target" / "debug" / "tollgate"
START_TIMEOUT = 60


class UpstreamServer:
    """The stand-in, in a thread of its own."""

    def __init__(self) -> None:
        self.upstream = Upstream()
        self.loop = asyncio.new_event_loop()
        self.port = 0
        started = threading.Event()
        threading.Thread(target=self._serve, args=(started,), daemon=True).start()
        assert started.wait(10), "the stand-in upstream did not start"

    def _serve(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        runner = web.AppRunner(self.upstream.app())
        self.loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
        self.loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        started.set()
        self.loop.run_forever()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def seen(self):
        return self.upstream.seen

    def reset(self) -> None:
        self.upstream.seen.clear()
        self.upstream.sent_at.clear()
        self.upstream.second_event = None


class Gateway:
    """A running `tollgate run`."""

    def __init__(self, process: subprocess.Popen, output: list[str], ready: str) -> None:
        self.process = process
        self.output = output
        found = re.search(r"ready on (\S+) \(admin unix:(\S+), run directory (\S+)\)", ready)
        assert found, f"not the line that was expected: {ready!r}"
        self.url, self.admin_socket = found[1], found[2]
        self.run_dir = Path(found[3])
        self.port = int(self.url.rsplit(":", 1)[1])

    def admin(self, path: str, method: str = "GET") -> str:
        connection = http.client.HTTPConnection("admin", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self.admin_socket)
        connection.request(method, path)
        return connection.getresponse().read().decode()

    def stat(self, name: str) -> int:
        values = re.findall(rf"^{re.escape(name)}: (\d+)$", self.admin("/stats"), re.MULTILINE)
        return int(values[0]) if values else 0

    @property
    def log(self) -> str:
        return "".join(self.output)

    def wait_for_log(self, text: str, seconds: float = 10) -> None:
        deadline = threading.Event()
        for _ in range(int(seconds * 20)):
            if text in self.log:
                return
            deadline.wait(0.05)
        raise AssertionError(f"{text!r} does not come up in the log:\n{self.log}")


class StartFailed(Exception):
    """`tollgate run` ended before it was ready; holds all that it said."""


def command(*arguments: object) -> list[str]:
    return [str(TOLLGATE), *map(str, arguments)]


def run_command(*arguments: object, stdin: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), input=stdin, capture_output=True, text=True, timeout=120)


@contextmanager
def gateway(policy: dict | Path, *arguments: object, env: dict[str, str] | None = None) -> Iterator[Gateway]:
    """Runs a policy until the block ends; fails if Envoy does not end in order then."""
    with tempfile.TemporaryDirectory(prefix="tollgate-policy-") as directory:
        if isinstance(policy, dict):
            path = Path(directory) / "policy.json"
            path.write_text(json.dumps(policy))
            policy = path
        listen = () if "--listen" in arguments else ("--listen", "127.0.0.1:0")
        process = subprocess.Popen(
            command("run", "--policy", policy, *listen, *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(env or {})},
        )
        output: list[str] = []
        lines: queue.Queue[str | None] = queue.Queue()

        def read() -> None:
            for line in process.stdout:
                output.append(line)
                lines.put(line)
            lines.put(None)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            while True:
                line = lines.get(timeout=START_TIMEOUT)
                if line is None:
                    raise StartFailed("".join(output))
                if line.startswith("tollgate: ready"):
                    break
            yield Gateway(process, output, line)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            status = process.wait(timeout=20)
            reader.join(timeout=10)
        assert status == 0, f"ended with {status}:\n{''.join(output)}"


class Certificates:
    """A throw-away authority and a certificate of it for the gateway."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        self.authority = directory / "ca.pem"
        self.chain = directory / "cert.pem"
        self.key = directory / "key.pem"
        authority.cert_pem.write_to_path(self.authority)
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(self.chain, append=True)
        certificate.private_key_pem.write_to_path(self.key)
        self.key.chmod(0o600)

    @property
    def context(self) -> ssl.SSLContext:
        """What a client needs that trusts the authority."""
        return ssl.create_default_context(cafile=self.authority)

    @property
    def arguments(self) -> tuple[object, ...]:
        return ("--tls-cert", self.chain, "--tls-key", self.key)
