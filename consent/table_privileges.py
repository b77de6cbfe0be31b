"""Rights of the service's database role on the consent package's tables."""

from __future__ import annotations

from types import MappingProxyType

from consent.database.privileges import (
    APPEND_ONLY,
    READ_ONLY,
    UPDATE_ONLY,
    WITHOUT_DELETE,
    WITHOUT_UPDATE,
    PrivilegePlan,
)

PLAN: PrivilegePlan = MappingProxyType(
    {
        # Triggers refuse changes of these tables to everybody. The rights refuse them to the service before that, and
        # keep it from disabling the triggers.
        "document_step": APPEND_ONLY,
        "erased_leaf": APPEND_ONLY,
        "erasure": APPEND_ONLY,
        "log_entry": APPEND_ONLY,
        "log_epoch": APPEND_ONLY,
        "oversight": APPEND_ONLY,
        "refused_attempt": APPEND_ONLY,
        "use_for_all": APPEND_ONLY,
        # An erasure deletes a person's events. A trigger allows it when the person's row is gone and the leaf is among
        # the erased ones, and refuses every other deletion.
        "event": WITHOUT_UPDATE,
        "provider_case": WITHOUT_UPDATE,
        # Notes go with their case after three years.
        "officer_case_note": WITHOUT_UPDATE,
        "outbox": WITHOUT_UPDATE,
        # A version of a document is never deleted: a draft that was discarded stays, and so does what is retired.
        "document": WITHOUT_DELETE,
        "document_package": WITHOUT_DELETE,
        "log_tile": WITHOUT_DELETE,
        "catalogue_state": UPDATE_ONLY,
        "log_head": UPDATE_ONLY,
        # `migrate` alone writes these, as the owner.
        "expired_leaf": READ_ONLY,
        "schema_migration": READ_ONLY,
    }
)
