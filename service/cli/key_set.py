"""`key-set`: the hash by which a city pins another city's keys."""

from __future__ import annotations

from pathlib import Path

import typer

from service.cli.environment import fail


def print_key_set(file: Path) -> None:
    """Print the SHA-256 of a key set, for a document of the kind `issuers`; FILE has the answer of jwt-vc-issuer.

    Nothing is fetched: an officer compares the hash with the one that the other city says by another way.
    """
    from benefits.passes import issuers, jose
    from benefits.passes.refusals import PassRefused

    try:
        document = file.read_bytes()
        issuer = issuers.read_metadata(document, str(jose.read_json(document).get("issuer")))
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    except PassRefused as refused:
        fail(f"{file} is no issuer metadata: {refused}")
    typer.echo(f"{issuer.url} {issuers.key_set_sha256(issuer.keys)}")
