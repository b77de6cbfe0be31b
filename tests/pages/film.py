"""A film for Chromium's camera that shows one QR code (YUV4MPEG2, grey)."""

from __future__ import annotations

from pathlib import Path

import segno

WIDTH, HEIGHT, SCALE, QUIET = 640, 480, 8, 6
BLACK, WHITE, GREY = 16, 235, 128


def make_qr_film(text: str, path: Path) -> Path:
    """Write a film of the code, as a desk's camera would see it on a telephone."""
    code = segno.make_qr(text, error="m")
    matrix = [list(row) for row in code.matrix_iter(scale=SCALE, border=QUIET)]
    top, left = (HEIGHT - len(matrix)) // 2, (WIDTH - len(matrix[0])) // 2
    light = bytearray([WHITE]) * (WIDTH * HEIGHT)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            if dark:
                light[(top + y) * WIDTH + left + x] = BLACK
    frame = b"FRAME\n" + bytes(light) + bytes([GREY]) * (WIDTH * HEIGHT // 2)
    path.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F5:1 Ip A1:1 C420jpeg\n".encode() + frame * 5)
    return path
