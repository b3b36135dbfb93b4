"""The Expr language (https://expr-lang.org), as its engine v1.17 understands it.

>>> from pullsecret.expressions import compile
>>> compile('cloudProvider == "gcp" && len(zones) > 1').evaluate({"cloudProvider": "gcp", "zones": ["a"]})
False
"""

from pullsecret.expressions.errors import CompileError, EvaluationError, ExpressionError
from pullsecret.expressions.program import Clause, Program, compile

__all__ = ["Clause", "CompileError", "EvaluationError", "ExpressionError", "Program", "compile"]
