"""Operations without a token: path, summary, handler, schemas, errors."""

from __future__ import annotations

from service.api.public import handlers, schemas, schemes, transparency
from service.http.openapi import Parameter
from service.http.operations import PAGING, Calls

CALLS = Calls(None)
COUNT = {"type": "integer", "minimum": 0}

PUBLIC = (
    CALLS.get("/v1/public/notices", "listNotices", "List notices in force", handlers.list_notices, schemas.NoticeList),
    CALLS.get("/v1/public/scheme", "readScheme", "Read this year's scheme", schemes.read_scheme, schemas.SchemeAnswer),
    CALLS.get(
        "/v1/public/schemes",
        "listSchemes",
        "List schemes in force and scheduled",
        schemes.list_schemes,
        schemas.SchemeList,
    ),
    CALLS.get(
        "/v1/public/schemes/{version}",
        "readSchemeVersion",
        "Read one scheme version",
        schemes.read_scheme_version,
        schemas.SchemeAnswer,
        errors=("not_found",),
    ),
    CALLS.get("/v1/public/sources", "listSources", "List data sources", handlers.list_sources, schemas.SourceList),
    CALLS.get(
        "/v1/public/benefits",
        "listBenefits",
        "List benefits, each with its baseline",
        handlers.list_benefits,
        schemas.PublicBenefits,
        query=(Parameter("scene", {"type": "string"}), Parameter("division", {"type": "string"}), *PAGING),
    ),
    CALLS.get(
        "/v1/public/prohibited-uses",
        "listProhibitedUses",
        "List the uses that points can never have",
        handlers.list_barred_uses,
        schemas.BarredUses,
    ),
    CALLS.get(
        "/v1/public/statistics",
        "readFigures",
        "Read last week's use of benefits, with noise and in tens",
        handlers.read_figures,
        schemas.Figures,
        writes=True,
    ),
    CALLS.get(
        "/v1/public/privacy-budget",
        "readPrivacyBudget",
        "Read this week's privacy budget and the part that is used",
        handlers.read_privacy_budget,
        schemas.PrivacyBudget,
    ),
    CALLS.get("/.well-known/jwks.json", "readKeys", "Read this service's public keys", handlers.read_keys, None),
    CALLS.get(
        "/healthz",
        "readHealth",
        "Check that the process runs",
        handlers.health,
        schemas.Health,
        own_clock=True,
        hot=True,
    ),
    CALLS.get(
        "/readyz",
        "readReadiness",
        "Check that dependencies are usable",
        handlers.readiness,
        schemas.Health,
        further={503: schemas.Health},
    ),
    CALLS.get(
        "/log/{name}/checkpoint",
        "readCheckpoint",
        "Read a log's last signed checkpoint",
        transparency.read_checkpoint,
        None,
        errors=("not_found",),
        media="text/plain",
    ),
    CALLS.get(
        "/log/{name}/check",
        "checkLog",
        "Check a log's last checkpoint against its key and current tree",
        transparency.check_log,
        schemas.LogCheck,
        errors=("not_found",),
    ),
    CALLS.get(
        "/log/{name}/tile/{level}/{index:path}",
        "readTile",
        "Read a tile of a log's tree",
        transparency.read_tile,
        None,
        errors=("not_found",),
        media="application/octet-stream",
    ),
    CALLS.get(
        "/log/{name}/proof/inclusion",
        "proveInclusion",
        "Prove that a leaf is in a log",
        transparency.prove_inclusion,
        schemas.InclusionProof,
        query=(
            Parameter("leaf_hash", {"type": "string"}, required=True, description="base64"),
            Parameter("size", COUNT, description="leaves of the tree; the published size by default"),
        ),
        errors=("bad_query", "not_found"),
    ),
    CALLS.get(
        "/log/{name}/proof/consistency",
        "proveConsistency",
        "Prove that a log only grew",
        transparency.prove_consistency,
        schemas.ConsistencyProof,
        query=(Parameter("from", COUNT, required=True), Parameter("to", COUNT)),
        errors=("bad_query", "not_found"),
    ),
    CALLS.get(
        "/log/policy/entries",
        "listPolicy",
        "List entries of the policy log",
        transparency.list_policy,
        schemas.PolicyEntries,
        query=(Parameter("start", COUNT), Parameter("end", COUNT)),
        errors=("bad_query", "not_found"),
    ),
    CALLS.get(
        "/v1/public/logs",
        "listLogs",
        "List the logs and the keys that verify them",
        transparency.list_log_keys,
        schemas.LogKeys,
    ),
    CALLS.get(
        "/v1/public/documents/{sha256}",
        "readDocument",
        "Read the document of a policy entry by its hash",
        transparency.read_document,
        None,
        errors=("not_found",),
    ),
)
