"""What others made and we run is fixed by a hash; only what must write can write."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINS = [
    "requirements.txt",
    "tests/notebooks/colab-requirements.txt",
    "tests/notebooks/colab-jax-requirements.txt",
]


@pytest.mark.parametrize("name", PINS)
def test_every_pin_has_hashes(name):
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / name).read_text(), flags=re.M)[1:]
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_commits_and_tokens_are_not_kept(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        writes = "write" in job.get("permissions", {}).values()
        for step in job["steps"]:
            if action := step.get("uses"):
                assert re.search("@[0-9a-f]{40}$", action), action
                if action.startswith("actions/checkout"):
                    assert step["with"]["persist-credentials"] is False
            # What may write runs nothing of this repository.
            assert not (writes and re.search(r"make |pip |\.ci/", step.get("run", "")))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_install_versions_that_are_named(path):
    """What a workflow installs by itself, beside the pins with hashes."""
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        for step in job["steps"]:
            for line in re.split(r"\n|&&|;", step.get("run", "")):
                if asked := re.search(r"\bpip3? install (.+)", line):
                    for word in asked[1].split():
                        assert re.search(r"==\d", word), line


def test_the_workflows_do_install_something():
    """Else the test above would look at nothing."""
    texts = "".join(path.read_text() for path in WORKFLOWS)
    assert set(re.findall(r"pip install (\S+)==", texts)) == {"uv", "pip-audit"}
