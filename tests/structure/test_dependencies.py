"""Dependencies: each has its reason in the docs, is locked with hashes, and has a licence that is allowed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from service.deployment import bill_of_materials

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DIRECT = [Requirement(line) for line in PROJECT["dependencies"]]
TELEMETRY = [Requirement(line) for line in PROJECT["optional-dependencies"]["telemetry"]]
ALLOWED: Final = frozenset(
    {"MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Apache-2.0", "PSF-2.0", "MPL-2.0", "MIT-CMU"}
)
"""SPDX identifiers of licences that a package of the production closure may have."""


def installed_before_a_change() -> bool:
    """Report whether this environment was installed before the dependencies in pyproject.toml changed."""
    stated = {canonicalize_name(requirement.name) for requirement in DIRECT}
    installed = map(Requirement, metadata.requires(PROJECT["name"]) or ())
    return stated != {canonicalize_name(needs.name) for needs in installed if "extra" not in str(needs.marker)}


current_environment = pytest.mark.skipif(
    installed_before_a_change(), reason="pyproject.toml has other dependencies now: pip install -e '.[test]'"
)


def locked(name: str = "requirements.lock") -> dict[str, list[tuple[Version, str | None, int]]]:
    """Return the versions of a lock file by package: version, marker, number of hashes."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    entries: dict[str, list[tuple[Version, str | None, int]]] = {}
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement = Requirement(line.partition(" --hash")[0])
            (version,) = [Version(specifier.version) for specifier in requirement.specifier]
            marker = None if requirement.marker is None else str(requirement.marker)
            entry = (version, marker, len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", line)))
            entries.setdefault(canonicalize_name(requirement.name), []).append(entry)
    return entries


def test_every_package_of_the_lock_has_hashes_alone() -> None:
    entries = locked()
    assert len(entries) > len(DIRECT)
    for name, versions in entries.items():
        assert all(hashes > 0 for _, _, hashes in versions), name
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(
        r"^\s*(-e|--index-url|--extra-index-url|--trusted-host|--find-links)|https?://|\bgit\+", text, re.M
    )


def test_the_extra_has_a_lock_of_its_own_and_adds_its_packages_alone() -> None:
    entries = locked("requirements-telemetry.lock")
    assert {canonicalize_name(requirement.name) for requirement in TELEMETRY} < entries.keys()
    assert not entries.keys() & locked().keys()
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for name, versions in entries.items():
        ((version, _, hashes),) = versions
        assert hashes > 0, name
        assert not version.is_prerelease, name
        (licence,) = re.findall(rf"^\| `{name}` \| ([\w.-]+) \|", page, re.M)
        assert licence in ("Apache-2.0", "MIT", "BSD-3-Clause"), name
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an installation without the extra
        assert bill_of_materials.license_of(package) == licence, name
    for requirement in TELEMETRY:
        ((version, _, _),) = entries[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version)


def test_every_dependency_is_locked_at_a_version_that_the_project_takes() -> None:
    entries = locked()
    for requirement in DIRECT:
        for version, _, _ in entries[canonicalize_name(requirement.name)]:
            assert requirement.specifier.contains(version, prereleases=True), requirement


def test_the_lock_has_what_its_packages_need() -> None:
    """Packages installed here at the locked version name their own needs; all of these are in the lock."""
    entries = locked()
    for name, versions in entries.items():
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another system
        if Version(package.version) not in {version for version, _, _ in versions}:
            continue
        for line in package.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in entries, (name, line)


@current_environment
def test_the_page_has_each_direct_dependency_with_its_licence_and_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w-]+) \| (.+?) \| (.+?) \|$", page, re.M)[1:]
    assert [name for name, _, _ in rows] == [canonicalize_name(requirement.name) for requirement in DIRECT]
    for name, licence, reason in rows:
        package = metadata.distribution(name)
        # A later version may write its licence in another way; the page describes the locked one.
        if Version(package.version) in {version for version, _, _ in locked()[name]}:
            assert bill_of_materials.license_of(package) == licence, name
        assert len(reason.split()) >= 4, name


def test_no_package_of_the_closure_has_another_licence() -> None:
    components = bill_of_materials.document()["components"]
    for component in components:
        package = metadata.distribution(component["name"])
        identifiers = set(re.split(r"\s+(?:AND|OR)\s+", re.sub(r"[()]", "", bill_of_materials.license_of(package))))
        assert identifiers <= ALLOWED, component["name"]
    assert {component["name"] for component in components} <= {*locked(), *locked("requirements-telemetry.lock")}


@current_environment
def test_the_bill_names_every_package_once_and_all_that_is_needed() -> None:
    bill = bill_of_materials.document()
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(references) == len(set(references))
    root = bill["metadata"]["component"]["bom-ref"]
    needed = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}
    assert {name for names in needed.values() for name in names} | {root} == {*references, root}
    here = {canonicalize_name(needs.name) for needs in DIRECT if needs.marker is None or needs.marker.evaluate()}
    extra = {canonicalize_name(needs.name) for needs in TELEMETRY}
    named = {reference.removeprefix("pkg:pypi/").partition("@")[0] for reference in needed[root]}
    assert named - extra == here
    for component in bill["components"]:
        assert component["version"] == metadata.version(component["name"])
        assert component["licenses"]


@pytest.mark.campaign
def test_the_lock_can_be_installed_by_its_hashes() -> None:
    """Download every package from the index and compare its hash; installs nothing."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--require-hashes"]
    done = subprocess.run([*command, "-r", "requirements.lock"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Would install" in done.stdout
