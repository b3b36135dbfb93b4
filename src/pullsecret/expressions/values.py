"""Values of the language: which Python value stands for which Go value.

=========================  ===============================================================================
Go                         Python
=========================  ===============================================================================
``nil``                    ``None``
``bool``                   ``bool``
``int``                    ``int``, exactly that type, always within 64 bits (:func:`wrapped` keeps it so)
``float64``                ``float``
other integer types        :class:`TypedInt`: ``uint8``, ``int32``, ``int64``, ``time.Month``...
``string``                 ``str``; bytes that are not UTF-8 are kept as ``surrogateescape`` characters.
                           Every ``str`` is *normal*: decoding its bytes again gives itself. Whoever puts
                           strings together out of parts uses :func:`concatenated` or :func:`text_of`
``[]byte``                 ``bytes``
``[]any``                  ``list`` (never changed once another value can see it)
``[]int``                  ``range`` with step 1; :class:`Ints` if it goes on past 64 bits
``[]string``               :class:`Strings`
nil slices                 :data:`NIL_ANYS` and :data:`NIL_STRINGS`: equal to ``nil``, else like empty ones
``[2]any``, ``[][2]any``   :class:`Pair`, :class:`Pairs`
``map[string]any``         ``dict`` with ``str`` keys
``map[any]any``            :class:`AnyMap`, also ``map[any][]any``
``time.Time``              :class:`Time`
``time.Duration``          :class:`Duration`
``*time.Location``         :class:`Location`
``time.Location``          :class:`LocationCopy`
function (method value)    :class:`Function`
=========================  ===============================================================================

Values are told apart by ``type(value)``, never by ``isinstance``: ``bool`` is an ``int`` in Python, not here.
Operators on values (``equal``, ``less``, ``more``, ``add``...) are in ``operators``.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import tzinfo
from typing import Any, Final, cast, overload

import attrs

from pullsecret.expressions import types
from pullsecret.expressions.types import GoType, Signature, function_type

Value = Any
"""One of the Python values of the table above."""


class RuntimeFault(Exception):  # noqa: N818 it becomes an EvaluationError where the place is known
    """An operation that cannot be done on these values."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@attrs.frozen
class TypedInt:
    """An integer of another type than ``int``. ``value`` is within the type's range."""

    type: GoType
    value: int


class Strings(tuple[str, ...]):
    """``[]string``"""

    __slots__ = ()


class Ints(tuple[int, ...]):
    """``[]int`` that reaches the largest number and goes on from the smallest."""

    __slots__ = ()


class Pair(tuple[Value, Value]):
    """``[2]any``"""

    __slots__ = ()


class Pairs(tuple[Pair, ...]):
    """``[][2]any``"""

    __slots__ = ()


class ByteElements(Sequence[TypedInt]):
    """The elements of a ``[]byte``, or of a string that is gone through."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    @overload
    def __getitem__(self, index: int) -> TypedInt: ...

    @overload
    def __getitem__(self, index: slice) -> "ByteElements": ...

    def __getitem__(self, index: int | slice) -> "TypedInt | ByteElements":
        if isinstance(index, slice):
            return ByteElements(self._data[index])
        return TypedInt(types.UINT8, self._data[index])


@attrs.frozen
class NilSlice:
    """A slice that is nil. There is one object per type."""

    type: GoType


NIL_ANYS: Final = NilSlice(types.ANYS)
NIL_STRINGS: Final = NilSlice(types.STRINGS)


@attrs.frozen
class Duration:
    """``time.Duration``: nanoseconds within 64 bits."""

    nanoseconds: int


@attrs.frozen
class Location:
    """``*time.Location``. ``zone`` gives offset and abbreviation at an instant.

    ``UTC`` and ``Local`` (which is UTC here: an expression means the same on every machine) have their names.
    A location made by parsing a numeric offset that no known zone has is named by its abbreviation, or empty.
    """

    name: str
    zone: tzinfo


@attrs.frozen
class LocationCopy:
    """``time.Location``: what operators make of a pointer to one. Without methods, of little use."""

    pointer: Location


@attrs.frozen
class Time:
    """``time.Time``: an instant and the location it is shown in. Go's zero time is the year 1."""

    seconds: int
    """Since 1970-01-01T00:00:00Z; may be negative, may lie far outside of Python's datetime."""
    nanoseconds: int
    """0 to 999,999,999."""
    location: Location


