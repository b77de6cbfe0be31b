"""Choice of an answer's media type and language by the headers of its request (RFC 9110, section 12.5)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from service.i18n.message_texts import preferred_language


def language_of(request: Request) -> str:
    """Return `zh-CN` or `en`, whichever the request prefers."""
    return preferred_language(request.headers.get("accept-language", ""))


def preferred_media(accept: str, offered: Sequence[str]) -> str:
    """Return the offered media type that `Accept` prefers; of equal ones the first.

    The first one too where none is accepted or the header is missing: RFC 9110 allows that instead of 406.
    """
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()]
    return max(offered, key=lambda media: _quality(media, ranges))


def _media_range(part: str) -> tuple[str, float]:
    media, *parameters = (text.strip().lower() for text in part.split(";"))
    quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return media, float(quality)
    except ValueError:
        return media, 0.0


def _quality(media: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the quality of a media type: that of the most exact range that it is in; 0 in none."""
    group = media.partition("/")[0]
    for exact in (media, f"{group}/*", "*/*"):
        for name, quality in ranges:
            if name == exact:
                return quality
    return 0.0
