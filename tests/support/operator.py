"""An operator of a new city, as `init` and `roles.sql` make it, who pastes commands of the docs into a shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.deployment import city_folder
from service.deployment.identity_provider_metadata import guess_identity_provider
from service.deployment.plan import CityPlan, plan_database
from tests.support import servers
from tests.support.deadlines import WAIT_SECONDS
from tests.support.docs_blocks import replaced


@dataclass(frozen=True)
class Operator:
    """An operator of one city: its folder, its server, and a folder to work in."""

    etc: Path
    server: servers.Postgres
    work: Path

    def paste(self, code: str) -> None:
        """Run commands of the docs in a shell, with the server's programs."""
        code = replaced(code, ("/etc/credit-easy", str(self.etc)))
        subprocess.run(["bash", "-euc", code], check=True, cwd=self.work, env=self.environment, timeout=WAIT_SECONDS)

    @property
    def environment(self) -> dict[str, str]:
        """The shell's environment: a PATH with `credit-easy` and the server's programs."""
        programs = f"{self.server.server.bin_path}:{Path(sys.executable).parent}"  # type: ignore[attr-defined]
        return {"PATH": f"{programs}:{os.environ['PATH']}"}

    def set(self, name: str, variable: str, value: str) -> None:
        """Replace a variable in one of the city's files."""
        path = self.etc / name
        text, count = re.subn(rf"^{variable}=.*$", f"{variable}={value}", path.read_text(encoding="utf-8"), flags=re.M)
        assert count == 1, variable
        path.write_text(text, encoding="utf-8")

    def run_sql(self, code: str) -> None:
        """Run SQL of the docs as the superuser, psql's own commands included."""
        path = self.work / "as-pasted.sql"
        path.write_text(code)
        self.server.run_file(path)

    def url(self, role: str) -> str:
        return self.server.url("credit_easy", role)


@contextmanager
def new_operator(work: Path) -> Iterator[Operator]:
    """Write a city's folder in `work` and make its roles, on a server of its own: roles belong to a whole server."""
    program = shutil.which("true")
    assert program
    etc = work / "etc"
    provider = guess_identity_provider("https://login.city.example")
    city_folder.write_city_folder(CityPlan(etc, "city.example", plan_database(None), provider, program, 2026))
    with servers.postgres() as server:
        operator = Operator(etc, server, work)
        operator.set("owner.env", "PGHOST", server.socket_folder)
        operator.set("owner.env", "CREDIT_EASY_DATABASE_URL", f"'{operator.url('credit_easy_owner')}'")
        operator.set("credit-easy.env", "CREDIT_EASY_DATABASE_URL", f"'{operator.url('credit_easy')}'")
        server.run_file(etc / "database" / "roles.sql")
        yield operator
