"""The lowest versions that `make lowest` tests are those that the package admits."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOUND = re.compile(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)")


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def lowest_versions():
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def is_version_of(version, bound):
    """Whether a version, such as 1.2.0 or 1.2.*, is the bound but for what 1.2 leaves open."""
    return version == bound or re.fullmatch(rf"{re.escape(bound)}\.(0|\*)", version) is not None


def test_every_lowest_version_is_tested():
    extras = project()["optional-dependencies"]
    # Of CUDA there is no device, and what development alone needs may be of any age.
    required = [*project()["dependencies"]]
    for extra in extras.keys() - {"cuda", "dev"}:
        required += extras[extra]
    assert len(required) > 15
    for requirement in required:
        name, bound = BOUND.match(requirement).groups()
        assert is_version_of(lowest_versions()[name], bound), requirement


def test_nothing_else_is_held_down():
    every = sum(project()["optional-dependencies"].values(), project()["dependencies"])
    bounds = dict(BOUND.match(requirement).groups() for requirement in every)
    for name, version in lowest_versions().items():
        assert is_version_of(version, bounds[name]), name
