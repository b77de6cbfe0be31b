"""Steps of `serve` after its settings are read and before its first process serves: bind the ports, check the database.

A mistake in the settings ends the start. A database that does not answer does not.
"""

from __future__ import annotations

import errno
import socket
import time

from service.observability.log_events import LogEvent
from service.observability.logging import log_event
from service.runtime.exit_codes import ExitCode, StartFailed
from service.runtime.serving_process import as_start_failure
from service.settings import Settings

BIND_WAIT_SECONDS = 5.0
"""Longest wait for a port in use: the processes of a parent that was killed stop listening within a second or two."""
BIND_RETRY_SECONDS = 0.1
PUBLIC_OPTIONS = "--host and --port"
UNUSABLE_ADDRESS = "is no usable address; correct {}"
ADDRESS_ERRORS = {
    errno.EADDRINUSE: "is in use by another program; stop it or change {}",
    errno.EACCES: "needs more rights; choose a port from 1024 on in {}, or grant CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "is no address of this machine; correct {}",
}
"""Reasons by errno; the braces are replaced by the setting to change."""


def bind(host: str, port: int, setting: str = PUBLIC_OPTIONS) -> socket.socket:
    """Return a TCP socket bound to the address, not yet listening; StartFailed where it cannot be bound.

    `setting` is named in the error: the operator changes the address there.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    deadline = time.monotonic() + BIND_WAIT_SECONDS
    while True:
        try:
            bound.bind((host, port))
        except (OSError, OverflowError) as error:
            number = getattr(error, "errno", None)
            if number == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(BIND_RETRY_SECONDS)
                continue
            bound.close()
            reason = ADDRESS_ERRORS.get(number or 0, UNUSABLE_ADDRESS).format(setting)
            raise StartFailed(ExitCode.ADDRESS, f"{host} port {port} {reason}") from None
        bound.set_inheritable(True)
        return bound


async def check_database(settings: Settings) -> None:
    """Compare the database with the settings, once, before anything is served.

    A database that does not answer is logged only: the service starts, answers 503 and connects later. So is a missing
    PUBLIC_URL where passes of other cities count.

    Raises:
        StartFailed: the database refuses the connection, lacks migrations or knows other keys, or the log folder is
            another database's.
    """
    from consent.database import queries
    from consent.transparency import log_folder
    from service.compliance import key_fingerprints, pass_addresses
    from service.storage import database

    try:
        await database.open_database(settings.database_url)
        await database.require_migrations()
        await key_fingerprints.require_known(settings)
        await log_folder.require(settings.publisher)
        if settings.public_url is None and await pass_addresses.need_public_url(await queries.now()):
            log_event(LogEvent.PUBLIC_URL_NOT_SET)
    except Exception as error:
        failed = as_start_failure(error)
        if failed.code is not ExitCode.DATABASE_AWAY:
            raise failed from None
        log_event(LogEvent.DATABASE_AWAY_AT_START)
    finally:
        await database.close_database()
