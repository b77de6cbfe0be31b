"""Commands about one person or member of staff: `erase`, `change-subject`, `replay-tombstones`, `suspend-staff`."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from service.cli.environment import DataDir, app_context, fail, read_settings, run_with_database


def replay_tombstones(data_dir: DataDir = None) -> None:
    """Withdraw and erase again what the tombstones list, after an older copy of the database was restored."""
    from service.compliance import replay

    context = app_context(read_settings(data_dir))
    done = run_with_database(context.settings, lambda: replay.replay_tombstones(context, from_the_start=True))
    typer.echo(f"{done.read} read, {done.withdrawn} consents withdrawn, {done.erased} persons erased")


def erase(
    subject: Annotated[str, typer.Option(help="the person's sub, as the identity provider knows it")],
    data_dir: DataDir = None,
) -> None:
    """Erase somebody who cannot log in (a request at the counter, a death) and print the signed receipt."""
    from consent.database import queries
    from service.compliance import full_erasure

    context = app_context(read_settings(data_dir))

    async def work() -> dict[str, object] | None:
        async with context.tombstones.transaction():
            at = await queries.now()
            leaf_hash = await full_erasure.erase_subject(context, subject, at)
        return None if leaf_hash is None else full_erasure.signed_receipt(context, leaf_hash, at)

    receipt = run_with_database(context.settings, work)
    if receipt is None:
        fail("nobody of this subject is known here")
    typer.echo(orjson.dumps(receipt, option=orjson.OPT_INDENT_2).decode())


def change_subject(
    old: Annotated[str, typer.Option()],
    new: Annotated[str, typer.Option()],
    data_dir: DataDir = None,
) -> None:
    """Attach a person's data to the new sub that the identity provider has given them."""
    from consent import persons
    from consent.database import queries
    from consent.kernel.errors import DomainError

    chosen = read_settings(data_dir)

    async def work() -> None:
        async with queries.transaction():
            await persons.change_subject(chosen.keyring, old, new)

    try:
        run_with_database(chosen, work)
    except DomainError as error:
        fail(str(error))
    typer.echo("done")


def suspend_staff(
    staff_id: Annotated[str, typer.Argument()],
    resume: Annotated[bool, typer.Option(help="let them in again")] = False,
    data_dir: DataDir = None,
) -> None:
    """Refuse a member of staff from the next request on."""
    from consent.database import queries
    from consent.oversight import staff

    async def work() -> bool:
        async with queries.transaction():
            return await (staff.resume if resume else staff.suspend)(staff_id, await queries.now())

    done = run_with_database(read_settings(data_dir), work)
    typer.echo("done" if done else "nothing to do")
