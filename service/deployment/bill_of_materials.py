"""The software bill of materials of this installation: CycloneDX 1.6, from the metadata of the installed packages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from importlib.metadata import Distribution
from types import MappingProxyType
from typing import Any, Final

PROJECT: Final = "credit-easy-plus"
SPDX_OF_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "3-Clause BSD License": "BSD-3-Clause",
        "Apache License 2.0": "Apache-2.0",
        "Apache Software License": "Apache-2.0",
        "BSD License": "BSD-3-Clause",
        "BSD license (see license.txt for details), Copyright (c) 2000-2025, ReportLab Inc.": "BSD-3-Clause",
        "ISC License": "ISC",
        "ISC License (ISCL)": "ISC",
        "MIT License": "MIT",
    }
)
"""SPDX identifiers of names that packages without a License-Expression (PEP 639) use."""
EXTRAS: Final = frozenset({"telemetry"})
"""Extras of production, whose packages are in the bill where they are installed."""
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?([^;]*)(?:;(.*))?$")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def document() -> dict[str, Any]:
    """Return the bill: this project, every package that it needs, and which needs which. The same for every run."""
    packages, needs = _closure()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**_component(metadata.distribution(PROJECT)), "type": "application"}},
        "components": [_component(package) for name, package in sorted(packages.items()) if name != PROJECT],
        "dependencies": [
            {"ref": _ref(packages[name]), "dependsOn": sorted(_ref(packages[other]) for other in others)}
            for name, others in sorted(needs.items())
        ],
    }


def license_of(package: Distribution) -> str:
    """Return the SPDX expression of a package's licence, or its own words where they are none; "" without any.

    A License-Expression goes before the short License field, and that before the classifiers.
    """
    members = package.metadata
    if "License-Expression" in members:
        return members["License-Expression"]
    short = members["License"].strip() if "License" in members else ""
    classifiers = [str(line) for line in members.get_all("Classifier") or [] if str(line).startswith("License ::")]
    named = [short] if short and "\n" not in short else [line.rpartition("::")[2].strip() for line in classifiers]
    return " OR ".join(dict.fromkeys(SPDX_OF_NAMES.get(name, name) for name in named))


def canonical_name(name: str) -> str:
    """Return a package's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _closure() -> tuple[dict[str, Distribution], dict[str, set[str]]]:
    """Return the installed packages that the project needs, itself included, and the names that each one needs."""
    packages: dict[str, Distribution] = {}
    needs: dict[str, set[str]] = {}
    waiting: list[tuple[str, frozenset[str]]] = [(PROJECT, EXTRAS)]
    while waiting:
        name, extras = waiting.pop()
        try:
            package = packages.setdefault(name, metadata.distribution(name))
        except metadata.PackageNotFoundError:  # needed on another system or version of Python alone
            continue
        known = needs.setdefault(name, set())
        for other, other_extras in _requirements(package, extras):
            if other not in known:
                known.add(other)
                waiting.append((other, other_extras))
    return packages, {name: {other for other in others if other in packages} for name, others in needs.items()}


def _requirements(package: Distribution, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the packages, with their extras, that a package needs when it is installed with `extras`."""
    for line in package.requires or ():
        match = _REQUIREMENT.match(line)
        if match is None:
            continue
        condition = _EXTRA.search(match[4] or "")
        if condition is None or condition[1] in extras:
            chosen = frozenset(filter(None, re.split(r"[,\s]+", match[2] or "")))
            yield canonical_name(match[1]), chosen


def _ref(package: Distribution) -> str:
    return f"pkg:pypi/{canonical_name(package.name)}@{package.version}"


def _component(package: Distribution) -> dict[str, Any]:
    licence = license_of(package)
    choice = {"expression": licence} if re.fullmatch(r"[\w.() +-]+", licence) else {"license": {"name": licence}}
    return {
        "type": "library",
        "bom-ref": _ref(package),
        "name": canonical_name(package.name),
        "version": package.version,
        "purl": _ref(package),
        **({"licenses": [choice]} if licence else {}),
    }
