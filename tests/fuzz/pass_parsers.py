"""Parsers of passes: of what a device shows, a wallet posts, and a venue brings from another city."""

from __future__ import annotations

import json
from typing import Any, Final

from benefits.passes import base45, cbor, cwt, issuers, jose, sd_jwt, status_list, verifier
from benefits.passes.refusals import PassRefused
from benefits.redemption.offline_passes import recognised_passes
from service.api.public import wallet_answers
from tests.fuzz.parser import Parser, text_of
from tests.support.passes import NONCE, NOW, new_pass

SHOWN: Final = new_pass()
TRUST: Final = SHOWN.trust()
TRUSTED: Final = SHOWN.issuer.trusted()
COMPACT: Final = cwt.sign_pass(SHOWN.issuer.key, SHOWN.claims)
CODE: Final = cwt.show(SHOWN.device, COMPACT, NOW)
KEY: Final = jose.public_jwk(SHOWN.issuer.key.public_key())
METADATA: Final = json.dumps({"issuer": SHOWN.issuer.url, "jwks": {"keys": [KEY]}})
LIST: Final = SHOWN.issuer.list_token(7, 12)
BITS: Final = jose.decode(str(jose.read_json(jose.decode(LIST.split(".")[1]))["status_list"]["lst"]))


def _json(raw: bytes) -> Any:
    """Return the JSON of an input, or the input as a text."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return text_of(raw)


PASS_PARSERS: Final = (
    Parser(
        "shown pass",
        (SHOWN.text().encode(),),
        lambda raw: verifier.verify(text_of(raw), NONCE, TRUST, NOW),
        (PassRefused,),
    ),
    Parser("pass", (SHOWN.signed.encode(),), lambda raw: sd_jwt.take_apart(text_of(raw)), (PassRefused,)),
    Parser(
        "key binding",
        (SHOWN.text().removeprefix(SHOWN.signed).encode(),),
        lambda raw: sd_jwt.read_key_binding(text_of(raw), SHOWN.device.public_key()),
        (PassRefused,),
    ),
    Parser("code of a pass", (CODE.encode(),), lambda raw: cwt.verify(text_of(raw), TRUST, NOW), (PassRefused,)),
    Parser("CBOR", (COMPACT,), cbor.loads, (PassRefused,)),
    Parser("Base45", (base45.encode(COMPACT).encode(),), lambda raw: base45.decode(text_of(raw)), (PassRefused,)),
    Parser(
        "issuer metadata",
        (METADATA.encode(), b"[" * 20_000),
        lambda raw: issuers.read_metadata(raw, SHOWN.issuer.url),
        (PassRefused,),
    ),
    Parser("device key", (json.dumps(KEY).encode(),), lambda raw: jose.read_public_key(_json(raw)), (PassRefused,)),
    Parser("status list", (LIST.encode(),), lambda raw: status_list.read(text_of(raw), TRUSTED, NOW), (PassRefused,)),
    Parser("bits of a status list", (BITS,), status_list.inflate, (PassRefused,)),
    Parser(
        "status list that a venue brings",
        (LIST.encode(),),
        lambda raw: recognised_passes._read_list(text_of(raw), [TRUSTED]),
    ),
    Parser(
        "answer of a wallet",
        (json.dumps({"pass": [SHOWN.text()]}).encode(), b"[" * 20_000),
        lambda raw: wallet_answers._shown_pass(text_of(raw)),
    ),
)
"""Parsers of passes."""
