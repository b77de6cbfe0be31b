"""The clock, the log's state and the catalogue in force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Subquery
from django.db.models.functions import Now

from loadtests.benchmarks.peers.common import rules
from loadtests.benchmarks.peers.common.catalogue import Catalogue, DocumentRow, compile_catalogue
from loadtests.benchmarks.peers.common.problems import Problem
from loadtests.benchmarks.peers.common.rules import Moment
from loadtests.benchmarks.peers.django_drf.models import CatalogueState, Document, LogHead

KINDS = ("schemes", "providers", "venues", "services", "benefits")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
COLUMNS = ("kind", "document_id", "version", "state", "body", "in_force_from", "ended_at")


class CatalogueCache:
    """The catalogue in force, shared between threads and compared with the database's number of changes."""

    def __init__(self) -> None:
        self._catalogue: Catalogue | None = None

    def read(self) -> tuple[Catalogue, Moment]:
        """Return what is in force and the database's time. Raises Problem 503 while nothing may be used."""
        # Now() is the start of the statement, not of the transaction.
        state = LogHead.objects.annotate(at=Now(), changes=Subquery(CatalogueState.objects.values("changes")[:1])).get(
            log="consent"
        )
        if state.withheld:
            raise Problem(503, "records_withheld", 5)
        at = (state.at - EPOCH) // MICROSECOND
        catalogue = self._catalogue
        if catalogue is None or not catalogue.is_current(state.changes, at):
            documents = Document.objects.filter(kind__in=KINDS, in_force_from__isnull=False)
            rows = documents.order_by("kind", "document_id", "in_force_from", "version").values_list(*COLUMNS)
            catalogue = compile_catalogue((DocumentRow(*row) for row in rows), state.changes, at)
            self._catalogue = catalogue
        return catalogue, rules.moment(at, settings.CITY.zone)


CATALOGUE = CatalogueCache()
