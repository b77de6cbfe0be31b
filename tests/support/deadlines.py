"""Deadlines of tests, so generous that only what hangs reaches them: a test passes on a slow and busy machine as well.

Nothing asserts how long something took; `loadtests/benchmarks` measures.
"""

from __future__ import annotations

import ssl
from typing import Final

WAIT_SECONDS = 120
"""Until a process is ready or has ended, a request is answered, or what a test waits for has happened. A start of the
service takes two seconds of CPU; with eight runnable processes on two cores and a cold disk it took half a minute."""
PROBE_SECONDS = 10
"""For one request that asks whether a process is ready; it is sent again until WAIT_SECONDS are over."""
POLL_SECONDS = 0.05
"""Between two checks of what a test waits for."""
NO_CERTIFICATES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that ask an `http://` address again and again: each would load the machine's certificates, which takes
30 ms of the processor that the starting server needs. It trusts nobody."""
