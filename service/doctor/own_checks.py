"""Checks of this machine: settings, key files, the log folder, the public address of the pages."""

from __future__ import annotations

import ipaddress
import os
import secrets
import shutil
import stat
from pathlib import Path
from urllib.parse import urlsplit

from consent.database import queries
from consent.transparency import log_folder as folder_ids
from consent.transparency import sequencer
from consent.transparency.checkpoint import NoteInvalid
from consent.transparency.logs import Log
from consent.transparency.publication import FolderBehind, Publisher
from service.compliance import pass_addresses
from service.doctor.examination import CheckResult, Examination, failed, not_checked, ok, warning
from service.http.middleware import host_allowed
from service.sandbox import sandbox as sandboxes

FREE_BYTES_MIN = 100 * 2**20
"""Free space in the log folder below which doctor fails: withdrawals need it, and are refused without it."""
FREE_BYTES_WARNED = 2**30
"""Free space in the log folder below which doctor warns."""


async def settings(examination: Examination) -> list[CheckResult]:
    """Report every setting that is missing or unusable."""
    if not examination.faults:
        return [ok("the demonstration's" if examination.demo is not None else "")]
    return [failed(fault, f"correct {fault.split()[0].rstrip(':')}") for fault in examination.faults]


async def sandbox(examination: Examination) -> list[CheckResult]:
    """Report a sandbox: in production the setting is refused, and a sandbox's folder is for tests alone."""
    if examination.demo is not None:
        if sandboxes.is_sandbox(examination.demo.publisher.folder.parent):
            return [warning("this folder is a sandbox's", "keep nothing in it: a call moves its clock and deletes it")]
        return [ok("none")]
    if "sandbox" not in examination.usable:
        return [failed("CREDIT_EASY_SANDBOX is set", "remove it: a city has no sandbox")]
    return [ok("none")]


async def key_files(examination: Examination) -> list[CheckResult]:
    """Report files of secrets that others can read, or whose folder others can write to."""
    results = []
    for setting, path in examination.key_files.items():
        try:
            mode, folder = path.stat().st_mode, path.resolve().parent.stat()
        except OSError as error:
            results.append(failed(f"{setting}: {type(error).__name__}", "let the service's user read the file"))
            continue
        if stat.S_IMODE(mode) & 0o077:
            results.append(failed(f"{setting}: others may read {path.name}", f"chmod 600 {path}"))
        if folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX:
            results.append(failed(f"{setting}: others may replace {path.name}", f"chmod go-w {path.resolve().parent}"))
    return results or [ok(f"{len(examination.key_files)} files")]


async def log_folder(examination: Examination) -> list[CheckResult]:
    """Write to the log folder, measure its free space, and read the last checkpoints."""
    publisher: Publisher | None = examination.usable.get("publisher")
    if publisher is None:
        return [not_checked("LOG_KEY, LOG_HOST and LOG_FOLDER")]
    folder = publisher.folder
    try:
        _write_probe(folder)
    except OSError as error:
        reason = f"{folder} cannot be written to ({type(error).__name__})"
        return [failed(reason, "give it to the service's user and free space: withdrawals are refused without it")]
    results = []
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES_WARNED:
        kind = failed if free < FREE_BYTES_MIN else warning
        results.append(kind(f"{free // 2**20} MiB free in {folder}", "free space, or move the folder to a larger disk"))
    if examination.migrated:
        if await folder_ids.is_another(folder):
            remedy = "mount the folder that all hosts share; if it is lost, run `credit-easy adopt-log-folder`"
            results.append(failed("LOG_FOLDER is not the folder of this database", remedy))
        results += [result for log in Log if (result := await _checkpoint_fault(publisher, log))]
    return results or [ok(f"{free // 2**30} GiB free")]


def _write_probe(folder: Path) -> None:
    probe = folder / f".doctor-{secrets.token_hex(8)}"
    try:
        with probe.open("xb") as file:
            file.write(b"\0" * 4096)
            os.fsync(file.fileno())
    finally:
        probe.unlink(missing_ok=True)


async def _checkpoint_fault(publisher: Publisher, log: Log) -> CheckResult | None:
    head = await sequencer.head(log)
    try:
        behind = await sequencer.divergence(log, publisher)
    except FolderBehind as error:
        return failed(str(error), "mount the folder that all hosts share; see docs/large-cities.md, Several hosts")
    except (NoteInvalid, OSError) as error:
        remedy = "restore the folder from its backup; see docs/how-to/back-up-and-restore.md"
        return failed(f"the last checkpoint of the {log} log cannot be read ({type(error).__name__})", remedy)
    if behind is not None:
        remedy = (
            "put the newest copy of the database in its place; if the leaves are lost for good, run"
            f" `credit-easy new-log-epoch {log} --reason …`, see docs/runbooks/new-log-epoch.md"
        )
        return failed(f"the {log} log is behind its checkpoint: {behind}", remedy)
    if head.frozen:
        return failed(f"the {log} log is frozen", "run `credit-easy thaw-log`: it continues its checkpoint")
    return None


async def proxies(_: Examination) -> list[CheckResult]:
    """Read FORWARDED_ALLOW_IPS: where it names everybody, each client chooses the address that its limits count by."""
    trusted = os.environ.get("FORWARDED_ALLOW_IPS", "")
    if any(_is_everybody(name.strip()) for name in trusted.split(",")):
        remedy = "name the addresses of the reverse proxies alone; see docs/operations.md, Behind a proxy"
        return [warning(f"FORWARDED_ALLOW_IPS={trusted} believes every client's X-Forwarded-For", remedy)]
    return [ok(trusted or "127.0.0.1 and ::1")]


def _is_everybody(name: str) -> bool:
    """Report whether an entry of FORWARDED_ALLOW_IPS is every address: a star, or a network without a prefix."""
    try:
        return name == "*" or ("/" in name and ipaddress.ip_network(name).prefixlen == 0)
    except ValueError:
        return False


async def public_address(examination: Examination) -> list[CheckResult]:
    """Compare the public address with the accepted host names; warn where passes need one that is not set."""
    if examination.demo is not None:
        return [ok("the demonstration's")]
    if "public_url" not in examination.usable or "allowed_hosts" not in examination.usable:
        return [not_checked("PUBLIC_URL and ALLOWED_HOSTS")]
    hosts, public = examination.usable["allowed_hosts"], examination.usable["public_url"]
    results = []
    if "*" in hosts:
        results.append(warning("ALLOWED_HOSTS accepts every host", "name the hosts under which the service is reached"))
    if public is not None and not host_allowed(urlsplit(public).netloc, hosts):
        results.append(failed("the host of PUBLIC_URL is not in ALLOWED_HOSTS", "add it: pages would be answered 400"))
    if public is None and examination.migrated and await pass_addresses.need_public_url(await queries.now()):
        reason = "PUBLIC_URL is not set, so that passes of other cities are compared with the Host of each request"
        results.append(warning(reason, "set it to the address that the other cities know"))
    return results or [ok(public or "no pages to sign in to")]
