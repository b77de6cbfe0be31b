"""Locks by name: transactions that count rows before they add one take turns."""

from __future__ import annotations

from consent.database import queries


async def acquire(name: str) -> None:
    """Wait until no other transaction has acquired the name; the running transaction has it until its end.

    Two names of one hash wait for each other too, which does no harm. On SQLite, transactions write in turns anyway.
    """
    if not queries.is_sqlite():
        await queries.fetch_one("SELECT pg_advisory_xact_lock(hashtext($1))", name)