@attrs.frozen(eq=False)
class Function:
    """A method value (``date("2024-01-01").Year`` without a call), or what a call of one runs."""

    signature: Signature
    call: Callable[..., Value]
    """Takes the budget and the arguments without receiver, already of the right types."""


class AnyMap:
    """A Go map whose keys may be of any comparable type; keys of different types are different keys.

    Iteration is in order of insertion (Go's is random).
    """

    __slots__ = ("_entries", "type")

    def __init__(self, go_type: GoType) -> None:
        self.type: Final = go_type
        self._entries: dict[Hashable, tuple[Value, Value]] = {}

    def get(self, key: Value) -> tuple[Value, Value] | None:
        """Key and value as stored, or None. Raises RuntimeFault on a key that Go cannot hash."""
        return self._entries.get(identity(key))

    def set(self, key: Value, value: Value) -> None:
        """Raises RuntimeFault on a key that Go cannot hash."""
        self._entries[identity(key)] = (key, value)

    def items(self) -> Iterator[tuple[Value, Value]]:
        """Keys and values."""
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)


_PYTHON_TYPES: Final[dict[type, GoType]] = {
    bool: types.BOOL,
    int: types.INT,
    float: types.FLOAT64,
    str: types.STRING,
    bytes: types.BYTES,
    list: types.ANYS,
    range: types.INTS,
    Ints: types.INTS,
    Strings: types.STRINGS,
    Pair: types.PAIR,
    Pairs: types.PAIRS,
    dict: types.STRING_MAP,
    Time: types.TIME,
    Duration: types.DURATION,
    Location: types.LOCATION,
    LocationCopy: types.LOCATION_STRUCT,
}


def type_of(value: Value) -> GoType | None:
    """The Go type of a value; None for nil."""
    known = _PYTHON_TYPES.get(type(value))
    if known is not None:
        return known
    if isinstance(value, TypedInt | AnyMap | NilSlice):
        return value.type
    if isinstance(value, Function):
        return function_type(value.signature)
    return None


def type_name(value: Value) -> str:
    """The Go type of a value as ``%T`` prints it: ``int``, ``[]interface {}``, ``<nil>``."""
    known = type_of(value)
    return "<nil>" if known is None else known.name


def dereferenced(value: Value) -> Value:
    """What a pointer points to; else the value itself. Operators follow pointers before they look."""
    return LocationCopy(value) if type(value) is Location else value


def is_nil(value: Value) -> bool:
    """True for ``nil`` and for nil slices."""
    return value is None or type(value) is NilSlice


_TUPLES: Final = frozenset({Ints, Strings, Pair, Pairs})


def elements(value: Value) -> Sequence[Value] | None:
    """The elements of a slice or array; None for a value of any other type."""
    kind = type(value)
    if kind is list or kind is range or kind in _TUPLES:
        return cast(Sequence[Value], value)
    if kind is bytes:
        return ByteElements(value)
    return () if kind is NilSlice else None


def wrapped(number: int) -> int:
    """The number as a 64-bit two's complement ``int``: Go's overflow."""
    if -0x8000000000000000 <= number <= 0x7FFFFFFFFFFFFFFF:
        return number
    return ((number + 0x8000000000000000) & 0xFFFFFFFFFFFFFFFF) - 0x8000000000000000


def bytes_of(text: str) -> bytes:
    """The bytes of a ``string``. Lone surrogates, which no Go string has, become U+FFFD."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def text_of(data: bytes) -> str:
    """The normal ``str`` of the bytes of a ``string``."""
    return data.decode("utf-8", "surrogateescape")


def concatenated(left: str, right: str) -> str:
    """Both, as a normal ``str``: halves of a character become one again."""
    if left and right and "\udc80" <= left[-1] <= "\udcff" and "\udc80" <= right[0] <= "\udcff":
        return text_of(bytes_of(left + right))
    return left + right


def identity(key: Value) -> Hashable:
    """What tells map keys apart as Go does. Raises RuntimeFault on a key that Go cannot hash."""
    kind = type(key)
    if key is None or kind is str:
        return cast(Hashable, key)
    if kind is float:
        # NaN is equal to nothing, not even to itself: every insertion is another key.
        return (kind, key) if key == key else object()
    if kind in (bool, int, TypedInt, Duration, Time, Location):
        return (kind, key)
    if kind is Pair:
        return (kind, *(identity(each) for each in key))
    raise RuntimeFault(f"runtime error: hash of unhashable type {type_name(key)}")
