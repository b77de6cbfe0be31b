"""Choices of an operator for a new city, as values: the database and its roles, the identity provider, the machine."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlencode, urlsplit

from service.auth.access_tokens import Audience

PLAIN_PATH = re.compile(r"/[A-Za-z0-9._/-]+")
"""A folder that systemd, SQL, YAML and a shell all read in the same way without quotes."""
HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*")
"""A host name in lower case, as certificates and the logs' origin have it."""
DIVISION_CODE = re.compile(r"[1-9]\d{3}")
"""A city by GB/T 2260: schemes and notices are for a whole city."""
ROLE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,54}")
"""A name that PostgreSQL reads without quotes, short enough for the owner's suffix."""
OWNER_SUFFIX = "_owner"
PASSWORD_BYTES = 32
"""Random bytes of a generated password: no list of passwords reaches it."""
AUDIENCE_PATHS = {
    Audience.RESIDENT: "/v1/me",
    Audience.VENUE: "/v1/venue",
    Audience.SOURCE: "/v1/source",
    Audience.ADMINISTRATOR: "/v1/admin",
    Audience.PRIVACY: "/v1/privacy",
    Audience.CITY_APP: "/v1/app",
}
"""The path that makes an audience's `aud` under the city's address: RFC 8707 wants the address of a resource."""
WITHOUT_PAGES = frozenset({Audience.SOURCE, Audience.CITY_APP})
PAGE_AUDIENCES = tuple(audience for audience in Audience if audience not in WITHOUT_PAGES)


class PlanInvalid(ValueError):
    """A choice cannot be used; the message names the option and the reason."""


@dataclass(frozen=True, slots=True)
class DatabasePlan:
    """The address of the database, the role that serves and the role that owns, each with its password."""

    host: str
    port: int
    name: str
    service_role: str
    service_password: str = field(repr=False)
    owner_password: str = field(repr=False)

    @property
    def owner_role(self) -> str:
        return self.service_role + OWNER_SUFFIX

    def service_url(self, host: str | None = None) -> str:
        """Return the URL for the serving role, at another host if one is given."""
        return self._url(self.service_role, self.service_password, host)

    def owner_url(self, host: str | None = None) -> str:
        """Return the URL for the owning role, at another host if one is given."""
        return self._url(self.owner_role, self.owner_password, host)

    def _url(self, role: str, password: str, host: str | None) -> str:
        return f"postgres://{role}:{quote(password, safe='')}@{host or self.host}:{self.port}/{self.name}"


@dataclass(frozen=True, slots=True)
class IdentityProviderPlan:
    """The identity provider: its issuer and its endpoints.

    `confirmed`: the endpoints were read from its own metadata; otherwise they are guesses. `named`: the operator gave
    the issuer.
    """

    issuer: str
    jwks_url: str
    authorize_url: str
    token_url: str
    revocation_url: str | None = None
    sign_out_url: str | None = None
    algorithms: tuple[str, ...] = ("ES256", "RS256")
    confirmed: bool = False
    named: bool = True


@dataclass(frozen=True, slots=True)
class CityPlan:
    """All choices for one city; `folder` is absolute, `program` is the path of the installed command."""

    folder: Path
    host: str
    database: DatabasePlan
    identity_provider: IdentityProviderPlan
    program: str
    year: int
    """The civil year in which the starter catalogue's scheme and benefit are in force."""
    division: str | None = None
    port: int = 8000
    workers: int = 4

    def __post_init__(self) -> None:
        """Raise PlanInvalid for a folder or host that the written files could not name."""
        if not PLAIN_PATH.fullmatch(str(self.folder)):
            raise PlanInvalid("FOLDER: a path of letters, digits and . _ - alone")
        if not HOST_NAME.fullmatch(self.host):
            raise PlanInvalid("--host: a host name in lower case, such as city.example, without https:// and path")
        if self.division is not None and not DIVISION_CODE.fullmatch(self.division):
            raise PlanInvalid("--division: the code of a city by GB/T 2260, four digits, such as 2101")

    def issuers(self) -> str:
        """Return the value of CREDIT_EASY_ISSUERS."""
        return json.dumps(
            {
                audience: {
                    "issuer": self.identity_provider.issuer,
                    "audience": self.resource_of(audience),
                    "jwks_url": self.identity_provider.jwks_url,
                    "algorithms": list(self.identity_provider.algorithms),
                }
                for audience in Audience
            }
        )

    def pages(self) -> str:
        """Return the value of CREDIT_EASY_PAGES: a public client for each audience, named `credit-easy-<audience>`."""
        provider = self.identity_provider
        optional = {"revocation_url": provider.revocation_url, "sign_out_url": provider.sign_out_url}
        return json.dumps(
            {
                audience: {
                    "client_id": f"credit-easy-{audience}",
                    # RFC 8707: the token's `aud`. A provider that does not know the parameter ignores it.
                    "authorize_url": _with_query(provider.authorize_url, resource=self.resource_of(audience)),
                    "token_url": provider.token_url,
                    **{name: url for name, url in optional.items() if url},
                }
                for audience in PAGE_AUDIENCES
            }
        )

    def resource_of(self, audience: Audience) -> str:
        """Return the `aud` of an audience's tokens."""
        return f"https://{self.host}{AUDIENCE_PATHS[audience]}"


def plan_database(url: str | None) -> DatabasePlan:
    """Read the address of the database from a URL; None is `credit_easy` on this machine.

    A password in the URL stays; others are made. Raises PlanInvalid.
    """
    parts = urlsplit(url or "postgres://credit_easy@127.0.0.1:5432/credit_easy")
    name, role = parts.path.removeprefix("/"), unquote(parts.username or "credit_easy")
    try:
        port = parts.port or 5432
    except ValueError:
        port = 0
    if parts.scheme not in {"postgres", "postgresql"} or not parts.hostname or not port or parts.query:
        raise PlanInvalid(
            "--database-url: postgres://ROLE@HOST:PORT/DATABASE without parameters; add those in credit-easy.env"
        )
    if not ROLE_NAME.fullmatch(role) or not ROLE_NAME.fullmatch(name):
        raise PlanInvalid("--database-url: role and database are names of lower-case letters, digits and _")
    password = unquote(parts.password or "") or secrets.token_urlsafe(PASSWORD_BYTES)
    return DatabasePlan(parts.hostname, port, name, role, password, secrets.token_urlsafe(PASSWORD_BYTES))


def _with_query(url: str, **more: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(more)}"
