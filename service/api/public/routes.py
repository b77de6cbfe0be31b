"""What anybody may ask, without a token."""

from __future__ import annotations

from service.api.public import handlers, schemas, transparency
from service.http.openapi import Parameter
from service.http.operations import PAGING, Calls

CALLS = Calls(None)
COUNT = {"type": "integer", "minimum": 0}

PUBLIC = (
    CALLS.get("/v1/public/notices", "listNotices", "Notices in force", handlers.list_notices, schemas.NoticeList),
    CALLS.get("/v1/public/scheme", "readScheme", "The scheme of this year", handlers.read_scheme, schemas.SchemeAnswer),
    CALLS.get(
        "/v1/public/schemes/{version}",
        "readSchemeVersion",
        "One scheme version",
        handlers.read_scheme_version,
        schemas.SchemeAnswer,
        errors=("not_found",),
    ),
    CALLS.get("/v1/public/sources", "listSources", "Data sources", handlers.list_sources, schemas.SourceList),
    CALLS.get(
        "/v1/public/benefits",
        "listBenefits",
        "Benefits, each with what everybody gets anyway",
        handlers.list_benefits,
        schemas.PublicBenefits,
        query=(Parameter("scene", {"type": "string"}), Parameter("division", {"type": "string"}), *PAGING),
    ),
    CALLS.get(
        "/v1/public/prohibited-uses",
        "listProhibitedUses",
        "What points can never be used for",
        handlers.list_barred_uses,
        schemas.BarredUses,
    ),
    CALLS.get(
        "/v1/public/statistics",
        "readFigures",
        "How much benefits were used, in tens, frozen weekly",
        handlers.read_figures,
        schemas.Figures,
        writes=True,
    ),
    CALLS.get("/.well-known/jwks.json", "readKeys", "Public keys of this service", handlers.read_keys, None),
    CALLS.get("/healthz", "readHealth", "The process lives", handlers.health, schemas.Health, own_clock=True, hot=True),
    CALLS.get("/readyz", "readReadiness", "It can work", handlers.readiness, schemas.Health),
    CALLS.get(
        "/log/{name}/checkpoint",
        "readCheckpoint",
        "The last signed checkpoint of a log",
        transparency.read_checkpoint,
        None,
        errors=("not_found",),
        media="text/plain",
    ),
    CALLS.get(
        "/log/{name}/check",
        "checkLog",
        "The last checkpoint, held against its key and the tree as it is now",
        transparency.check_log,
        schemas.LogCheck,
        errors=("not_found",),
    ),
    CALLS.get(
        "/log/{name}/tile/{level}/{index:path}",
        "readTile",
        "A tile of a log's tree",
        transparency.read_tile,
        None,
        errors=("not_found",),
        media="application/octet-stream",
    ),
    CALLS.get(
        "/log/{name}/proof/inclusion",
        "proveInclusion",
        "That a leaf stands in a log",
        transparency.prove_inclusion,
        schemas.InclusionProof,
        query=(
            Parameter("leaf_hash", {"type": "string"}, required=True, description="base64"),
            Parameter("size", COUNT, description="of the tree; the published one unless said"),
        ),
        errors=("bad_query", "not_found"),
    ),
    CALLS.get(
        "/log/{name}/proof/consistency",
        "proveConsistency",
        "That a log only grew",
        transparency.prove_consistency,
        schemas.ConsistencyProof,
        query=(Parameter("from", COUNT, required=True), Parameter("to", COUNT)),
        errors=("bad_query", "not_found"),
    ),
    CALLS.get(
        "/log/policy/entries",
        "listPolicy",
        "Which rules bind since when",
        transparency.list_policy,
        schemas.PolicyEntries,
        query=(Parameter("start", COUNT), Parameter("end", COUNT)),
        errors=("bad_query", "not_found"),
    ),
    CALLS.get(
        "/v1/public/logs",
        "listLogs",
        "The logs and the keys that verify them",
        transparency.list_log_keys,
        schemas.LogKeys,
    ),
    CALLS.get(
        "/v1/public/documents/{sha256}",
        "readDocument",
        "The document behind a policy entry",
        transparency.read_document,
        None,
        errors=("not_found",),
    ),
)
