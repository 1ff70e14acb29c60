"""The tour that `make demo` gives: requests, good and bad, through a real Envoy with the example policy.

Each stop says what was sent, what came back, what the upstream saw, and why. With OPENAI_API_KEY or VLLM_URL in the
environment, good requests go to that real upstream instead of the stand-in; what it saw then is only known to itself.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
import yaml

from .gateway import ROOT, Certificates, Gateway, StartFailed, UpstreamServer, gateway

CHECKOUT, SEARCH = "demo-checkout", "demo-search"
CHAT = "/v1/chat/completions"
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code: int, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


@dataclass
class Tour:
    """The parts, and what is known of the upstream."""

    gateway: Gateway
    certificates: Certificates
    stand_in: UpstreamServer
    real: str | None
    model: str
    stops: int = 0
    surprises: int = 0

    def stop(self, title: str, sent: str, act: Callable[[], str], expected: str, why: str) -> None:
        """One stop: `act` says what came back; `expected` must be in it."""
        self.stops += 1
        self.stand_in.reset()
        came_back = act()
        as_expected = expected in came_back
        self.surprises += not as_expected
        print(paint(1, f"\n{self.stops}. {title}"))
        self.tell("sent", sent)
        self.tell("came back", paint(32 if as_expected else 31, came_back))
        self.tell("upstream saw", self.upstream_saw())
        self.tell("why", why)
        if not as_expected:
            self.tell("SURPRISE", f"expected {expected!r} in what came back")

    def upstream_saw(self) -> str:
        seen = self.stand_in.seen
        if not seen:
            return f"ask {self.real}" if self.real else "nothing"
        request = seen[0]
        key = request.header("authorization") or "no key"
        saw = f"{request.method} {request.path}, key: {key}"
        return f"{saw}, model: {request.json['model']}" if request.body else saw

    @staticmethod
    def tell(label: str, text: str) -> None:
        lines = textwrap.wrap(text, 100, break_long_words=False) or [""]
        print(f"   {label + ':':<14}" + ("\n" + " " * 17).join(lines))

    def sdk(self, key: str) -> openai.OpenAI:
        http = openai.DefaultHttpxClient(verify=self.certificates.context)
        return openai.OpenAI(base_url=f"{self.gateway.url}/v1", api_key=key, http_client=http, max_retries=0)

    def raw(self, content: bytes | str, key: str = CHECKOUT, path: str = CHAT, **headers: str) -> str:
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"} | headers
        answer = httpx.post(self.gateway.url + path, content=content, headers=headers, verify=self.certificates.context)
        return told(answer)


def told(answer: httpx.Response) -> str:
    error = answer.json().get("error", {})
    param = f", param {error['param']}" if error.get("param") else ""
    return f"{answer.status_code} {error.get('code')}{param}: {error.get('message')}"


def attempt(call: Callable[[], str]) -> str:
    try:
        return call()
    except openai.APIStatusError as error:
        return f"{type(error).__name__}, status {error.status_code}, code {error.code}, param {error.param}"


def walk(tour: Tour) -> None:
    """All stops."""
    model = tour.model
    question = {"model": model, "messages": [{"role": "user", "content": "Say hello."}]}

    def ask(key: str = CHECKOUT, **changes) -> str:
        with tour.sdk(key) as sdk:
            answer = sdk.chat.completions.create(**question | changes)
            return f"200: {answer.choices[0].message.content!r}"

    def stream() -> str:
        with tour.sdk(CHECKOUT) as sdk:
            chunks = [chunk for chunk in sdk.chat.completions.create(**question, stream=True) if chunk.choices]
            return f"200, {len(chunks)} events: {''.join(c.choices[0].delta.content or '' for c in chunks)!r}"

    def models(key: str) -> str:
        with tour.sdk(key) as sdk:
            return "200: " + ", ".join(model.id for model in sdk.models.list())

    sdk = "OpenAI SDK"
    tour.stop(
        "A request passes", f"{sdk}: chat.completions.create(model={model!r}), key {CHECKOUT}", lambda: attempt(ask), "200",
        "The key names the client `checkout`. The upstream gets the provider's key, which Envoy holds as a secret; the client's key ends here.",
    )
    tour.stop("An answer streams", f"{sdk}: the same with stream=True", lambda: attempt(stream), "200",
              "Events pass as they come: nothing is held back.")
    if not tour.real:
        tour.stop(
            "A model under another name", f"{sdk}: model='fast', key {SEARCH}", lambda: attempt(lambda: ask(SEARCH, model="fast")),
            "200", "The policy sends `fast` to the provider `local`, which knows it as a Llama and wants no key.",
        )
    tour.stop("Which models are there", f"{sdk}: models.list(), key {SEARCH}", lambda: attempt(lambda: models(SEARCH)), "fast",
              "Tollgate answers this itself, with the models that this client may use.")
    tour.stop("A wrong key", f"{sdk}: key 'guess'", lambda: attempt(lambda: ask("guess")), "invalid_api_key",
              "The policy has no client with this key. It holds hashes only, so it cannot leak one either.")
    tour.stop("A model of others", f"{sdk}: model={model!r}, key {SEARCH}", lambda: attempt(lambda: ask(SEARCH)), "model_not_allowed",
              "`search` may ask for `fast` and `llama-*` only.")
    tour.stop("A temperature of 3", f"{sdk}: temperature=3", lambda: attempt(lambda: ask(temperature=3)), "param temperature",
              "The body is judged by the endpoint's JSON Schema; the SDK's exception names the parameter.")
    tour.stop("A role that does not exist", f"{sdk}: messages[0].role='king'",
              lambda: attempt(lambda: ask(messages=[{"role": "king", "content": "bow"}])), "param messages[0].role",
              "Places in the body are named the way a person writes them.")
    twice = '{"model":"cheap","mod\\u0065l":"dear","messages":[]}'
    tour.stop("A key that stands twice", f"raw: {twice}", lambda: tour.raw(twice), "duplicate_key",
              "Parsers disagree on which one counts: the gateway would check one, the model server read the other.")
    tour.stop("Not quite JSON", "raw: {'model': 'x'}", lambda: tour.raw("{'model': 'x'}"), "invalid_json",
              "Refused where it is wrong, without repeating what was sent.")
    tour.stop("Too much", "raw: 2 MiB", lambda: tour.raw(b"x" * (2 << 20)), "413", "The policy allows 1 MiB.")
    tour.stop("Compressed", "raw: content-encoding: gzip", lambda: tour.raw(b"{}", **{"content-encoding": "gzip"}), "415",
              "What cannot be read cannot be judged.")
    tour.stop("Another path", "raw: POST /v1/files", lambda: tour.raw(b"{}", path="/v1/files"), "404", "What is not listed does not exist.")
    tour.stop("Two keys at once", "raw: authorization and x-api-key, different", lambda: tour.raw(b"{}", **{"x-api-key": SEARCH}),
              "conflicting_api_keys", "Whichever counted here, the other might count upstream.")

    def spend() -> str:
        return [attempt(lambda: models(SEARCH)) for _ in range(4)][-1]

    tour.stop("More than the limit", f"{sdk}: models.list() four more times, key {SEARCH}; the last of them", spend, "RateLimitError",
              "`search` has 3 requests a minute, exact across all of Envoy's worker threads.")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="tollgate-demo-") as directory:
        certificates = Certificates(Path(directory))
        stand_in = UpstreamServer()
        policy = yaml.safe_load((ROOT / "examples" / "policy.yaml").read_text())
        secret = Path(directory) / "openai.key"
        secret.write_text("sk-the-providers-key")
        secret_source, openai_url, local_url = f"@{secret}", stand_in.url, stand_in.url
        real, model = None, "gpt-4o-mini"
        if os.environ.get("OPENAI_API_KEY"):
            real, secret_source, openai_url = "api.openai.com", "env:OPENAI_API_KEY", "https://api.openai.com"
        elif os.environ.get("VLLM_URL"):
            real = local_url = os.environ["VLLM_URL"].rstrip("/").removesuffix("/v1")
            model = httpx.get(f"{real}/v1/models").json()["data"][0]["id"]
            policy["models"].insert(0, {"match": model, "provider": "local"})
        print(f"Envoy {os.environ['ENVOY']}\nwith TLS and the policy examples/policy.yaml, in front of {real or 'a stand-in upstream'}")
        arguments = ["--upstream", f"openai={openai_url}", "--upstream", f"local={local_url}"]
        try:
            with gateway(policy, *certificates.arguments, *arguments, "--secret", f"openai={secret_source}") as running:
                print(f"listening on {running.url}")
                tour = Tour(running, certificates, stand_in, real, model)
                walk(tour)
        except StartFailed as failed:
            print(failed, file=sys.stderr)
            return 1
    print(f"\n{tour.stops} stops, {tour.surprises} surprises")
    if not tour.surprises:
        print("Next: README.md has a tutorial that runs your own policy with `target/debug/tollgate run`.")
    return 1 if tour.surprises else 0


if __name__ == "__main__":
    sys.exit(main())
