"""The command as people and scripts use it."""

from __future__ import annotations

import signal

import httpx
import pytest

from .conftest import CLIENT_KEY, hash_of, policy, upstreams
from .gateway import ROOT, StartFailed, gateway, run_command

EXAMPLE = ROOT / "examples" / "policy.yaml"


def test_check_finds_every_mistake(tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(EXAMPLE.read_text().replace("limits: small", "limits: smal").replace("api: openai", "apy: openai", 1))
    checked = run_command("check", EXAMPLE, wrong)
    assert checked.returncode == 1
    assert checked.stdout.splitlines() == [
        f"{EXAMPLE}: ok",
        f'{wrong}: clients.known[1].limits: `limits` has no set of the name "smal"; did you mean "small"?',
        f'{wrong}: providers.openai.apy: unknown key; did you mean "api"?',
        f'{wrong}: providers.openai: the key "api" is missing',
    ]
    assert run_command("check", EXAMPLE).returncode == 0
    assert run_command("check", tmp_path / "none.yaml").returncode == 1
    for text, expected in (
        ("a: [tg-raw-key, b: l}", "not YAML at line 1"),
        ("tg-raw-key: 1\ntg-raw-key: 2", "a key stands twice at line 2"),
        ("", ""),
        ("[]", "must be an object"),
    ):
        wrong.write_text(text)
        checked = run_command("check", wrong)
        assert checked.returncode == 1 and f"{wrong}: {expected}" in checked.stdout, checked.stdout
        assert "tg-raw-key" not in checked.stdout


def test_hash_key_makes_and_hashes_keys():
    lines = [run_command("hash-key").stdout.splitlines() for _ in range(2)]
    keys = [line[0].removeprefix("key:").strip() for line in lines]
    assert keys[0] != keys[1] and all(len(key) >= 43 for key in keys)
    for key, line in zip(keys, lines, strict=True):
        assert line[1] == f"hash: {hash_of(key)}"
    assert run_command("hash-key", "-", stdin="abc\n").stdout == f"key:  abc\nhash: {hash_of('abc')}\n"
    assert run_command("hash-key", "a b").returncode == 1


def test_run_says_what_is_missing(upstream, tmp_path):
    cases = {
        "the provider anthropic has no URL": (policy(), []),
        "the policy has no provider of this name": (policy(), ["--upstream", "nobody=http://x"]),
        "a secret itself never stands on a command line": (policy(), [*upstreams(upstream, policy()), "--secret", "openai=sk-123"]),
        "cannot read the secret in": (policy(), [*upstreams(upstream, policy()), "--secret", f"openai=@{tmp_path}/no"]),
        "the policy is not right:": ({"clients": {}}, []),
        "cannot run": (policy(), [*upstreams(upstream, policy()), "--envoy", tmp_path / "no-envoy"]),
        "--filter": (policy(), [*upstreams(upstream, policy()), "--filter", tmp_path / "no.wasm"]),
    }
    for expected, (used, arguments) in cases.items():
        with pytest.raises(StartFailed) as failed, pytest.raises(AssertionError):
            with gateway(used, *arguments):
                pass
        assert expected in str(failed.value) and "sk-123" not in str(failed.value)


def test_run_ends_on_signals_and_leaves_nothing(upstream):
    used = policy()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with gateway(used, *upstreams(upstream, used), "--concurrency", 1) as running:
            answer = httpx.get(f"{running.url}/v1/models", headers={"api-key": CLIENT_KEY})
            assert answer.status_code == 200
            running.process.send_signal(number)
            assert running.process.wait(10) == 0
            assert not running.run_dir.exists()


def test_help_teaches():
    for arguments in ([], ["check"], ["run"], ["bootstrap"], ["hash-key"]):
        helped = run_command(*arguments, "--help")
        assert helped.returncode == 0 and "Usage: tollgate" in helped.stdout and len(helped.stdout) > 300
