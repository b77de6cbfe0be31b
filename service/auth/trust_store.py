"""The certificate authorities that this machine trusts, for the few addresses that the service fetches."""

from __future__ import annotations

import functools
import ssl


@functools.cache
def trust_store() -> ssl.SSLContext:
    """Return the machine's trust store (with SSL_CERT_FILE); cached, because loading it takes tens of milliseconds."""
    return ssl.create_default_context()
