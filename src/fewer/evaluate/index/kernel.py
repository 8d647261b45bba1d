"""What a kernel is: a function that is compiled when it is first needed.

Loading the compiler takes longer than a single question of a process that just began. Such a
question is answered `plainly`, by numpy, with kernels that have a numpy form.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from types import FunctionType
from typing import Any, Final

_COMPILING: Final = Lock()


class Kernel:
    """A function of arrays, compiled by numba and kept compiled on disk.

    Attributes:
        py_func: The function as written.
        plain: The same in numpy; None when there is none.
    """

    loaded = False
    """Whether any kernel was compiled or loaded in this process."""

    _plainly = 0

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self.plain: Callable[..., Any] | None = None
        self._compiled: Any = None

    def __call__(self, *arguments: Any) -> Any:
        """Run it."""
        compiled = self._compiled
        if compiled is None:
            if Kernel._plainly and self.plain is not None:
                return self.plain(*arguments)
            compiled = self.compiled()
        return compiled(*arguments)

    def compiled(self) -> Any:
        """The compiled function."""
        with _COMPILING:
            return self._compile()

    def _compile(self) -> Any:
        if self._compiled is None:
            import numba  # noqa: PLC0415  a fifth of a second, which not every process needs

            function = self._linked()
            try:
                self._compiled = numba.njit(nogil=True, cache=True)(function)
            except RuntimeError:  # no folder that can be written to
                self._compiled = numba.njit(nogil=True)(function)
            Kernel.loaded = True
        return self._compiled

    def _linked(self) -> Any:
        """The function, with the kernels that it calls compiled."""
        function = self.py_func
        assert isinstance(function, FunctionType)  # noqa: S101  kernels are plain functions
        known: Mapping[str, Any] = function.__globals__
        called = {
            name: known[name]._compile()  # noqa: SLF001  its own kind
            for name in function.__code__.co_names
            if isinstance(known.get(name), Kernel)
        }
        if not called:
            return function
        linked = FunctionType(function.__code__, {**known, **called}, function.__name__)
        linked.__module__, linked.__qualname__ = function.__module__, function.__qualname__
        return linked


@contextmanager
def plainly() -> Iterator[None]:
    """Use numpy inside, where a kernel has a numpy form and was not compiled yet."""
    Kernel._plainly += 1  # noqa: SLF001  its own kind
    try:
        yield
    finally:
        Kernel._plainly -= 1  # noqa: SLF001  its own kind
