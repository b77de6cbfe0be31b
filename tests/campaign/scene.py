"""One city with its clients: they act until they are stopped, and faults strike meanwhile."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.campaign import oracle
from tests.campaign.calls import Caller, Endpoint
from tests.campaign.city import City, Machine
from tests.campaign.expected import Redeemed
from tests.campaign.journal import Journal
from tests.campaign.oracle import Findings, Witness
from tests.campaign.residents import ResidentClient
from tests.support.deadlines import WAIT_SECONDS

CLIENTS = 6
"""Residents who act at the same time."""
SUBJECT = "planted-{seed}-{number}-{client}"


class Scene:
    """A running city, its clients, their journal and the witness of its logs."""

    def __init__(self, machine: Machine, seed: int, number: int, folder: Path, processes: int) -> None:
        self.city = City(machine)
        self.seed, self.number = seed, number
        self.journal = Journal(folder / f"journal-{seed}-{number}.jsonl")
        self.redeemed, self.witness = Redeemed(), Witness(self.city)
        self.process_count = processes
        self.clients: list[ResidentClient] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.differences: list[str] = []
        """Contradictions that clients or a fault met."""
        self.findings: Findings | None = None
        """Set by a fault that compares for itself and ends the city."""
        self.recovered_seconds: float | None = None

    @contextmanager
    def recovery(self) -> Iterator[None]:
        """Measure the block as the time that the service took to recover."""
        began = time.monotonic()
        yield
        self.recovered_seconds = time.monotonic() - began

    async def begin(self) -> None:
        """Start the processes, and let every resident consent and be linked."""
        await asyncio.to_thread(self.city.start, self.process_count)
        bases = self.city.bases
        self.observer = Caller(Endpoint(bases), self.journal)
        for client in range(CLIENTS):
            subject = SUBJECT.format(seed=self.seed, number=self.number, client=client)
            caller = Caller(Endpoint(bases, client), self.journal)
            self.clients.append(ResidentClient(caller, self.redeemed, subject, random.Random(subject)))
        await asyncio.gather(*(client.settle_in() for client in self.clients))

    def act(self) -> None:
        """Let all clients act from now on."""
        for client in self.clients:
            client.stopping = False
            self.tasks.append(asyncio.create_task(client.run()))
        self.tasks.append(asyncio.create_task(self._watch()))

    async def _watch(self) -> None:
        """Observe the logs while clients act."""
        findings = Findings()
        while not self.clients[0].stopping:
            await self.witness.observe(self.observer, findings)
            if findings.broken:
                raise AssertionError(findings.broken)
            await asyncio.sleep(0.2)

    async def rest(self) -> list[str]:
        """Let every client finish its act; return the contradictions that they met."""
        for client in self.clients:
            client.stopping = True
        outcomes = await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()
        return [f"{type(outcome).__name__}: {outcome}" for outcome in outcomes if isinstance(outcome, BaseException)]

    async def until_acknowledged(self, writes: int, since: int | None = None) -> None:
        """Wait until so many more writes are acknowledged."""
        start = self.journal.acknowledged if since is None else since
        await self.until(lambda: self.journal.acknowledged >= start + writes)

    async def until(self, happened: Callable[[], bool], seconds: float = WAIT_SECONDS) -> bool:
        """Wait until something has happened; False when it has not within so many seconds."""
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline:
                return happened()
            for task in self.tasks:
                if task.done() and (error := task.exception()) is not None:
                    raise error
            await asyncio.sleep(0.01)
        return True

    async def check(self) -> Findings:
        """Compare the service with the journal while nobody acts."""
        findings = await oracle.check(self.city, self.observer, self.clients, self.redeemed)
        await self.witness.observe(self.observer, findings)
        return findings

    async def close(self) -> None:
        """End everything and delete the city; the journal stays until the campaign ends."""
        for client in self.clients:
            client.stopping = True
        for task in self.tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self.tasks, return_exceptions=True)
        for client in self.clients:
            await client.caller.close()
        if self.clients:
            await self.observer.close()
        self.journal.close()
        await asyncio.to_thread(self.city.close)
