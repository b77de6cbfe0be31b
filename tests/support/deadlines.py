"""Deadlines of tests, so generous that only what hangs reaches them: a test passes on a slow and busy machine as well.

Nothing asserts how long something took; `loadtests/benchmarks` measures.
"""

from __future__ import annotations

WAIT_SECONDS = 120
"""Until a process is ready or has ended, a request is answered, or what a test waits for has happened. A start of the
service takes two seconds of CPU; with eight runnable processes on two cores and a cold disk it took half a minute."""
PROBE_SECONDS = 10
"""For one request that asks whether a process is ready; it is sent again until WAIT_SECONDS are over."""
POLL_SECONDS = 0.05
"""Between two checks of what a test waits for."""
