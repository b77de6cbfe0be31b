"""`new-log-epoch` on the command line: its refusals and their exit code, what it prints, and the commands after it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from consent.database import queries
from consent.events import ledger
from service.demo import seed
from service.jobs import background
from service.storage import database
from tests.support import city as cities
from tests.support.command_line import run_command

pytestmark = [pytest.mark.anyio, pytest.mark.processes]
REASON = "The disk of the database failed; the newest backup is of the night before."


async def grow(folder: Path, leaves: int) -> None:
    """Publish leaves of the policy log in a demonstration's folder."""
    settings = seed.settings_of(folder)
    await database.open_database(settings.database_url)
    await database.migrate_all()
    await database.close_database()
    async with cities.running_city(settings, folder) as town:
        async with queries.transaction():
            for number in range(leaves):
                at = await queries.now()
                await ledger.enqueue_policy_leaf("key", f"key:{at.isoformat()}-{number}", 1, "0" * 64, at)
        await background.log_keys_and_barred_uses(town.app_context)
        await background.advance_logs(town.app_context)


async def test_a_log_behind_its_checkpoint_begins_again_by_command(tmp_path: Path) -> None:
    folder, backup = tmp_path / "city", tmp_path / "backup.sqlite3"
    database_file = folder / "city.sqlite3"

    def run(*arguments: str) -> tuple[int, str, str]:
        done = run_command(*arguments, "--data-dir", str(folder))
        return done.returncode, done.stdout, done.stderr

    await grow(folder, 3)
    nothing_lost = run("new-log-epoch", "policy", "--reason", REASON)
    assert (nothing_lost[0], nothing_lost[1]) == (2, "")
    assert nothing_lost[2].startswith("no new epoch: the database has all leaves that the policy log has published")
    shutil.copy(database_file, backup)
    await grow(folder, 2)
    for path in folder.glob("city.sqlite3*"):
        path.unlink()
    shutil.copy(backup, database_file)

    assert "docs/runbooks/new-log-epoch.md" in run("thaw-log")[2]
    assert "credit-easy new-log-epoch policy" in run("doctor")[1]
    code, _, unknown = run("new-log-epoch", "rules", "--reason", REASON)
    assert (code, unknown) == (2, "there is no log rules; the logs are consent and policy\n")
    assert run("new-log-epoch", "policy")[0] == 2
    assert "one line of 10 to 500 characters" in run("new-log-epoch", "policy", "--reason", "because")[2]
    code, _, other = run("new-log-epoch", "consent", "--reason", REASON)
    assert (code, "the consent log has published" in other) == (2, True)

    code, printed, _ = run("new-log-epoch", "policy", "--reason", REASON)
    begins, lost = printed.splitlines()
    assert (code, begins.startswith("epoch 2 of the policy log begins with ")) == (0, True)
    assert lost.endswith(" on are lost for good")
    assert run("new-log-epoch", "policy", "--reason", REASON)[0] == 2
    await grow(folder, 1)
    code, checked, _ = run("verify-log")
    assert code == 0, checked
    (line,) = [line for line in checked.splitlines() if line.startswith("policy epoch 1")]
    assert "ok; 2 published leaves are lost for good" in line
