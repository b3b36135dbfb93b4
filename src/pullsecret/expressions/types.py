"""Static types: what Go calls a type, as far as the language can name one."""

from enum import Enum
from typing import Final

import attrs


class Kind(Enum):
    """What Go's ``reflect.Kind`` tells about a type."""

    BOOL = "bool"
    INT = "int"
    INT32 = "int32"
    INT64 = "int64"
    UINT8 = "uint8"
    FLOAT64 = "float64"
    STRING = "string"
    SLICE = "slice"
    ARRAY = "array"
    MAP = "map"
    STRUCT = "struct"
    FUNC = "func"
    POINTER = "ptr"
    INTERFACE = "interface"


_INTEGER_KINDS: Final = frozenset({Kind.INT, Kind.INT32, Kind.INT64, Kind.UINT8})


@attrs.frozen(eq=False)
class GoType:
    """One Go type. Compared by identity: there is exactly one object per type."""

    name: str
    """As ``%T`` prints it: ``[]interface {}``, ``time.Duration``."""
    kind: Kind
    elem: "GoType | None" = None
    """Element type of a slice, array or map."""
    key: "GoType | None" = None
    """Key type of a map."""
    package: str = ""
    """Import path if the type is declared in a package (``time``), else empty."""

    @property
    def is_integer(self) -> bool:
        """True for Go's predeclared integer types; false for ``time.Duration`` and the like."""
        return self.kind in _INTEGER_KINDS and not self.package

    @property
    def is_float(self) -> bool:
        """True for ``float64``."""
        return self.kind is Kind.FLOAT64

    @property
    def is_number(self) -> bool:
        """True for predeclared integers and floats."""
        return self.is_integer or self.is_float

    @property
    def is_array(self) -> bool:
        """True for slices and arrays."""
        return self.kind is Kind.SLICE or self.kind is Kind.ARRAY

    def __repr__(self) -> str:
        return self.name


ANY: Final = GoType("interface {}", Kind.INTERFACE)
BOOL: Final = GoType("bool", Kind.BOOL)
INT: Final = GoType("int", Kind.INT)
INT32: Final = GoType("int32", Kind.INT32)
INT64: Final = GoType("int64", Kind.INT64)
UINT8: Final = GoType("uint8", Kind.UINT8)
FLOAT64: Final = GoType("float64", Kind.FLOAT64)
STRING: Final = GoType("string", Kind.STRING)
ANYS: Final = GoType("[]interface {}", Kind.SLICE, elem=ANY)
INTS: Final = GoType("[]int", Kind.SLICE, elem=INT)
FLOATS: Final = GoType("[]float64", Kind.SLICE, elem=FLOAT64)
STRINGS: Final = GoType("[]string", Kind.SLICE, elem=STRING)
BYTES: Final = GoType("[]uint8", Kind.SLICE, elem=UINT8)
PAIR: Final = GoType("[2]interface {}", Kind.ARRAY, elem=ANY)
PAIRS: Final = GoType("[][2]interface {}", Kind.SLICE, elem=PAIR)
STRING_MAP: Final = GoType("map[string]interface {}", Kind.MAP, elem=ANY, key=STRING)
ANY_MAP: Final = GoType("map[interface {}]interface {}", Kind.MAP, elem=ANY, key=ANY)
GROUPS: Final = GoType("map[interface {}][]interface {}", Kind.MAP, elem=ANYS, key=ANY)
TIME: Final = GoType("time.Time", Kind.STRUCT, package="time")
DURATION: Final = GoType("time.Duration", Kind.INT64, package="time")
MONTH: Final = GoType("time.Month", Kind.INT, package="time")
WEEKDAY: Final = GoType("time.Weekday", Kind.INT, package="time")
LOCATION_STRUCT: Final = GoType("time.Location", Kind.STRUCT, package="time")
LOCATION: Final = GoType("*time.Location", Kind.POINTER, elem=LOCATION_STRUCT)


@attrs.frozen
class Signature:
    """The type of a function: of one overload of a builtin, or of a method (without its receiver).

    ``results`` are all results, without a trailing ``error``. Only the first is ever seen; with more than two
    results (an ``error`` counts, see ``fails``) the checker refuses a call.
    """

    parameters: tuple[GoType, ...]
    results: tuple[GoType, ...]
    fails: bool = False
    """True if Go's function has a last result of type ``error``."""


_FUNCTIONS: Final[dict[str, GoType]] = {}


def method_type(receiver: GoType, signature: Signature) -> GoType:
    """The type of a method before it is bound: its receiver is the first parameter."""
    return function_type(attrs.evolve(signature, parameters=(receiver, *signature.parameters)))


def function_type(signature: Signature) -> GoType:
    """The type of a function: the same one for the same signature."""
    results = [each.name for each in signature.results] + (["error"] if signature.fails else [])
    shown = results[0] if len(results) == 1 else f"({', '.join(results)})"
    name = f"func({', '.join(each.name for each in signature.parameters)}) {shown}"
    return _FUNCTIONS.setdefault(name, GoType(name, Kind.FUNC))
