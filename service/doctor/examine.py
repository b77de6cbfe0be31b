"""`credit-easy doctor`: run every check, also after a failure, and name the first thing to do."""

from __future__ import annotations

from collections.abc import Callable

from service.doctor import database_checks, network_checks, own_checks
from service.doctor.examination import Check, Examination, failed
from service.storage import database

CHECKS: dict[str, Check] = {
    "settings": own_checks.settings,
    "sandbox": own_checks.sandbox,
    "key files": own_checks.key_files,
    "database": database_checks.reachable,
    "migrations": database_checks.migrations,
    "role": database_checks.role,
    "keys": database_checks.keys,
    "clock": database_checks.clock,
    "log folder": own_checks.log_folder,
    "redis": network_checks.redis,
    "identity provider": network_checks.identity_provider,
    "public address": own_checks.public_address,
    "proxies": own_checks.proxies,
    "collector": network_checks.collector,
}
"""Every check by its name in the report. A check may use what the checks before it have opened."""


async def examine(examination: Examination, show: Callable[[str], None]) -> bool:
    """Run the checks; show a line for each result, then what to do first. Return True if none failed."""
    first = ""
    try:
        for name, check in CHECKS.items():
            try:
                results = await check(examination)
            except Exception as error:  # a check that breaks must not hide those after it
                results = [failed(f"the check itself failed ({type(error).__name__})", "report this")]
            for result in results:
                show(result.line(name))
                if result.state == "failed" and not first:
                    first = f"{name}: {result.remedy}"
    finally:
        if examination.opened:
            await database.close_database()
    if first:
        show(f"first: {first}")
    return not first
