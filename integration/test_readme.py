"""The README's tutorial works, line by line, in an empty folder beside the project's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from .gateway import ROOT


def test_the_tutorial_works_as_it_is_written(tmp_path):
    readme = (ROOT / "README.md").read_text()
    tutorial = readme.split("## Ten minutes")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", tutorial, re.DOTALL)
    assert len(blocks) >= 6
    # The tutorial runs in the project's folder; here a copy of what it needs, so that its files litter nothing.
    for name in ("integration", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in (".tools", "target"):
        (tmp_path / name).symlink_to(ROOT / name)
    # What it builds is built already when this runs.
    script = "\n".join(["set -eu", *blocks, "kill %1 %2", "wait"]).replace("make filter command tools", ":")
    script = script.replace("8080", "18080").replace("tollgate run ", "tollgate run --listen 127.0.0.1:18080 ")
    ran = subprocess.run(
        ["bash", "-m", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, env={**os.environ, "NO_COLOR": "1"}
    )
    told = ran.stdout + ran.stderr
    assert ran.returncode == 0, told
    for expected in (
        "policy.yaml: ok",
        'did you mean "small"?',
        "Bearer sk-the-providers-key",
        "Bearer sk-the-next-key",
        '"param":"messages[0].role"',
        '"code":"model_not_allowed"',
        "configuration",
    ):
        assert expected in told, f"{expected!r} is missing in:\n{told}"
