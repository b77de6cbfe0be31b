"""The command `token`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from service.cli.environment import DEMO_FOLDER, DemoDir, fail


def print_token(
    audience: Annotated[
        str, typer.Option("--audience", "--door", help="resident, venue, source, administrator, privacy or app")
    ],
    subject: Annotated[str, typer.Option()],
    data_dir: DemoDir = DEMO_FOLDER,
    birthdate: Annotated[str | None, typer.Option(help="YYYY-MM-DD, residents only")] = None,
    staff_id: Annotated[str | None, typer.Option(help="administrators and officers only")] = None,
    division: Annotated[list[str] | None, typer.Option(help="administrators and officers only, repeatable")] = None,
) -> None:
    """Print a token that the demo server on the same folder accepts."""
    from consent.kernel.civil_day import parse_civil_day
    from service.auth.access_tokens import Audience
    from service.demo import seed

    if not data_dir.is_dir():
        fail(f"{data_dir} is no demonstration folder; `credit-easy demo --data-dir {data_dir}` makes one")
    try:
        born = parse_civil_day(birthdate) if birthdate else None
        if birthdate and born is None:
            fail("--birthdate is a day that exists, written YYYY-MM-DD")
        token = seed.issuer_of(data_dir).mint(
            Audience(audience),
            subject,
            now=datetime.now(UTC),
            birthdate=born,
            staff_id=staff_id,
            divisions=division or None,
        )
    except ValueError as error:
        fail(str(error))
    typer.echo(token)
