"""What is typed, as code; what goes wrong, as text. No process and no I/O."""

from __future__ import annotations
import __future__

import ast
import codeop
import linecache
import traceback
from typing import TYPE_CHECKING, Any

from .showing import cut

if TYPE_CHECKING:
    from types import CodeType, TracebackType

SHOW = "__ergopy_show__"
"""The name of the built-in function that is called with the value of an expression."""

MAX_SOURCE = 1 << 20
"""Characters of one statement, over all its lines."""

MAX_KEPT = 500
"""Statements of one shell whose lines are kept for tracebacks."""

_FUTURE = 0
for _name in __future__.all_feature_names:
    _FUTURE |= getattr(__future__, _name).compiler_flag


class Source:
    """The statements of one shell: collects lines until there is one to run.

    Args:
        label: What the statements are called in tracebacks: ``<label:number>``.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._lines: list[str] = []
        self._size = 0
        self._number = 0
        self._kept: list[str] = []
        self._complete = codeop.CommandCompiler()
        self._complete.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    @property
    def begun(self) -> bool:
        """Whether a statement has begun and needs more lines."""
        return bool(self._lines)

    def forget(self) -> None:
        """Drop the statement that has begun."""
        self._lines.clear()
        self._size = 0

    def push(self, line: str) -> CodeType | None:
        """Add a line; return the code if that completes a statement, else None.

        Raises:
            SyntaxError, ValueError, OverflowError: It is no Python, or too long; the
                statement is dropped.
        """
        line = line.rstrip("\r\n")
        if not self._lines and not line.partition("#")[0].strip():
            return None
        self._lines.append(line)
        self._size += len(line)
        text = "\n".join(self._lines)
        try:
            if self._size > MAX_SOURCE:
                raise ValueError(f"a statement of more than {MAX_SOURCE} characters")
            name = f"<{self._label}:{self._number + 1}>"
            if self._complete(text, name, "single") is None:
                return None
            code = self._compile(text, name)
        except BaseException:
            self.forget()
            raise
        self.forget()
        self._number += 1
        self._keep(name, text)
        return code

    def _compile(self, text: str, name: str) -> CodeType:
        # What codeop compiled gives values to sys.displayhook, which is everyone's.
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        flags |= self._complete.compiler.flags & _FUTURE
        only_tree = flags | ast.PyCF_ONLY_AST
        tree = compile(text, name, "single", only_tree, dont_inherit=True)
        assert isinstance(tree, ast.Interactive)
        for index, statement in enumerate(tree.body):
            tree.body[index] = _Shown().visit(statement)
        module = ast.Module(tree.body, [])
        code: CodeType = compile(module, name, "exec", flags, dont_inherit=True)
        return code

    def _keep(self, name: str, text: str) -> None:
        lines = text.splitlines(keepends=True)
        linecache.cache[name] = (len(text), None, lines, name)
        self._kept.append(name)
        if len(self._kept) > MAX_KEPT:
            linecache.cache.pop(self._kept.pop(0), None)

    def close(self) -> None:
        """Forget the lines of all statements."""
        for name in self._kept:
            linecache.cache.pop(name, None)
        self._kept.clear()

    def explain(self, error: BaseException) -> str:
        """Return the traceback of *error*, from what was typed on."""
        trace = self._own(error.__traceback__)
        lines = traceback.TracebackException(type(error), error, trace).format()
        return cut("".join(lines))

    def _own(self, trace: TracebackType | None) -> TracebackType | None:
        while trace is not None:
            if trace.tb_frame.f_code.co_filename.startswith(f"<{self._label}:"):
                break
            trace = trace.tb_next
        return trace


_CLOSED = (ast.expr, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""What has no statements of the prompt itself; expressions may be deep."""


class _Shown(ast.NodeTransformer):
    """Makes an expression that stands alone a call of ``SHOW`` with it.

    Also in loops and the like, as Python's prompt does, but not in functions.
    """

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Expr):
            show = ast.copy_location(ast.Name(SHOW, ast.Load()), node)
            call = ast.copy_location(ast.Call(show, [node.value], []), node)
            return ast.copy_location(ast.Expr(call), node)
        if isinstance(node, _CLOSED):
            return node
        return self.generic_visit(node)
