"""A compiled expression."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from pullsecret.expressions import ast
from pullsecret.expressions.ast import Node
from pullsecret.expressions.builtins import BUILTINS
from pullsecret.expressions.checker import Checker
from pullsecret.expressions.compiler import Compiler
from pullsecret.expressions.errors import CompileError, EvaluationError
from pullsecret.expressions.frame import Frame
from pullsecret.expressions.operands import operands
from pullsecret.expressions.optimizer import optimized
from pullsecret.expressions.tokens import PREDICATE_BUILTINS

_NAMES: Final = frozenset(BUILTINS) | PREDICATE_BUILTINS


@attrs.frozen
class Clause:
    """One of the parts that a top-level ``&&`` joins, evaluated alone."""

    source: str
    value: Any
    """None if there is an error."""
    error: EvaluationError | None
    operands: Mapping[str, Any]
    """What it reads of the environment, by its text in the expression (``spec.provider``); what is not there
    is None."""


class Program:
    """An expression that was compiled once and is evaluated many times. Safe to share between threads."""

    def __init__(self, source: str) -> None:
        """Raises CompileError."""
        self.source: Final = source
        self._tree = _parsed(source)
        self._code, self._variables = _compiled(source, self._tree)
        self._clauses: list[tuple[Node, Program]] | None = None

    def evaluate(self, environment: Mapping[str, Any]) -> Any:
        """The value. Raises EvaluationError.

        The environment is a JSON document: maps with string keys, lists, strings, numbers, bools and None.
        Its numbers are read as floats, as every JSON document's. A name that it does not have is nil.
        """
        try:
            return self._code(Frame(environment, self._variables))
        except RecursionError:
            raise EvaluationError("values are nested too deeply", self.source, 0, len(self.source)) from None

    def clauses(self, environment: Mapping[str, Any]) -> Sequence[Clause]:
        """The parts that ``&&`` joins at the top, in order; all are evaluated, whatever the others are."""
        if self._clauses is None:
            nodes = _conjuncts(self._tree)
            self._clauses = [(node, Program(self.source[node.start : node.end])) for node in nodes]
        return [self._clause(node, program, environment) for node, program in self._clauses]

    def _clause(self, node: Node, program: "Program", environment: Mapping[str, Any]) -> Clause:
        reads = operands(node, self.source, environment)
        try:
            return Clause(program.source, program.evaluate(environment), None, reads)
        except EvaluationError as error:
            return Clause(program.source, None, error, reads)

    def __repr__(self) -> str:
        return f"Program({self.source!r})"


def compile(source: str) -> Program:
    """Compiles an expression. Raises CompileError."""
    return Program(source)


def _parsed(source: str) -> Node:
    # The parser generator is a third of what this package takes to import, and not every command compiles.
    from pullsecret.expressions.parser import parse

    return parse(source, _NAMES)


def _compiled(source: str, tree: Node) -> Any:
    try:
        checker = Checker(source)
        checker.check(tree)
        tree = optimized(tree, checker.natures, source)
        compiler = Compiler(source, checker.natures)
        return compiler.code(tree), compiler.variables
    except RecursionError:
        raise CompileError("nested too deeply", source, 0, len(source)) from None


def _conjuncts(node: Node) -> list[Node]:
    found: list[Node] = []
    while isinstance(node, ast.Binary) and node.operator in ("&&", "and"):
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]
