"""Sending of traces and metrics to an OpenTelemetry collector: OTLP over HTTP, protobuf (extra `telemetry`).

A request only adds its span to a queue; a task of the event loop sends. A message that fails is tried again, then
lost and counted: no request waits for a collector or fails because of it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from http import HTTPStatus
from typing import NoReturn

import httpx2

from service.observability import metrics, otlp, shared_counts
from service.observability.log_events import LogEvent
from service.observability.logging import log_event
from service.observability.otlp import Sender
from service.observability.tracing import Tracer

SEND_SECONDS = 5.0
"""Between two rounds, in each of which the waiting spans are sent; the usual pause of OpenTelemetry's own libraries."""
METRICS_SECONDS = 60.0
"""Between two messages of metrics, which are the whole registry; OpenTelemetry's usual pause."""
BATCH_SPANS = 512
"""Spans of one message, some 60 kB."""
WAIT_SECONDS = 5.0
"""Longest wait for a collector's answer."""
STOP_SECONDS = 3.0
"""Longest wait at the end of the process for what is left to be sent, apart from the time of running requests."""
RETRYABLE = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""Answers after which OTLP wants the same message again; after any other error it is dropped."""
PROTOBUF = {"content-type": "application/x-protobuf"}


async def try_collector(endpoint: str, seconds: float) -> str | None:
    """Send a message without spans to a collector; return the error, None if it was taken within `seconds`."""
    client = httpx2.AsyncClient(timeout=seconds, follow_redirects=False, trust_env=False)
    try:
        async with asyncio.timeout(seconds), client:
            answer = await client.post(f"{endpoint.rstrip('/')}/v1/traces", content=b"", headers=PROTOBUF)
    except (httpx2.HTTPError, TimeoutError, OSError) as error:
        return type(error).__name__
    return None if answer.is_success else f"status {answer.status_code}"


class NotSent(Exception):
    """A message was not accepted. `again`: the collector may take it later."""

    def __init__(self, error: str, *, again: bool) -> None:
        super().__init__(error)
        self.error, self.again = error, again


class Telemetry:
    """The sender of a process. `endpoint`: the collector's base URL; `ratio`: share of requests that are traced."""

    def __init__(self, endpoint: str, ratio: float, version: str) -> None:
        self.tracer = Tracer(ratio)
        self._endpoint = endpoint.rstrip("/")
        counts = shared_counts.shared()
        started_ns = metrics.STARTED_NS if counts is None else counts.started_ns
        self._sender = Sender(version, secrets.token_hex(8) if counts is None else counts.instance, started_ns)
        self._counts = counts
        self._client: httpx2.AsyncClient | None = None
        self._measured: float | None = None
        """Monotonic time of the last message of metrics; None before the first."""

    async def keep_sending(self, every_seconds: float = SEND_SECONDS) -> NoReturn:
        """Send the waiting spans every `every_seconds`, and the metrics every METRICS_SECONDS, until cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.send_spans()
                if self._measured is None or time.monotonic() - self._measured >= METRICS_SECONDS:
                    await self.send_metrics()
            except Exception as error:  # a full disk of counts, a certificate file that cannot be read
                log_event(LogEvent.TELEMETRY_NOT_SENT, signal="all", error=type(error).__name__)

    async def stop(self) -> None:
        """Send what is left within STOP_SECONDS, then close the connection; what remains is lost."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.send_spans()
                await self.send_metrics()
        except Exception as error:
            log_event(LogEvent.TELEMETRY_NOT_SENT, signal="all", error=type(error).__name__)
        finally:
            if self._client is not None:
                await self._client.aclose()
            if self._counts is not None:
                self._counts.release()

    async def send_spans(self) -> None:
        """Send all waiting spans in messages of BATCH_SPANS; keep them for the next round where that may succeed."""
        while spans := self.tracer.take(BATCH_SPANS):
            try:
                await self._send("traces", otlp.traces(self._sender, spans))
            except NotSent as failed:
                log_event(LogEvent.TELEMETRY_NOT_SENT, signal="traces", error=failed.error)
                if failed.again:
                    self.tracer.put_back(spans)
                else:
                    self.tracer.lost += len(spans)
                break
            except asyncio.CancelledError:
                self.tracer.put_back(spans)
                raise
        metrics.count_lost_spans(self.tracer.take_lost())

    async def send_metrics(self) -> None:
        """Send the metrics, the sum over all processes of this `serve`; of several processes one does."""
        if self._counts is not None and not self._counts.claim():
            return
        self._measured = time.monotonic()
        families = await asyncio.to_thread(lambda: list(metrics.registry().collect()))
        try:
            await self._send("metrics", otlp.measurements(self._sender, families, time.time_ns()))
        except NotSent as failed:
            # The next message has the same counts again, so nothing is lost.
            log_event(LogEvent.TELEMETRY_NOT_SENT, signal="metrics", error=failed.error)

    async def _send(self, signal: str, message: bytes) -> None:
        """POST a message to `/v1/<signal>`; raises NotSent."""
        if self._client is None:
            # Made here, because it belongs to the event loop that first uses it. No proxies of the environment.
            self._client = httpx2.AsyncClient(timeout=WAIT_SECONDS, follow_redirects=False, trust_env=False)
        try:
            answer = await self._client.post(f"{self._endpoint}/v1/{signal}", content=message, headers=PROTOBUF)
        except httpx2.HTTPError as error:
            raise NotSent(type(error).__name__, again=True) from None
        if not answer.is_success:
            raise NotSent(f"status {answer.status_code}", again=answer.status_code in RETRYABLE)
