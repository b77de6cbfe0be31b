"""What anybody may ask, without a token."""

from __future__ import annotations

from service import public
from service.endpoints.calls import PAGING, get
from service.openapi import Parameter
from service.shapes import public as shapes

PUBLIC = (
    get(None, "/v1/public/notices", "listNotices", "Notices in force", public.list_notices, shapes.NoticeList),
    get(None, "/v1/public/scheme", "readScheme", "The scheme of this year", public.read_scheme, shapes.SchemeAnswer),
    get(
        None,
        "/v1/public/schemes/{version}",
        "readSchemeVersion",
        "One scheme version",
        public.read_scheme_version,
        shapes.SchemeAnswer,
        errors=("not_found",),
    ),
    get(None, "/v1/public/sources", "listSources", "Data sources", public.list_sources, shapes.SourceList),
    get(
        None,
        "/v1/public/benefits",
        "listBenefits",
        "Benefits, each with what everybody gets anyway",
        public.list_benefits,
        shapes.PublicBenefits,
        query=(Parameter("scene", {"type": "string"}), Parameter("division", {"type": "string"}), *PAGING),
    ),
    get(
        None,
        "/v1/public/prohibited-uses",
        "listProhibitedUses",
        "What points can never be used for",
        public.list_barred_uses,
        shapes.BarredUses,
    ),
    get(None, "/.well-known/jwks.json", "readKeys", "Public keys of this service", public.read_keys, None),
    get(None, "/healthz", "readHealth", "The process lives", public.health, shapes.Health),
    get(None, "/readyz", "readReadiness", "It can work", public.readiness, shapes.Health),
)
