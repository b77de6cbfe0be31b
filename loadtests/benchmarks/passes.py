"""The verifier of passes on one core: `python -m loadtests.benchmarks.passes`.

Passes a CPU second that a venue verifies with its status list and the device's signature, as SD-JWT and as scanned QR
code. Each pass has a device key of its own, so that nothing is cached between two of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from benefits.passes import cwt, verifier
from tests.support.passes import NONCE, NOW, Issuer, new_pass

PASSES = 1_000
ROUNDS = 5
GOAL = 1_500
"""Passes a second at which a gate of a stadium needs one small computer."""


def rates(verify: Callable[[str], object], shown: list[str]) -> list[int]:
    """Return passes a CPU second of each round."""
    measured = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for text in shown:
            verify(text)
        measured.append(int(len(shown) / (time.process_time() - began)))
    return measured


def main() -> None:
    """Measure both forms and print a line for each."""
    issuer = Issuer()
    passes = [new_pass(issuer) for _ in range(PASSES)]
    trust = passes[0].trust()
    forms: dict[str, tuple[Callable[[str], object], list[str]]] = {
        "SD-JWT with key binding": (
            lambda text: verifier.verify(text, NONCE, trust, NOW), [shown.text() for shown in passes],
        ),
        "scanned QR code (CWT)": (
            lambda text: cwt.verify(text, trust, NOW),
            [cwt.show(shown.device, cwt.sign_pass(issuer.key, shown.claims), NOW) for shown in passes],
        ),
    }  # fmt: skip
    for name, (verify, shown) in forms.items():
        measured = sorted(rates(verify, shown))
        middle = measured[ROUNDS // 2]
        spread = (measured[-1] - measured[0]) / middle
        print(f"{name}: {middle} a second (spread {spread:.2f}); goal {GOAL}: {'yes' if middle >= GOAL else 'no'}")


if __name__ == "__main__":
    main()
