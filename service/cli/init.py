"""The command `init`: the folder of a new city."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.environment import fail

if TYPE_CHECKING:
    from service.deployment.plan import IdentityProviderPlan

INSTALLED = "/opt/credit-easy/bin/credit-easy"
"""The path of the command as docs/how-to/start-a-city.md installs it."""


def init(
    folder: Annotated[Path, typer.Argument(help="the city's folder, such as /etc/credit-easy; made if it is missing")],
    host: Annotated[str, typer.Option(help="the host name under which the city is reached, such as city.example")],
    database_url: Annotated[
        str | None, typer.Option(help="postgres://ROLE@HOST:PORT/DATABASE; credit_easy on this machine unless given")
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(help="the identity provider's issuer; its endpoints are read from its own metadata")
    ] = None,
    division: Annotated[
        str | None, typer.Option(help="the city's code by GB/T 2260, such as 2101, for the starter catalogue")
    ] = None,
    port: Annotated[int, typer.Option(help="the port on this machine, behind the proxy", min=1, max=65_535)] = 8000,
) -> None:
    """Write keys, settings, units, containers, proxy and roles for a new city. Nothing is overwritten."""
    from service.auth.access_tokens import CITY_ZONE
    from service.deployment import city_folder
    from service.deployment.plan import CityPlan, PlanInvalid, plan_database

    try:
        plan = CityPlan(
            folder.absolute(),
            host,
            plan_database(database_url),
            _provider(issuer),
            _program(),
            datetime.now(CITY_ZONE).year,
            division,
            port,
        )
        written = city_folder.write_city_folder(plan)
    except (PlanInvalid, city_folder.FolderInUse) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or folder}: {error.strerror}; nothing serves from a folder that is not complete")
    for path in written:
        typer.echo(f"wrote {path}")
    typer.echo((plan.folder / "NEXT-STEPS.md").read_text(encoding="utf-8"))


def _provider(issuer: str | None) -> IdentityProviderPlan:
    from service.deployment import identity_provider_metadata

    if issuer is None:
        return identity_provider_metadata.guess_identity_provider(None)
    try:
        return identity_provider_metadata.read_identity_provider(issuer)
    except identity_provider_metadata.MetadataUnavailable as error:
        typer.echo(f"--issuer: {error}. Its endpoints are guesses, marked FILL IN", err=True)
        return identity_provider_metadata.guess_identity_provider(issuer)


def _program() -> str:
    """Return the path of the command that runs now, if it is an installed one."""
    installed = Path(sys.executable).with_name("credit-easy")
    return str(installed) if installed.exists() else INSTALLED
