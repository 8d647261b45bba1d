"""Opening reports in the system's Chromium, and what to ask of a page there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CUT_OFF = """() => [...document.querySelectorAll("body *")]
  .filter(e => e.checkVisibility() && !e.closest(".scroll") && !e.closest("svg"))
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 40)}`)"""
OVERLAPPING = """() => [...document.querySelectorAll("svg")].flatMap(svg => {
  const texts = [...svg.querySelectorAll("text:not(.watermark):not([transform])")]
    .map(t => [t.textContent, t.getBoundingClientRect()]).filter(([w, r]) => w && r.width);
  return texts.flatMap(([w, a], i) => texts.slice(i + 1).filter(([, b]) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4).map(([v]) => `${w} | ${v}`));
})"""


UNNAMED = """() => [
  ...[...document.querySelectorAll("svg")].filter(e => !e.getAttribute("aria-label") ||
    e.getAttribute("role") !== "img" || !e.querySelector(":scope > title")),
  ...[...document.querySelectorAll("table")].filter(e => !e.caption && !e.tHead),
  ...[...document.querySelectorAll("th")].filter(e => !e.scope),
  ...[...document.querySelectorAll("input, button, summary, a")].filter(e =>
    !(e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim())),
].map(e => e.outerHTML.slice(0, 160))"""
HEADINGS = "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])"
FAINT = """() => {
  const parse = (c) => { const v = c.match(/[0-9.]+/g).map(Number);
    return [...v.slice(0, 3), v[3] ?? 1]; };
  const light = (c) => { const [r, g, b] = c.map(v => { v /= 255;
    return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const over = (a, b) => a.slice(0, 3).map((v, i) => v * a[3] + b[i] * (1 - a[3]));
  const ground = (e) => { const layers = [];
    for (let up = e; up; up = up.parentElement) {
      const c = parse(getComputedStyle(up).backgroundColor);
      if (c[3]) layers.push(c);
      if (c[3] === 1) break;
    }
    return layers.reverse().reduce((below, c) => over(c, below), [255, 255, 255]); };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !e.checkVisibility()) continue;
    if (e.closest("script, style, title, desc, .watermark, rect, circle, path")) continue;
    const svg = e.closest("svg"), style = getComputedStyle(e);
    if (svg && e.getAttribute("text-anchor") === "middle" && +e.getAttribute("font-size") === 10
        && !e.classList.contains("f-quiet")) continue;  // on a mark: see the test of shades
    const back = ground(svg ?? e), ink = over(parse(svg ? style.fill : style.color), back);
    const [a, b] = [light(ink), light(back)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), bold = +style.fontWeight >= 600;
    const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const ratio = (a + .05) / (b + .05);
    if (ratio < least) found.add(`${ratio.toFixed(1)} ${e.tagName}.${e.getAttribute("class")} ` +
      walk.currentNode.textContent.trim().slice(0, 30));
  }
  return [...found];
}"""
SPILLING = """() => [...document.querySelectorAll(
  "p, li, td, th, h1, h2, h3, h4, summary, .badge, .card, dd, pre")]
  .filter(e => e.checkVisibility() && !["auto", "scroll"].includes(getComputedStyle(e).overflowX))
  .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
  .map(e => `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 50)}`)"""
OUTSIDE = """() => [...document.querySelectorAll("svg.pic")].flatMap(s => {
  if (!s.checkVisibility()) return [];
  const frame = s.viewBox.baseVal;
  return [...s.querySelectorAll("text:not(.watermark, g *)")].map(t => [t.getBBox(), t.textContent])
    .filter(([b]) => b.width && (b.x < frame.x - 1 || b.x + b.width > frame.x + frame.width + 1 ||
      b.y < frame.y - 3 || b.y + b.height > frame.y + frame.height + 3)).map(([, words]) => words);
})"""
LOST = """() => [...document.querySelectorAll("main .scroll")].filter(e => e.checkVisibility() &&
  e.scrollWidth > e.clientWidth && e.tabIndex !== 0).map(e => e.outerHTML.slice(0, 80))"""


def opening(
    report: Path, chromium: str, profile: Path, width: int
) -> Iterator[tuple[Any, list[str]]]:
    """The page, all its folds open, and everything that it asked for or complained about."""
    from playwright.sync_api import sync_playwright

    noticed: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            headless=True,
            args=OPTIONS,
            viewport={"width": width, "height": 900},
        )
        page = browser.new_page()
        page.on("console", lambda message: noticed.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noticed.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (noticed.append("dialog"), dialog.dismiss()))
        page.on(
            "request",
            lambda asked: None if asked.url == report.as_uri() else noticed.append(asked.url),
        )
        page.goto(report.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        yield page, noticed
        browser.close()
