"""Keys do not leak, and change without anybody noticing."""

from __future__ import annotations

import os
import threading
import time

import httpx

from .conftest import CLIENT_KEY, PROVIDER_KEY, chat, policy, upstreams
from .gateway import gateway
from .test_requests import CHAT, REFUSALS


def test_no_key_is_found_anywhere_but_where_it_belongs(certificates, upstream, secret_file, tmp_path):
    used = policy()
    access_log = tmp_path / "access.log"
    options = [*certificates.arguments, "--concurrency", 1, "--secret", f"openai=@{secret_file}"]
    trace = ["--", "--component-log-level", "wasm:trace"]
    places: dict[str, str] = {}
    with gateway(used, *options, *upstreams(upstream, used), "--access-log", access_log, *trace) as running:
        headers = {"authorization": f"Bearer {CLIENT_KEY}"}
        with httpx.Client(base_url=running.url, verify=certificates.context, headers=headers) as client:
            requests = [("POST", CHAT, {}, chat(model=model)) for model in ("gpt-4o", "azure-x", "claude-x", "fast")]
            answers = [client.request(method, path, headers=extra, json=body) for method, path, extra, body in requests]
            assert [answer.status_code for answer in answers] == [200] * 4
            assert any(PROVIDER_KEY in str(seen.headers) for seen in upstream.seen), "the canary is in use"
            for method, path, extra, body, *_ in REFUSALS.values():
                answers.append(client.request(method, path, headers=extra, content=body() if callable(body) else body))
            # What a careless caller may do: the key within the body.
            answers.append(client.post(CHAT, json={"model": CLIENT_KEY, CLIENT_KEY: CLIENT_KEY}))
            answers.append(client.post(CHAT, json=chat(stop={CLIENT_KEY: 1}, **{CLIENT_KEY: PROVIDER_KEY})))
        for number, answer in enumerate(answers):
            places[f"answer {number}"] = f"{answer.headers}{answer.text}"
        for path in ("/config_dump?include_eds", "/stats", "/stats/prometheus", "/clusters", "/listeners", "/certs", "/init_dump"):
            places[path] = running.admin(path)
        assert "wasm.envoy.wasm.runtime.v8" in places["/stats"] and "tollgate.secret.openai" in places["/config_dump?include_eds"]
        for file in running.run_dir.rglob("*"):
            if file.is_file() and file.parent.name != "sds":
                places[str(file)] = file.read_text()
            mode = file.stat().st_mode & 0o077
            assert mode == 0 or file.parent == running.run_dir, f"{file} is for its owner only"
        assert running.run_dir.stat().st_mode & 0o777 == 0o700
        held = [file.read_text() for file in (running.run_dir / "sds").iterdir()]
        assert any(PROVIDER_KEY in text for text in held)
        run_dir = running.run_dir
    places["Envoy's log"] = running.log
    places["the access log"] = access_log.read_text()
    assert "[trace][wasm]" in places["Envoy's log"] and '"decision":"pass"' in places["the access log"]
    for place, text in places.items():
        for canary in (CLIENT_KEY, PROVIDER_KEY):
            assert canary not in text, f"{canary} stands in {place}"
    assert not run_dir.exists(), "the run directory goes with the run"
    print(f"\nsearched for 2 canaries in {len(places)} places of {sum(map(len, places.values()))} characters: not found")


def test_a_secret_is_replaced_under_load_without_a_failed_request(certificates, upstream, tmp_path):
    used = policy()
    secret = tmp_path / "key"
    secret.write_text("sk-first")
    options = [*certificates.arguments, "--concurrency", 2, "--secret", f"openai=@{secret}"]
    with gateway(used, *options, *upstreams(upstream, used)) as running:
        statuses: list[int] = []
        done = threading.Event()

        def load() -> None:
            headers = {"authorization": f"Bearer {CLIENT_KEY}"}
            with httpx.Client(base_url=running.url, verify=certificates.context, headers=headers) as client:
                while not done.is_set():
                    statuses.append(client.post(CHAT, json=chat()).status_code)

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for value in ("sk-second", "sk-third\n"):
            time.sleep(0.7)
            replacement = tmp_path / "replacement"
            replacement.write_text(value)
            os.rename(replacement, secret)
        time.sleep(1)
        done.set()
        for thread in threads:
            thread.join()
        keys = [seen.header("authorization") for seen in upstream.seen]
        print(f"\n{len(statuses)} requests over two rotations, failed: {len(statuses) - statuses.count(200)}")
        assert set(statuses) == {200} and len(statuses) > 100
        assert set(keys) == {"Bearer sk-first", "Bearer sk-second", "Bearer sk-third"}
        # Each worker changes over at its own moment, but none goes back.
        assert keys[0] == "Bearer sk-first" and keys[-1] == "Bearer sk-third"
