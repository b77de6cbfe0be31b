"""Start `credit-easy serve` in a tenth of a second: a parent process imports the service once and forks for each start.

Run as `python -m tests.campaign.serving`. A line on standard input is a JSON object: `environment`, `arguments` of the
command line, `output` (file of the process's standard output and error), `armed` (file that arms a fault point),
`clock` (file with the microseconds by which the database's clock is off). The answer is a line with the process's id.
Everything else is as in production: the child runs the command itself.

The end of standard input is the end of the campaign, also of one that was killed: the parent kills its children and the
processes named by `{"guard": pid}`, unmounts and deletes the folders named by `{"remove": path}`, and ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

PARENT_DEATH_SIGNAL = 1
"""`PR_SET_PDEATHSIG` of prctl(2): the child is killed when its parent ends."""
INTEGRATE_SECONDS = 0.2
"""Between two rounds of the sequencer, so that a round of the campaign sees several checkpoints."""


def main() -> None:
    """Fork a process for each line of standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    import service.app
    import service.cli.main
    import service.runtime.server
    import service.web.routes  # noqa: F401

    children: list[int] = []
    guarded: list[int] = []
    folders: list[Path] = []
    try:
        for line in sys.stdin:
            order = json.loads(line)
            if "guard" in order:
                guarded.append(order["guard"])
            elif "remove" in order:
                folders.append(Path(order["remove"]))
            else:
                child = os.fork()
                if child == 0:
                    _serve(order)
                children.append(child)
                print(child, flush=True)
    finally:
        for pid in (*children, *guarded):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for folder in folders:
            remove(folder)


def remove(folder: Path) -> None:
    """Unmount what is mounted inside a folder and delete it."""
    for mounted in (Path("/proc/mounts").read_text() if Path("/proc/mounts").exists() else "").splitlines():
        place = mounted.split(" ")[1]
        if place.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", place], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def _serve(order: dict[str, Any]) -> None:
    """Run the command in this forked process; never returns."""
    try:
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(order["environment"])
        _arm(Path(order["armed"]))
        _move_clock(Path(order["clock"]))
        _integrate_often()
        sys.argv = ["credit-easy", *order["arguments"]]
        from service.cli.main import main as run_command_line

        run_command_line()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException as error:
        os.write(2, f"the command ended with {type(error).__name__}: {error}\n".encode())
        code = 70
    os._exit(code)


def _arm(file: Path) -> None:
    """End this process by SIGKILL at the point that the file names, `PID POINT NUMBER`, when it is reached so often."""
    from consent.kernel import fault_points
    from consent.kernel.fault_points import FaultPoint

    reached = 0

    def handler(point: FaultPoint) -> None:
        nonlocal reached
        try:
            pid, _, rest = file.read_text().partition(" ")
        except FileNotFoundError:
            return
        name, _, number = rest.rpartition(" ")
        if pid == str(os.getpid()) and name == point:
            reached += 1
            if reached >= int(number):
                os.kill(os.getpid(), signal.SIGKILL)

    fault_points.arm(handler)


def _move_clock(file: Path) -> None:
    """Add the microseconds that the file has, if there is one, to the database's clock at every reading."""
    from consent.database import queries

    clock_sql = queries.clock_sql

    def moved() -> str:
        try:
            return f"({clock_sql()} + {int(file.read_text())})"
        except FileNotFoundError:
            return clock_sql()

    queries.clock_sql = moved


def _integrate_often() -> None:
    """Shorten the pause between two rounds of the sequencer, which no setting changes."""
    from service import settings

    read = settings.read
    settings.read = lambda environment: replace(read(environment), integrate_seconds=INTEGRATE_SECONDS)


class Forks:
    """The parent process that forks."""

    def __init__(self) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, "-m", "tests.campaign.serving"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fork(self, environment: dict[str, str], arguments: list[str], output: Path, armed: Path, clock: Path) -> int:
        """Start the command and return its process id at once."""
        self._send(environment=environment, arguments=arguments, output=str(output), armed=str(armed), clock=str(clock))
        assert self.parent.stdout is not None
        return int(self.parent.stdout.readline())

    def guard(self, pid: int) -> None:
        """Have a process killed at the end, however the campaign ends."""
        self._send(guard=pid)

    def remove_at_the_end(self, folder: Path) -> None:
        """Have a folder deleted at the end, however the campaign ends."""
        self._send(remove=str(folder))

    def close(self) -> None:
        """End the parent process and all that it started."""
        assert self.parent.stdin is not None
        assert self.parent.stdout is not None
        with suppress(BrokenPipeError):
            self.parent.stdin.close()
        self.parent.wait()
        self.parent.stdout.close()

    def _send(self, **order: Any) -> None:
        assert self.parent.stdin is not None
        self.parent.stdin.write(json.dumps(order) + "\n")
        self.parent.stdin.flush()


if __name__ == "__main__":
    main()
