"""The database's address: `sqlite:///path`, or PostgreSQL's URL with the parameters that libpq names.

A parameter that is not understood is refused by name: a misspelt `sslmode` must not connect without encryption.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

SCHEMES = frozenset({"postgres", "postgresql"})
PORT = 5432
"""The port of a server whose address names none."""
Address = tuple[str, int]
"""Host (a name, an IP address or the folder of a socket) and port of one server."""

TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
TLS_NAMES = frozenset({*TLS_FILES, "sslmode", "sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version"})
"""Parameters that asyncpg reads from a DSN, and from them makes the TLS context of every new connection."""
PLACE_NAMES = frozenset({"host", "port", "user", "password", "dbname"})
"""Parameters that stand in the URL's path as well."""
WRITING = frozenset({"read-write", "primary"})
"""Values of target_session_attrs with which the service can work: it writes on every connection."""
PARAMETERS: Mapping[str, tuple[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "connect_timeout": ("timeout", float),
        "application_name": ("application_name", str),
        "passfile": ("passfile", str),
        "maxsize": ("maxsize", int),
        "minsize": ("minsize", int),
        "schema": ("schema", str),
        "command_timeout": ("command_timeout", float),
        "statement_cache_size": ("statement_cache_size", int),
        "max_cached_statement_lifetime": ("max_cached_statement_lifetime", int),
        "max_cacheable_statement_size": ("max_cacheable_statement_size", int),
    }
)
"""Further parameters: the name of each in asyncpg or Tortoise, and its type. The first three are libpq's."""


class DatabaseUrlInvalid(ValueError):
    """The URL cannot be used; the message names the parameter, never its value."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The pieces of a PostgreSQL URL, not decoded yet, and its parameters."""

    userinfo: str
    hosts: str
    database: str
    parameters: dict[str, str]


def is_sqlite(url: str) -> bool:
    """Report whether a URL names an SQLite file."""
    return url.startswith("sqlite:")


def arguments(url: str) -> dict[str, Any]:
    """Return Tortoise's arguments for a PostgreSQL URL: place, login, TLS (`dsn`), and `addresses` of several servers.

    As in libpq, `postgres://user@one:5432,two:5433/city` and `postgres:///city?host=one,two` name two servers, one of
    which is the primary. User, password, database and hosts are percent-decoded. Without a password asyncpg reads
    `passfile`, `PGPASSFILE` or `~/.pgpass`.

    Raises:
        DatabaseUrlInvalid: a parameter is unknown or has no usable value, or a file that it names cannot be read.
    """
    parts = _split(url)
    given = parts.parameters
    user, _, password = parts.userinfo.partition(":")
    addresses = _addresses(parts.hosts, given)
    host, port = addresses[0] if addresses else (None, PORT)
    result: dict[str, Any] = {
        "host": host,
        "port": port,
        "user": unquote(user) or given.get("user"),
        "password": unquote(password) or given.get("password") or None,
        "database": unquote(parts.database) or given.get("dbname"),
        "addresses": addresses if len(addresses) > 1 else (),
    }
    for name, (argument, kind) in PARAMETERS.items():
        if name in given:
            result[argument] = _converted(name, kind, given[name])
    if given.get("target_session_attrs", "read-write") not in WRITING:
        raise DatabaseUrlInvalid("target_session_attrs must be read-write or primary: the service writes")
    _require_private("passfile", given.get("passfile"))
    if tls := _tls(given):
        result["dsn"] = f"postgresql:///?{urlencode(tls, quote_via=quote)}"
    return result


def _split(url: str) -> _Parts:
    """Split a URL at its first marks; a password may contain any character but `/` and `?`, or be percent-encoded."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise DatabaseUrlInvalid("it begins with postgres:// or sqlite:///")
    location, _, query = rest.partition("?")
    authority, _, database = location.partition("/")
    userinfo, _, hosts = authority.rpartition("@")
    try:
        pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise DatabaseUrlInvalid("its parameters are not name=value, joined by &") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise DatabaseUrlInvalid("a parameter comes twice")
    known = PLACE_NAMES | TLS_NAMES | PARAMETERS.keys() | {"target_session_attrs"}
    for name in parameters.keys() - known:
        shown = name if name.isidentifier() and len(name) < 40 else "one of its parameters"
        raise DatabaseUrlInvalid(f"{shown} is not supported; docs/settings.md lists the parameters")
    return _Parts(userinfo, hosts, database, parameters)


def _addresses(hosts: str, parameters: Mapping[str, str]) -> tuple[Address, ...]:
    """Return the servers of the URL's authority, or else of the parameters `host` and `port`; none for the default."""
    if hosts:
        return tuple(_address(host) for host in hosts.split(","))
    named = parameters.get("host", "")
    names = named.split(",") if named else []
    ports = [_port(port) for port in parameters.get("port", str(PORT)).split(",")]
    ports = ports * max(len(names), 1) if len(ports) == 1 else ports
    if not names:
        return (("localhost", ports[0]),) if "port" in parameters else ()
    if len(names) != len(ports):
        raise DatabaseUrlInvalid("host and port have different numbers of servers")
    return tuple(zip(names, ports, strict=True))


def _address(text: str) -> Address:
    """Return one `host`, `host:port`, `[IPv6]` or `[IPv6]:port`; a host may be a percent-encoded folder of a socket."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    if not host:
        raise DatabaseUrlInvalid("a server has no host")
    return unquote(host), _port(port or str(PORT))


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise DatabaseUrlInvalid("a port is no number from 1 to 65535; percent-encode / and ? in the password")
    return int(text)


def _converted(name: str, kind: Callable[[str], Any], value: str) -> Any:
    try:
        converted = kind(value)
    except ValueError:
        raise DatabaseUrlInvalid(f"{name} is no number") from None
    if isinstance(converted, float) and not 0 < converted < 3_600:
        raise DatabaseUrlInvalid(f"{name} is no number of seconds between 0 and 3600")
    return converted


def _tls(given: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of TLS, checked as far as this machine can."""
    tls = {name: value for name, value in given.items() if name in TLS_NAMES}
    mode = tls.get("sslmode")
    if mode is not None and mode not in TLS_MODES:
        raise DatabaseUrlInvalid(f"sslmode must be one of {', '.join(TLS_MODES)}")
    if mode is None and tls:
        raise DatabaseUrlInvalid("sslmode is missing; without it the other parameters of TLS would protect nothing")
    if mode in ("verify-ca", "verify-full") and "sslrootcert" not in tls:
        raise DatabaseUrlInvalid(f"sslmode={mode} needs sslrootcert, the file of the certificates to trust")
    if ("sslcert" in tls) != ("sslkey" in tls):
        raise DatabaseUrlInvalid("sslcert and sslkey come together")
    for name in TLS_FILES:
        if name in tls and not _readable(tls[name]):
            raise DatabaseUrlInvalid(f"the file of {name} cannot be read")
    _require_private("sslkey", tls.get("sslkey"))
    return tls


def _readable(path: str) -> bool:
    try:
        with Path(path).open("rb"):
            return True
    except (OSError, ValueError):
        return False


def _require_private(name: str, path: str | None) -> None:
    if path is None:
        return
    if not _readable(path):
        raise DatabaseUrlInvalid(f"the file of {name} cannot be read")
    if stat.S_IMODE(Path(path).stat().st_mode) & 0o077:
        raise DatabaseUrlInvalid(f"the file of {name} must be readable by its owner alone (mode 0600)")
