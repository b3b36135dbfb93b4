"""The design's grep over the logs finds nothing: messages are disarmed where they are written, and what is in
the other fields is chosen not to be found."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pullsecret
from pullsecret.domain.reasons import Reason

FORBIDDEN: Final = re.compile("auth|password|token")
_SOURCE: Final = Path(pullsecret.__file__).parent
_OPERATION: Final = re.compile(r"[a-z]+(?:-[a-z]+)+")


def operations() -> Iterator[tuple[str, str]]:
    """Where each operation is named, and its name: an error's or a log line's, or what is given as one."""
    for file in _SOURCE.rglob("*.py"):
        if "testing" in file.relative_to(_SOURCE).parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                texts = [*node.args[:2], *(word.value for word in node.keywords if word.arg == "operation")]
                called = ast.unparse(node.func)
                if not re.search(
                    r"Error$|LogLine$|unavailable$|refused$|ApiRequest$|failure$|write$|_wrong$", called
                ):
                    texts = texts[len(node.args[:2]) :]
            elif isinstance(node, ast.Assign):
                texts = [node.value]
            else:
                continue
            for text in texts:
                if (
                    isinstance(text, ast.Constant)
                    and isinstance(text.value, str)
                    and _OPERATION.fullmatch(text.value)
                ):
                    yield f"{file.name}:{node.lineno}", text.value


def test_no_operation_is_found_by_the_designs_grep() -> None:
    named = list(operations())
    assert len({name for _, name in named}) > 20
    assert [each for each in named if FORBIDDEN.search(each[1])] == []


def test_no_reason_is_found_by_the_designs_grep() -> None:
    assert [reason.value for reason in Reason if FORBIDDEN.search(reason.value)] == []
