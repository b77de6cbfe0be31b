"""What anybody may ask, without a token."""

from __future__ import annotations

from service.api.public import handlers, transparency
from service.api.public import schemas as shapes
from service.http.openapi import Parameter
from service.http.operations import PAGING, get

COUNT = {"type": "integer", "minimum": 0}

PUBLIC = (
    get(None, "/v1/public/notices", "listNotices", "Notices in force", handlers.list_notices, shapes.NoticeList),
    get(None, "/v1/public/scheme", "readScheme", "The scheme of this year", handlers.read_scheme, shapes.SchemeAnswer),
    get(
        None,
        "/v1/public/schemes/{version}",
        "readSchemeVersion",
        "One scheme version",
        handlers.read_scheme_version,
        shapes.SchemeAnswer,
        errors=("not_found",),
    ),
    get(None, "/v1/public/sources", "listSources", "Data sources", handlers.list_sources, shapes.SourceList),
    get(
        None,
        "/v1/public/benefits",
        "listBenefits",
        "Benefits, each with what everybody gets anyway",
        handlers.list_benefits,
        shapes.PublicBenefits,
        query=(Parameter("scene", {"type": "string"}), Parameter("division", {"type": "string"}), *PAGING),
    ),
    get(
        None,
        "/v1/public/prohibited-uses",
        "listProhibitedUses",
        "What points can never be used for",
        handlers.list_barred_uses,
        shapes.BarredUses,
    ),
    get(
        None,
        "/v1/public/statistics",
        "readFigures",
        "How much benefits were used, in tens, frozen weekly",
        handlers.read_figures,
        shapes.Figures,
        writes=True,
    ),
    get(None, "/.well-known/jwks.json", "readKeys", "Public keys of this service", handlers.read_keys, None),
    get(None, "/healthz", "readHealth", "The process lives", handlers.health, shapes.Health, swift=handlers.health),
    get(None, "/readyz", "readReadiness", "It can work", handlers.readiness, shapes.Health),
    get(
        None,
        "/log/{name}/checkpoint",
        "readCheckpoint",
        "The last signed checkpoint of a log",
        transparency.read_checkpoint,
        None,
        errors=("not_found",),
        media="text/plain",
    ),
    get(
        None,
        "/log/{name}/check",
        "checkLog",
        "The last checkpoint, held against its key and the tree as it is now",
        transparency.check_log,
        shapes.LogCheck,
        errors=("not_found",),
    ),
    get(
        None,
        "/log/{name}/tile/{level}/{index:path}",
        "readTile",
        "A tile of a log's tree",
        transparency.read_tile,
        None,
        errors=("not_found",),
        media="application/octet-stream",
    ),
    get(
        None,
        "/log/{name}/proof/inclusion",
        "proveInclusion",
        "That a leaf stands in a log",
        transparency.prove_inclusion,
        shapes.InclusionProof,
        query=(
            Parameter("leaf_hash", {"type": "string"}, required=True, description="base64"),
            Parameter("size", COUNT, description="of the tree; the published one unless said"),
        ),
        errors=("bad_query", "not_found"),
    ),
    get(
        None,
        "/log/{name}/proof/consistency",
        "proveConsistency",
        "That a log only grew",
        transparency.prove_consistency,
        shapes.ConsistencyProof,
        query=(Parameter("from", COUNT, required=True), Parameter("to", COUNT)),
        errors=("bad_query", "not_found"),
    ),
    get(
        None,
        "/log/policy/entries",
        "listPolicy",
        "Which rules bind since when",
        transparency.list_policy,
        shapes.PolicyEntries,
        query=(Parameter("start", COUNT), Parameter("end", COUNT)),
        errors=("bad_query", "not_found"),
    ),
    get(
        None,
        "/v1/public/logs",
        "listLogs",
        "The logs and the keys that verify them",
        transparency.list_log_keys,
        shapes.LogKeys,
    ),
    get(
        None,
        "/v1/public/documents/{sha256}",
        "readDocument",
        "The document behind a policy entry",
        transparency.read_document,
        None,
        errors=("not_found",),
    ),
)
