"""Expressions for property tests: most of them compile, many have a value."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

NAMES = ("text", "number", "yes", "nothing", "tags", "users", "spec", "missing")
ENVIRONMENT = {
    "text": "héllo",
    "number": 3,
    "yes": True,
    "nothing": None,
    "tags": ["b", "a"],
    "users": [{"name": "Ann", "age": 31}, {"name": "Bob", "tags": []}],
    "spec": {"provider": "gcp", "deep": {"er": [1, {"x": None}]}},
}
LITERALS = (
    "nil", "true", "1", "-3", "0", "2.5", "1e300", "9223372036854775807", '""', '"a"', "'é'", "`r`",
    'b"\\xff"', "[]", "{}", "[1, 'a', nil]", "{a: 1}", "1..3", "$env",
)  # fmt: skip
BINARY = (
    "+", "-", "*", "/", "%", "**", "^", "==", "!=", "<", ">", "<=", ">=", "&&", "||", "and", "or",
    "in", "not in", "contains", "startsWith", "endsWith", "matches", "not matches", "..", "??",
)  # fmt: skip
LOOPS = (
    "all", "any", "none", "one", "filter", "map", "count", "sum", "find", "findIndex", "findLast",
    "findLastIndex", "groupBy", "sortBy", "reduce",
)  # fmt: skip
BUILTINS = (
    "len", "type", "abs", "ceil", "floor", "round", "int", "float", "string", "trim", "trimPrefix",
    "trimSuffix", "upper", "lower", "split", "splitAfter", "replace", "repeat", "join", "indexOf",
    "lastIndexOf", "hasPrefix", "hasSuffix", "max", "min", "mean", "median", "toJSON", "fromJSON",
    "toBase64", "fromBase64", "duration", "date", "timezone", "first", "last", "get", "take",
    "keys", "values", "toPairs", "fromPairs", "reverse", "uniq", "concat", "flatten", "sort",
    "bitand", "bitor", "bitxor", "bitnand", "bitshl", "bitshr", "bitushr", "bitnot", "unknown",
)  # fmt: skip
PIECES = (
    "(", ")", "[", "]", "{", "}", "?", ":", ".", "?.", ",", ";", "|", "#", "let", "if", "else", "not", "::",
    "=", "\\", '"', "'", "`", "/*", "//", "\n",
)  # fmt: skip


def _grown(inner: SearchStrategy[str]) -> SearchStrategy[str]:
    predicate = st.one_of(
        inner, inner.map(lambda body: f"{{{body}}}"), st.sampled_from(("#", ".name", "# == #index"))
    )
    return st.one_of(
        st.tuples(inner, st.sampled_from(BINARY), inner).map(" ".join),
        inner.map(lambda each: f"({each})"),
        st.tuples(st.sampled_from(("!", "-", "not ", "+")), inner).map("".join),
        st.tuples(
            inner, st.sampled_from((".name", "?.deep", "[0]", "[-1]", "?.['a']", "[1:]", "[:-1]", ".Year()"))
        ).map("".join),
        st.tuples(inner, inner).map(lambda two: f"{two[0]}[{two[1]}]"),
        st.tuples(st.sampled_from(LOOPS), inner, predicate).map(lambda it: f"{it[0]}({it[1]}, {it[2]})"),
        st.tuples(st.sampled_from(BUILTINS), st.lists(inner, max_size=3)).map(
            lambda it: f"{it[0]}({', '.join(it[1])})"
        ),
        st.tuples(inner, st.sampled_from(BUILTINS)).map(lambda it: f"{it[0]} | {it[1]}()"),
        st.tuples(inner, inner, inner).map(lambda it: f"{it[0]} ? {it[1]} : {it[2]}"),
        st.tuples(inner, inner, inner).map(lambda it: f"if {it[0]} {{{it[1]}}} else {{{it[2]}}}"),
        st.tuples(inner, inner).map(lambda two: f"let v = {two[0]}; [v, {two[1]}, v]"),
        st.tuples(inner, inner).map("; ".join),
        st.lists(inner, max_size=4).map(lambda each: f"[{', '.join(each)}]"),
        st.tuples(inner, inner).map(lambda two: f"{{a: {two[0]}, ({two[1]}): 1}}"),
    )


EXPRESSIONS = st.recursive(st.sampled_from(NAMES + LITERALS + ("#", "#acc", "#index")), _grown, max_leaves=12)
"""Out of the grammar; types fit by chance."""

MANGLED = st.tuples(EXPRESSIONS, st.integers(0, 60), st.text(max_size=3)).map(
    lambda it: it[0][: it[1]] + it[2] + it[0][it[1] :]
)
"""The same with something in between that does not belong there."""

RAW = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=40).map(lambda data: data.decode("utf-8", "surrogateescape")),
    st.lists(st.sampled_from(NAMES + LITERALS + BINARY + PIECES), max_size=15).map(" ".join),
)
"""Anything at all."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
"""What an environment may hold."""
