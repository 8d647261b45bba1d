"""Take the picture of the report that README.md shows, from a demonstration that was run.

python scripts/picture.py demo/report.html                     write docs/img/report.png
python scripts/picture.py demo/report.html --out other.png     write another file
"""

from __future__ import annotations

import base64
import shutil
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parents[1] / "docs/img/report.png"
WIDTH, HEIGHT = 1280, 1860
SHOWN = """() => {
  const hide = (one) => { one.style.display = "none"; };
  document.querySelectorAll("#first-shop, section.story.simulated").forEach(hide);
  document.querySelector(".sides").style.display = "block";
  document.querySelectorAll("h1 + p, nav, footer, header details, .card .can, .card .numbers, "
      + "section.story > *").forEach(hide);
  const keep = (from) => { let at = document.getElementById(from); do { at.style.display = "";
    at = at.nextElementSibling; } while (at && at.tagName !== "H3"); };
  for (const id of ["grocer-recommendations", "grocer-outcomes"])
    if (document.getElementById(id)) keep(id);
}"""
"""Of the grocer: what matters, what to do next, outcomes; nothing else fits."""

Pixels = npt.NDArray[np.uint8]


def take(report: Path) -> bytes:
    """A PNG of the report with at most 128 colours, so that it is small."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, headless=True, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.evaluate(SHOWN)
        raw = page.evaluate(_PIXELS, _data_url(page.screenshot()))
        browser.close()
    pixels = np.frombuffer(bytes.fromhex(raw), dtype=np.uint8).reshape(HEIGHT, WIDTH, 3)
    return _png(*_fewer_colours(pixels))


_PIXELS = """async (url) => {
  const image = new Image(); image.src = url; await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), to = canvas.getContext("2d");
  to.drawImage(image, 0, 0);
  const all = to.getImageData(0, 0, image.width, image.height).data;
  const parts = [];
  for (let i = 0; i < all.length; i += 4)
    parts.push(((all[i] << 16) | (all[i + 1] << 8) | all[i + 2]).toString(16).padStart(6, "0"));
  return parts.join("");
}"""


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _fewer_colours(pixels: Pixels, most: int = 128) -> tuple[Pixels, Pixels]:
    """Indices of pixels, and the palette: the commonest colours, each other one the nearest."""
    flat = pixels.reshape(-1, 3).astype(np.uint32)
    codes = (flat[:, 0] << 16) | (flat[:, 1] << 8) | flat[:, 2]
    colours, at, counts = np.unique(codes, return_inverse=True, return_counts=True)
    kept = colours[np.argsort(-counts)[:most]]

    def parts(code: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        return np.stack([code >> 16, code >> 8 & 255, code & 255], axis=1).astype(np.int64)

    away = ((parts(colours)[:, None, :] - parts(kept)[None, :, :]) ** 2).sum(axis=2)
    nearest = away.argmin(axis=1).astype(np.uint8)
    return nearest[at].reshape(pixels.shape[:2]), parts(kept).astype(np.uint8)


def _png(indices: Pixels, palette: Pixels) -> bytes:
    height, width = indices.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), indices], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [(b"IHDR", head), (b"PLTE", palette.tobytes()),
             (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]  # fmt: skip
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def main(arguments: list[str]) -> int:
    """Take it; 0 when it was written."""
    if not arguments or not Path(arguments[0]).is_file():
        print("Which report? Run `fewer demo` first, then name its report.html.", file=sys.stderr)
        return 2
    out = Path(arguments[2]) if arguments[1:2] == ["--out"] else PICTURE
    out.write_bytes(take(Path(arguments[0])))
    print(f"Wrote {out}: {out.stat().st_size // 1024} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
