"""Code with one thing wrong. Pure: from a source to all that can be wrong with it.

A mutant replaces one node of the syntax tree, in place: so the rest of the file, its
comments and its lines, stay as they are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_COUNTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
_REMOVED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Assert)


@dataclass(frozen=True)
class Mutant:
    """One thing that is wrong in a file.

    :ivar begin: (line from 1, column in bytes) of the text that is replaced; so ``end``
    """

    file: str
    what: str
    begin: tuple[int, int]
    end: tuple[int, int]
    text: str

    def apply(self, source: str) -> str:
        lines = source.encode().splitlines(keepends=True)
        (first, left), (last, right) = self.begin, self.end
        before = b"".join(lines[: first - 1]) + lines[first - 1][:left]
        after = lines[last - 1][right:] + b"".join(lines[last:])
        return (before + self.text.encode() + after).decode()

    def __str__(self) -> str:
        return f"{self.file}:{self.begin[0]} {self.what}"


def mutants_of(file: str, source: str) -> list[Mutant]:
    """All mutants of a file, in the order of its text."""
    tree = ast.parse(source)
    skipped = {id(n) for node in ast.walk(tree) for n in _never_decides(node)}
    found = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        for what, text in _wrong(node):
            assert node.end_lineno is not None and node.end_col_offset is not None
            begin = (node.lineno, node.col_offset)
            end = (node.end_lineno, node.end_col_offset)
            found.append(Mutant(file, what, begin, end, text))
    return sorted(found, key=lambda m: (m.begin, m.what))


def _never_decides(node: ast.AST) -> Iterator[ast.AST]:
    """Types, docstrings, what is logged, and checks for whoever changes the code."""
    parts: list[ast.AST | None] = []
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        parts += [node.returns, *(arg.annotation for arg in node.args.args)]
    elif isinstance(node, ast.AnnAssign):
        parts += [node.annotation]
    elif isinstance(node, ast.Assert):
        parts += [node]
    elif isinstance(node, ast.Expr):
        # Texts by themselves, and calls of a log; the agent says what it logs.
        text = ast.unparse(node)[:20]
        if isinstance(node.value, ast.Constant) or "log" in text or text[:4] == "say(":
            parts += [node]
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        parts += [node]
    elif isinstance(node, ast.ClassDef):
        parts += node.decorator_list
    elif isinstance(node, ast.JoinedStr):
        parts += [node]
    for part in parts:
        if part is not None:
            yield from ast.walk(part)


def _wrong(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(what is wrong, the text that takes its place), in brackets if that matters."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        other = _COMPARED[type(node.ops[0])]()
        changed = ast.Compare(node.left, [other], node.comparators)
        yield "comparison", f"({ast.unparse(changed)})"
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and/or", f"({ast.unparse(ast.BoolOp(other, node.values))})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.BinOp) and type(node.op) in _COUNTED:
        other = _COUNTED[type(node.op)]()
        yield "arithmetic", f"({ast.unparse(ast.BinOp(node.left, other, node.right))})"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "constant", str(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield "constant", repr(node.value + 1)
    elif isinstance(node, ast.If):
        # Its test alone: the whole statement would lose its comments.
        return
    elif isinstance(node, _REMOVED):
        yield "removed", "pass"
    elif isinstance(node, ast.Return) and node.value is not None:
        if not isinstance(node.value, ast.Constant) or node.value.value:
            yield "returns nothing", "return None"
