"""Runs the pages of `docs/`: files a page shows are written, commands run, output compared.

* ```` ```yaml title="segments/buyers.yaml" ```` (any language): the block is written to that file.
* ```` ```console ````: lines after ``$ `` are commands (a trailing ``\\`` continues one); the lines
  below a command must appear in what it prints, in that order. ``...`` stands for any text, a line
  of its own for any lines; runs of spaces count as one. What the page does not show may be printed
  too. A command must succeed, or end as the fence says: ```` ```console exit=1 ````.
* ```` ```python ````: executed; blocks of one page share their names. A block of ``>>>`` lines is
  a doctest.

Everything of a page happens in one temporary folder, from top to bottom.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<info>.*)$")
OPTION = re.compile(r"""(\w+)=(?:"([^"]*)"|(\S+))""")
TIMEOUT = 180


class GuideError(AssertionError):
    """A page shows something that is not so; the text starts with page and line."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, options, text, and the line where its text starts."""

    language: str
    options: Mapping[str, str]
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a console block and the lines that the page shows below it."""

    command: str
    shown: tuple[str, ...]
    line: int


def blocks(page: str) -> Iterator[Block]:
    """Every fenced block of a page of Markdown, in order."""
    lines = page.splitlines()
    at = 0
    while at < len(lines):
        opening = FENCE.match(lines[at])
        at += 1
        if not opening:
            continue
        indent, ticks, info = opening["indent"], opening["ticks"], opening["info"].strip()
        start = at
        while at < len(lines) and lines[at].strip() != ticks:
            at += 1
        language, _, rest = info.partition(" ")
        options = {key: quoted or bare for key, quoted, bare in OPTION.findall(rest)}
        body = [line.removeprefix(indent) for line in lines[start:at]]
        yield Block(language, options, "".join(f"{line}\n" for line in body), start + 1)
        at += 1


def steps(block: Block) -> Iterator[Step]:
    """The commands of a console block."""
    command, shown, line, open_ended = "", [], block.line, False
    for number, text in enumerate(block.text.splitlines(), block.line):
        if open_ended:
            command += "\n" + text
            open_ended = text.endswith("\\")
        elif text.startswith("$ "):
            if command:
                yield Step(command, tuple(shown), line)
            command, shown, line = text[2:], [], number
            open_ended = text.endswith("\\")
        else:
            shown.append(text)
    if command:
        yield Step(command, tuple(shown), line)


def _pattern(shown: str) -> re.Pattern[str]:
    parts = " ".join(shown.split()).split("...")
    return re.compile(".*".join(re.escape(part.strip()) for part in parts))


def missing(shown: tuple[str, ...], printed: str) -> str | None:
    """First line of `shown` that `printed` does not have below the one before it, or nothing."""
    rest = iter([" ".join(line.split()) for line in printed.splitlines()])
    for line in shown:
        if line.strip() in {"", "..."}:
            continue
        pattern = _pattern(line)
        if not any(pattern.fullmatch(candidate) for candidate in rest):
            return line
    return None


@dataclass(slots=True)
class Guide:
    """One page on its way through a temporary folder."""

    path: Path
    folder: Path
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "__main__"})

    def run(self) -> int:
        """Do what the page says, from top to bottom; the number of blocks that did something."""
        done = 0
        for block in blocks(self.path.read_text()):
            if title := block.options.get("title"):
                self._write(block, title)
            elif block.language == "console":
                self._console(block)
            elif block.language == "python":
                self._python(block)
            else:
                continue
            done += 1
        return done

    def _fail(self, line: int, what: str) -> GuideError:
        return GuideError(f"{self.path.name}:{line}: {what}")

    def _write(self, block: Block, title: str) -> None:
        target = (self.folder / title).resolve()
        if not target.is_relative_to(self.folder.resolve()):
            raise self._fail(block.line, f"{title!r} lies outside the page's folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text)

    def _console(self, block: Block) -> None:
        expected = int(block.options.get("exit", "0"))
        programs = Path(sys.executable).parent
        environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "120",
            "NO_COLOR": "1",
            "TZ": "UTC",
        }
        for step in steps(block):
            done = subprocess.run(
                ["/bin/sh", "-c", step.command],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
            told = f"\n$ {step.command}\n{done.stdout}"
            if done.returncode != expected:
                raise self._fail(step.line, f"exit {done.returncode}, not {expected}{told}")
            if line := missing(step.shown, done.stdout):
                raise self._fail(step.line, f"nothing printed looks like {line!r}{told}")

    def _python(self, block: Block) -> None:
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            if block.text.lstrip().startswith(">>>"):
                self._doctest(block)
            else:
                code = compile("\n" * (block.line - 1) + block.text, str(self.path), "exec")
                exec(code, self.names)  # noqa: S102  running the page is the purpose
        except GuideError:
            raise
        except Exception as error:
            raise self._fail(block.line, traceback.format_exc()) from error
        finally:
            os.chdir(before)

    def _doctest(self, block: Block) -> None:
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        test = doctest.DocTestParser().get_doctest(
            block.text, {}, self.path.name, str(self.path), block.line - 1
        )
        test.globs = self.names
        told: list[str] = []
        failed = doctest.DocTestRunner(optionflags=flags).run(
            test, out=told.append, clear_globs=False
        )
        if failed.failed:
            raise self._fail(block.line, "".join(told))
