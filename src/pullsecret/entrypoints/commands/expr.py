"""``pullsecret expr``: evaluates an expression, or many for comparison with another engine."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from pullsecret.entrypoints.command_errors import told_in_one_line
from pullsecret.entrypoints.exit_codes import ExitCode
from pullsecret.entrypoints.input_files import read_documents
from pullsecret.entrypoints.wrong_use import WrongUseError
from pullsecret.expressions import CompileError, EvaluationError, ExpressionError, compile
from pullsecret.expressions.budget import Budget
from pullsecret.expressions.builtins.encoding import marshal
from pullsecret.expressions.values import RuntimeFault, type_name

Environments = Mapping[str, Mapping[str, Any]]

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


@told_in_one_line
def expr(
    expression: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    env: Path | None = None,
    environments: Path | None = None,
) -> ExitCode:
    """Evaluate an expression as preconditions and event filters are evaluated.

    The value is printed as JSON. Exits 0 with a value, 1 if the expression has none in this environment,
    2 if the expression means nothing or a file cannot be used.

    With --environments, expressions come from standard input, one JSON object a line with "expr" and "env",
    the name of an environment. For each, one line is printed with "outcome" (value, compile_error,
    runtime_error, or unserialisable for a value that JSON cannot express), and with "type" and "value" if
    there is a value.

    For example:

    ```
    pullsecret expr '2 ** 10'
    pullsecret expr 'spec.provider == "gcp"' --env cluster.json
    pullsecret expr --environments environments.json < cases.jsonl
    ```

    Parameters
    ----------
    expression
        The expression.
    env
        JSON object with the names that the expression may read; without it, every name is nil.
    environments
        JSON object with an environment under each name.
    """
    if environments is not None:
        if expression is not None or env is not None:
            raise WrongUseError("--environments takes expressions from standard input only")
        return _answer_all(sys.stdin.buffer, _environments(environments))
    if expression is None:
        raise WrongUseError("give an expression, or --environments FILE")
    return _show(expression, _object(env) if env else {})


def _object(path: Path) -> Mapping[str, Any]:
    documents = read_documents(path)
    if len(documents) != 1:
        raise WrongUseError(f"{path}: has {len(documents)} JSON objects; give one")
    return documents[0]


def _environments(path: Path) -> Environments:
    found = _object(path)
    for name, environment in found.items():
        if not isinstance(environment, dict):
            raise WrongUseError(f"{path}: environment {name!r} is not a JSON object")
    return found


def _show(expression: str, environment: Mapping[str, Any]) -> ExitCode:
    try:
        value = compile(expression).evaluate(environment)
        sys.stdout.write(marshal(value, Budget()) + "\n")
    except ExpressionError as error:
        sys.stderr.write(f"{error}\n{error.snippet()}\n")
        return ExitCode.WRONG_USE if isinstance(error, CompileError) else ExitCode.NOT_AS_IT_SHOULD_BE
    except RuntimeFault as fault:
        sys.stderr.write(f"the value, of type {type_name(value)}, has no JSON: {fault.message}\n")
        return ExitCode.NOT_AS_IT_SHOULD_BE
    return ExitCode.OK


def _answer_all(lines: Iterable[bytes], environments: Environments) -> ExitCode:
    for expression, environment in _cases(lines, environments):
        sys.stdout.write(_answer(expression, environment) + "\n")
        sys.stdout.flush()
    return ExitCode.OK


def _cases(lines: Iterable[bytes], environments: Environments) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
            expression, name = case["expr"], case["env"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise WrongUseError(f'line {number}: not a JSON object with "expr" and "env"') from None
        if not isinstance(expression, str) or not isinstance(name, str) or name not in environments:
            raise WrongUseError(f"line {number}: no environment {name!r}, or the expression is no text")
        yield _characters(expression), environments[name]


def _characters(text: str) -> str:
    """The text with U+FFFD for halves of surrogate pairs, which JSON can write although they mean nothing."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _answer(expression: str, environment: Mapping[str, Any]) -> str:
    try:
        value = compile(expression).evaluate(environment)
        text = marshal(value, Budget())
    except CompileError:
        return '{"outcome": "compile_error"}'
    except EvaluationError:
        return '{"outcome": "runtime_error"}'
    except RuntimeFault:
        return '{"outcome": "unserialisable"}'
    return f'{{"outcome": "value", "type": "{type_name(value)}", "value": {_NOT_ASCII.sub(_escaped, text)}}}'


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1]
