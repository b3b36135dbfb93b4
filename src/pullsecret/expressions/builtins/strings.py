"""Builtins on strings. Go's strings are bytes; ours are text as ``values`` keeps it, and act like them."""

import re
from typing import Final, cast

from pullsecret.expressions.builtins.signature import Body, Budget, Builtin, overload
from pullsecret.expressions.numbers import to_int
from pullsecret.expressions.types import ANYS, BOOL, INT, STRING, STRINGS, GoType
from pullsecret.expressions.values import (
    NIL_STRINGS,
    NilSlice,
    RuntimeFault,
    Strings,
    Value,
    bytes_of,
    elements,
    text_of,
    type_name,
    type_of,
)

WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + ("\u2028\u2029\u202f\u205f\u3000")
)
"""Unicode's White_Space, which is not what Python strips."""

_REPEATS: Final = 1_000_000
_LOOSE_BYTE: Final = re.compile("[\udc80-\udcff]")
_INVALID: Final = "\ufffd" + "".join(map(chr, range(0xDC80, 0xDD00)))


def as_string(value: Value) -> str:
    """The value if it is a string. Raises RuntimeFault."""
    if type(value) is str:
        return value
    raise RuntimeFault(f"interface conversion: interface {{}} is {type_name(value)}, not string")


def _has_loose_bytes(text: str) -> bool:
    """True if there are bytes that belong to no character."""
    return not text.isascii() and _LOOSE_BYTE.search(text) is not None


def _normal(text: str) -> str:
    return text_of(bytes_of(text)) if _has_loose_bytes(text) else text


def _simple_upper(letter: str) -> str:
    """One character for one, as Go: where the upper case is several characters, the title case may be one."""
    upper = letter.upper()
    if len(upper) == 1:
        return upper
    title = letter.title()
    return title if len(title) == 1 else letter


def _simple_lower(letter: str) -> str:
    return letter.lower()[0]


def _upper(budget: Budget, text: Value) -> str:
    given = as_string(text)
    if given.isascii():
        return given.upper()
    budget.steps(len(given))
    return "".join(map(_simple_upper, _LOOSE_BYTE.sub("\ufffd", given)))


def _lower(budget: Budget, text: Value) -> str:
    given = as_string(text)
    if given.isascii():
        return given.lower()
    budget.steps(len(given))
    return "".join(map(_simple_lower, _LOOSE_BYTE.sub("\ufffd", given)))


def _trim(budget: Budget, text: Value, characters: Value = WHITE_SPACE) -> str:
    given, cut = as_string(text), as_string(characters)
    budget.steps((len(given) + len(cut)) >> 2)
    if "\ufffd" in cut or _has_loose_bytes(cut):
        cut += _INVALID  # Go sees every byte that belongs to no character as U+FFFD.
    return _stripped(given, frozenset(cut))


def _stripped(text: str, characters: frozenset[str]) -> str:
    # Python's own strip goes through all characters at every step: with many on both sides it would not end.
    start, end = 0, len(text)
    while start < end and text[start] in characters:
        start += 1
    while start < end and text[end - 1] in characters:
        end -= 1
    return text[start:end]


def _trim_prefix(budget: Budget, text: Value, prefix: Value = " ") -> str:
    given, cut = as_string(text), as_string(prefix)
    if _has_loose_bytes(cut):
        return text_of(bytes_of(given).removeprefix(bytes_of(cut)))
    return given.removeprefix(cut)


def _trim_suffix(budget: Budget, text: Value, suffix: Value = " ") -> str:
    given, cut = as_string(text), as_string(suffix)
    if _has_loose_bytes(cut):
        return text_of(bytes_of(given).removesuffix(bytes_of(cut)))
    return given.removesuffix(cut)


def _pieces(text: str, separator: str, limit: int) -> list[str]:
    """At most ``limit`` pieces (no limit if negative); together with the separators they are ``text``."""
    if not separator:
        if limit < 0 or limit >= len(text):
            return list(text)
        return [*text[: limit - 1], text[limit - 1 :]]
    if _has_loose_bytes(separator):
        found = bytes_of(text).split(bytes_of(separator), limit - 1 if limit > 0 else -1)
        return [text_of(each) for each in found]
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _pay_for_pieces(budget: Budget, text: str, separator: str) -> None:
    budget.text(len(text))
    budget.steps(4 * (text.count(separator) if separator else len(text)))


def _split(budget: Budget, text: Value, separator: Value, limit: Value = -1) -> Strings | NilSlice:
    given, between, most = as_string(text), as_string(separator), to_int(limit)
    if most == 0:
        return NIL_STRINGS
    _pay_for_pieces(budget, given, between)
    return Strings(_pieces(given, between, most))


