"""Several processes on one port: uvicorn's parent process, which replaces workers that die.

It ends with 0 only after a signal; with another exit code when no worker can start.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from service.observability import shared_counts
from service.observability.log_events import LogEvent
from service.observability.logging import log_event
from service.runtime import serving_process
from service.runtime.exit_codes import ExitCode

RESTART_SECONDS = 1.0
"""Pause before a process that never served is started again; doubled each time up to RESTART_SECONDS_MAX."""
RESTART_SECONDS_MAX = 30.0
START_SECONDS = 60.0
"""Longest wait for a new worker: a start takes two seconds, on a busy machine many times that."""
HANG_SECONDS = 20.0
"""Longest silence of a serving worker before it is replaced: a thread of its own answers, on a busy machine late."""
ANSWER_SECONDS = 1.0
"""Wait for one answer of a worker; short, since signals wait as long."""
FINAL_CODES = frozenset(
    {ExitCode.UNUSABLE, ExitCode.KEYS, ExitCode.ADDRESS, ExitCode.DATABASE_REFUSES, ExitCode.SCHEMA}
)
"""Exit codes of a worker after which a new one would fail in the same way; docs/settings.md lists them too."""
UNFORESEEN_MAX = 5
"""Failed starts in a row, for other reasons such as too little memory, that end the parent if no worker serves."""

Application = Callable[[], Starlette]


class Worker(Process):
    """One serving process, as its parent sees it. `slot` names its files of counts."""

    def __init__(
        self, application: Application, options: dict[str, Any], sockets: list[socket.socket], slot: int
    ) -> None:
        self.application, self.options, self.slot = application, options, slot
        self.counts: Path | None = None
        """The folder of shared counts; None where each process counts for itself."""
        self.served = False
        """Set once the process has answered that it listens."""
        self.answered_at = time.monotonic()
        """Monotonic time of the last answer, or of the start before the first one."""
        super().__init__(uvicorn.Config(application, factory=True, **options), sockets)

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve; runs in the new process."""
        threading.Thread(target=self.always_pong, daemon=True).start()
        try:
            if self.counts is not None:
                shared_counts.join(self.counts, self.slot)
            self._server = serving_process.build(self.application, self.options)
            serving_process.end_with_parent(self._server)
            serving_process.run(self._server, sockets or [])
        except Exception as error:
            failure = serving_process.as_start_failure(error)
            sys.stderr.write(f"{failure}\n")
            sys.exit(failure.code)

    def hangs(self) -> bool:
        """Ask the process whether it listens, and set `served`; return True if it has been silent for too long."""
        answer = self._healthcheck(ANSWER_SECONDS)
        if answer is not None:
            self.answered_at = time.monotonic()
            self.served = self.served or answer
        return time.monotonic() - self.answered_at > (HANG_SECONDS if self.served else START_SECONDS)

    def pong(self) -> None:
        """Answer one question of the parent: True when this process listens, False while it starts."""
        self.child_conn.recv()
        self.child_conn.send(self._server is not None and self._server.started)


class Workers(Multiprocess):
    """The parent of several workers. A worker that dies is replaced; SIGHUP replaces all, one after another."""

    def __init__(
        self, application: Application, options: dict[str, Any], count: int, sockets: list[socket.socket]
    ) -> None:
        super().__init__(uvicorn.Config(application, factory=True, workers=count, **options), sockets)
        self.application, self.options = application, options
        self.counts = shared_counts.create_folder()
        self.counts_short = False
        """True once the warning is logged that a worker has no space for shared counts."""
        self.failure: ExitCode | None = None
        """Exit code of this process once its workers cannot start."""
        self.failed_starts = 0
        """Starts in a row that failed while no worker served."""
        self.due: dict[int, float] = {}
        """Monotonic times at which the dead workers at these places are started again."""
        for number in (signal.SIGINT, signal.SIGTERM):
            # uvicorn 0.54 reads signals between two rounds, and replacing all workers is one round.
            signal.signal(number, lambda *_: self.should_exit.set())

    def serve(self) -> None:
        """Run until a signal; raise SystemExit with a code other than 0 where no worker can start."""
        self.init_processes()
        while not self.should_exit.wait(0.5):
            self.handle_signals()
            self.keep_subprocess_alive()
        for bound in self.sockets:
            bound.close()  # with the workers' own copies closed, the port is free while running requests end
        self.terminate_all()
        self.join_all()
        if self.counts is not None:
            shared_counts.remove_folder(self.counts)
        if self.failure is not None:
            raise SystemExit(self.failure)

    def init_processes(self) -> None:
        """Start the workers."""
        for _ in range(self.processes_num):
            self.processes.append(self._start_worker())  # one by one: each takes a slot that those before it have not

    def keep_subprocess_alive(self) -> None:
        """Replace workers that died or hang; give up when none serves and a new one would fail in the same way."""
        for index, worker in enumerate(self.workers):
            if self.should_exit.is_set():
                return
            if index in self.due:
                if time.monotonic() >= self.due[index]:
                    del self.due[index]
                    self.processes[index] = self._start_worker()
                continue
            served_before = worker.served
            if not worker.process.is_alive() or worker.hangs():
                self._replace(index, worker)
            elif worker.served and not served_before:
                self.failed_starts = 0

    def restart_all(self) -> None:
        """Replace each worker, at SIGHUP; the new one serves before the old one ends."""
        for index, old in enumerate(self.workers):
            if self.should_exit.is_set():
                return
            new = self._start_worker()
            if not new.wait_until_ready(START_SECONDS, self.should_exit):
                new.kill()
                new.join()
                if not self.should_exit.is_set():
                    log_event(LogEvent.WORKER_NOT_REPLACED)
                return
            new.served = True
            old.terminate()
            old.join()
            self.due.pop(index, None)
            self.processes[index] = new
            log_event(LogEvent.WORKER_REPLACED)

    def handle_ttin(self) -> None:
        """Start one more worker, at SIGTTIN."""
        self.processes_num += 1
        self.processes.append(self._start_worker())

    @property
    def workers(self) -> list[Worker]:
        """The workers, dead ones that wait for their replacement included."""
        return [worker for worker in self.processes if isinstance(worker, Worker)]

    def _replace(self, index: int, worker: Worker) -> None:
        worker.kill()
        worker.join()
        code = worker.exitcode
        log_event(LogEvent.WORKER_ENDED, exit_code=code or 0)
        others_serve = any(other.served and other.process.is_alive() for other in self.workers if other is not worker)
        if worker.served:
            self.due[index] = 0.0
            return
        self.failed_starts += 1
        pause = min(RESTART_SECONDS * 2 ** (self.failed_starts - 1), RESTART_SECONDS_MAX)
        self.due[index] = time.monotonic() + pause
        if others_serve:
            return
        if code in FINAL_CODES:
            self.failure = ExitCode(code)
        elif self.failed_starts >= UNFORESEEN_MAX:
            self.failure = ExitCode.UNFORESEEN
        if self.failure is not None:
            self.should_exit.set()

    def _start_worker(self) -> Worker:
        """Start a worker with the lowest free slot of counts."""
        taken = {worker.slot for worker in self.workers if worker.process.is_alive()}
        slot = next(number for number in range(len(taken) + 1) if number not in taken)
        worker = Worker(self.application, self.options, self.sockets, slot)
        if self.counts is not None and shared_counts.reserve(self.counts, slot):
            worker.counts = self.counts
        if worker.counts is None and not self.counts_short:
            self.counts_short = True
            log_event(LogEvent.COUNTS_NOT_SHARED)
        worker.start()
        return worker
