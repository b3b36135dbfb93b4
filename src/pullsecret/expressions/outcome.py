"""How an expression ends, in the form of the conformance cases."""

import json
from collections.abc import Mapping
from typing import Any

from pullsecret.expressions.budget import Budget
from pullsecret.expressions.builtins.encoding import marshal
from pullsecret.expressions.errors import CompileError, EvaluationError
from pullsecret.expressions.program import compile
from pullsecret.expressions.values import RuntimeFault, type_name


def outcome(source: str, environment: Mapping[str, Any]) -> dict[str, Any]:
    """``{"outcome": "value", "value": ..., "type": ...}``; or only an outcome: ``compile_error``,
    ``runtime_error``, ``unserialisable`` (the value has no JSON form)."""
    try:
        program = compile(source)
    except CompileError:
        return {"outcome": "compile_error"}
    try:
        value = program.evaluate(environment)
    except EvaluationError:
        return {"outcome": "runtime_error"}
    try:
        document = json.loads(marshal(value, Budget()))
    except RuntimeFault:
        return {"outcome": "unserialisable"}
    return {"outcome": "value", "value": document, "type": type_name(value)}
