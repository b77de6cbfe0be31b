"""The number of open files that the system gives this process, of which every connection is one."""

from __future__ import annotations

import sys

RESERVED_FILES = 200
"""Files for all else: the database (SQLite, or its pool), Redis, keys, logs, libraries."""
CONNECTIONS_MIN = 20
"""Connections that are allowed under any limit of files."""


def files_for(connections: int) -> int:
    """Raise this process's limit of open files as far as allowed; return how many connections fit, at most those asked.

    A process without free files could open no database file and no key; it must refuse connections before that.
    """
    if sys.platform == "win32":  # it has no such limit
        return connections
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + RESERVED_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return connections
    return min(connections, max(CONNECTIONS_MIN, soft - RESERVED_FILES))
