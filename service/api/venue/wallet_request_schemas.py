"""Bodies and answers of requests for a pass in a wallet (OpenID4VP)."""

from __future__ import annotations

from typing import Annotated

from service.api.common_schemas import DocumentId, Instant
from service.api.venue.schemas import RedemptionAnswer, StandardTermsAnswer
from service.http.json_io import ApiModel
from service.http.openapi.named import one_of, text

RequestId = Annotated[str, text("The id of the request.")]


class WalletRequestBody(ApiModel):
    """A request for a pass: of which benefit."""

    benefit_id: DocumentId
    """The benefit for which a pass is requested."""


class WalletRequestAnswer(ApiModel):
    """A request for the resident's wallet, to be shown on the desk's screen."""

    request_id: RequestId
    request_url: str
    """The request as a link for a wallet: OpenID4VP 1.0 with `direct_post` and DCQL, not signed."""
    qr_svg: str
    """The link as a QR code, an `svg` element to be placed in a page."""
    expires_at: Instant
    """The end of the request, three minutes after it was made."""


class WalletRequestResult(ApiModel):
    """The state of a request, and the verdict once it was answered."""

    request_id: RequestId
    state: Annotated[str, one_of("WalletRequestState", "The state of a request.", "open", "answered", "expired")]
    verdict: RedemptionAnswer | StandardTermsAnswer | None = None
    """The verdict: the benefit was redeemed, or standard terms for every reason; absent until the answer."""
