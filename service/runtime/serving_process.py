"""One serving process: uvicorn's server, which reports a failed start in one line and ends when its parent dies."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.lifespan.on import LifespanOn

from consent.transparency.log_folder import WrongFolder
from service.observability.log_events import LogEvent
from service.observability.logging import log_event
from service.runtime.exit_codes import ExitCode, StartFailed
from service.settings import SettingsInvalid

if TYPE_CHECKING:
    from service.runtime.operations import OperationsListener


ACCEPTED_SECONDS = 0.05
"""Time in which accepted connections are made, after which no new one can come."""


class ReportingLifespan(LifespanOn):
    """uvicorn's lifespan, which stores the error of a failed start in `failure`; uvicorn 0.54 logs a traceback."""

    failure: BaseException | None = None

    async def main(self) -> None:
        """Run the application's start and stop; never raises."""
        try:
            await self.config.loaded_app(
                {"type": "lifespan", "asgi": {"version": self.config.asgi_version, "spec_version": "2.0"}, "state": {}},
                self.receive,
                self.send,
            )
        except BaseException as error:
            self.failure = error
            self.error_occurred = self.startup_failed = True
        finally:
            self.startup_event.set()
            self.shutdown_event.set()

    async def send(self, message: Any) -> None:
        """Take the application's answer without its text, which is a traceback."""
        message["message"] = ""
        await super().send(message)


class ServingProcess(uvicorn.Server):
    """uvicorn's server; `startup` raises StartFailed where uvicorn would exit."""

    def __init__(self, config: uvicorn.Config, application: Starlette, options: dict[str, Any]) -> None:
        super().__init__(config)
        self.application, self.options = application, options
        self.operations_socket: socket.socket | None = None
        """The bound socket of the operations address; None without one."""
        self.operations_listener: OperationsListener | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the database, then listen, at the operations address too."""
        try:
            await super().startup(sockets)
            if self.operations_socket is not None:
                await self._listen_for_operators(self.operations_socket)
        except SystemExit:
            failure = getattr(self.lifespan, "failure", None)
            raise as_start_failure(failure or RuntimeError("the application did not start")) from None
        except OSError as error:
            raise StartFailed(ExitCode.ADDRESS, f"the port cannot be listened on ({type(error).__name__})") from None

    async def _listen_for_operators(self, bound: socket.socket) -> None:
        # Imported here: a worker must count into its slot before the metrics exist.
        from service.runtime.operations import OperationsListener

        self.operations_listener = OperationsListener(self.application.state.app_context, bound, self.options)
        await self.operations_listener.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish requests, those of open connections too; close the database, then the operations address."""
        for listener in self.servers:
            listener.close()
        # A connection that is accepted in this turn of the loop is made in one of the next: it is drained as well.
        await asyncio.sleep(ACCEPTED_SECONDS)
        await super().shutdown(sockets)
        if self.operations_listener is not None:
            await self.operations_listener.stop()


def as_start_failure(error: BaseException) -> StartFailed:
    """Return any error of a start as StartFailed: one line for the operator, and the exit code."""
    if isinstance(error, StartFailed):
        return error
    if isinstance(error, SettingsInvalid):
        return StartFailed(ExitCode.UNUSABLE, str(error))
    if isinstance(error, WrongFolder):
        return StartFailed(ExitCode.UNUSABLE, f"CREDIT_EASY_LOG_FOLDER: {error}")
    from consent.database.migrate import MigrationChanged, MigrationsMissing
    from service.compliance.key_fingerprints import KeyMismatch
    from service.storage import connection_failures

    if isinstance(error, MigrationChanged | MigrationsMissing):
        return StartFailed(ExitCode.SCHEMA, str(error))
    if isinstance(error, KeyMismatch):
        return StartFailed(ExitCode.KEYS, str(error))
    if failure := connection_failures.explain(error):
        code = ExitCode.DATABASE_AWAY if failure.heals else ExitCode.DATABASE_REFUSES
        return StartFailed(code, f"CREDIT_EASY_DATABASE_URL: {failure.reason}")
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    raised_at = f" at {traceback.tb_frame.f_code.co_name}:{traceback.tb_lineno}" if traceback is not None else ""
    return StartFailed(ExitCode.UNFORESEEN, f"the start failed: {type(error).__name__}{raised_at}; please report this")


def build(application: Callable[[], Starlette], options: dict[str, Any]) -> ServingProcess:
    """Return a server for an application; raises StartFailed where the application cannot be made."""
    created: list[Starlette] = []

    def make() -> Starlette:
        created.append(application())
        return created[0]

    config = uvicorn.Config(make, factory=True, **options)
    try:
        config.load()
    except Exception as error:
        raise as_start_failure(error) from None
    config.lifespan_class = ReportingLifespan
    if created[0].state.app_context.telemetry is not None:
        # Imported here: without traces nothing is around the application.
        from service.runtime.trusted_traces import trust_traces

        trust_traces(config)
    return ServingProcess(config, created[0], options)


def end_with_parent(server: uvicorn.Server) -> None:
    """Stop the server as by SIGTERM when the process that started this one has died.

    Without it the processes of a parent that was killed would keep the port, and the next start could not have it.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def wait() -> None:
        connection.wait([sentinel])
        log_event(LogEvent.PARENT_DIED)
        server.should_exit = True

    threading.Thread(target=wait, name="parent", daemon=True).start()


def take_no_reload() -> None:
    """Ignore SIGHUP in a process that serves, which would end it with its running requests.

    The parent of several workers replaces them at SIGHUP. A process without a parent logs that it cannot.
    """
    if not hasattr(signal, "SIGHUP"):  # Windows
        return
    if multiprocessing.parent_process() is not None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return
    signal.signal(signal.SIGHUP, lambda *_: log_event(LogEvent.RELOAD_IGNORED))


def run(server: ServingProcess, sockets: list[socket.socket]) -> None:
    """Serve until a signal; raises StartFailed.

    `sockets`: the bound socket of the public address, then that of the operations address, if there is one.
    """
    server.operations_socket = sockets[1] if len(sockets) > 1 else None
    take_no_reload()
    # uvicorn 0.54 raises SIGTERM again once it has stopped: by the default action the process would not end with 0.
    signal.signal(signal.SIGTERM, server.handle_exit)
    with suppress(KeyboardInterrupt):  # uvicorn 0.54 raises SIGINT again once it has stopped
        server.run(sockets[:1])