def _split_after(budget: Budget, text: Value, separator: Value, limit: Value = -1) -> Strings | NilSlice:
    given, between, most = as_string(text), as_string(separator), to_int(limit)
    if most == 0:
        return NIL_STRINGS
    _pay_for_pieces(budget, given, between)
    pieces = _pieces(given, between, most)
    budget.text(len(given) + len(between) * len(pieces))
    return Strings([*(_normal(each + between) for each in pieces[:-1]), *pieces[-1:]])


def _replace(budget: Budget, text: Value, old: Value, new: Value, limit: Value = -1) -> str:
    given, gone, instead, most = as_string(text), as_string(old), as_string(new), to_int(limit)
    count = len(given) + 1 if not gone else given.count(gone)
    budget.text(len(given) + max(0, len(instead) - len(gone)) * (count if most < 0 else min(count, most)))
    if _has_loose_bytes(gone):
        return text_of(bytes_of(given).replace(bytes_of(gone), bytes_of(instead), max(most, -1)))
    return _normal(given.replace(gone, instead, max(most, -1)))


def _repeat(budget: Budget, text: Value, count: Value) -> str:
    given, times = as_string(text), to_int(count)
    if times < 0:
        raise RuntimeFault(f"invalid argument for repeat (expected positive integer, got {times})")
    if times > _REPEATS:
        raise RuntimeFault("memory budget exceeded")
    budget.memory(len(bytes_of(given)) * times)
    return _normal(given * times)


def _join(budget: Budget, array: Value, separator: Value = "") -> str:
    between = as_string(separator)
    if type_of(array) not in (ANYS, STRINGS):
        raise RuntimeFault(f"invalid argument for join (type {type_name(array)})")
    parts = [as_string(each) for each in elements(array) or ()]
    budget.text(sum(map(len, parts)) + len(between) * len(parts))
    return _normal(between.join(parts))


def _index_of(budget: Budget, text: Value, part: Value) -> int:
    given, wanted = as_string(text), as_string(part)
    if given.isascii() or _has_loose_bytes(wanted):
        return bytes_of(given).find(bytes_of(wanted))
    found = given.find(wanted)
    return found if found < 0 else len(bytes_of(given[:found]))


def _last_index_of(budget: Budget, text: Value, part: Value) -> int:
    given, wanted = as_string(text), as_string(part)
    # Searched backwards from the front: Python's search from the end can take quadratic time.
    budget.steps((len(given) + len(wanted)) >> 8)
    data, part_data = bytes_of(given), bytes_of(wanted)
    found = data[::-1].find(part_data[::-1])
    return found if found < 0 else len(data) - len(part_data) - found


def _has_prefix(budget: Budget, text: Value, prefix: Value) -> bool:
    given, wanted = as_string(text), as_string(prefix)
    if _has_loose_bytes(wanted):
        return bytes_of(given).startswith(bytes_of(wanted))
    return given.startswith(wanted)


def _has_suffix(budget: Budget, text: Value, suffix: Value) -> bool:
    given, wanted = as_string(text), as_string(suffix)
    if _has_loose_bytes(wanted):
        return bytes_of(given).endswith(bytes_of(wanted))
    return given.endswith(wanted)


def _builtin(name: str, body: object, *forms: tuple[GoType, ...], result: GoType) -> Builtin:
    return Builtin(name, cast(Body, body), overloads=tuple(overload(*form, result=result) for form in forms))


BUILTINS: Final = (
    _builtin("trim", _trim, (STRING,), (STRING, STRING), result=STRING),
    _builtin("trimPrefix", _trim_prefix, (STRING, STRING), (STRING,), result=STRING),
    _builtin("trimSuffix", _trim_suffix, (STRING, STRING), (STRING,), result=STRING),
    _builtin("upper", _upper, (STRING,), result=STRING),
    _builtin("lower", _lower, (STRING,), result=STRING),
    _builtin("split", _split, (STRING, STRING), (STRING, STRING, INT), result=STRINGS),
    _builtin("splitAfter", _split_after, (STRING, STRING), (STRING, STRING, INT), result=STRINGS),
    _builtin("replace", _replace, (STRING, STRING, STRING, INT), (STRING, STRING, STRING), result=STRING),
    _builtin("repeat", _repeat, (STRING, INT), result=STRING),
    _builtin("join", _join, (STRINGS, STRING), (ANYS, STRING), (ANYS,), (STRINGS,), result=STRING),
    _builtin("indexOf", _index_of, (STRING, STRING), result=INT),
    _builtin("lastIndexOf", _last_index_of, (STRING, STRING), result=INT),
    _builtin("hasPrefix", _has_prefix, (STRING, STRING), result=BOOL),
    _builtin("hasSuffix", _has_suffix, (STRING, STRING), result=BOOL),
)
