"""What is known of a sub-expression before it is evaluated."""

from typing import Final

import attrs

from pullsecret.expressions import types
from pullsecret.expressions.builtins.signature import Builtin
from pullsecret.expressions.types import GoType, Kind, Signature


@attrs.frozen
class Nature:
    """A type, or nothing (unknown), or the knowledge that it is the literal ``nil``."""

    type: GoType | None = None
    nil: bool = False
    element: "Nature | None" = None
    """Of an array: what its elements are, if more is known than its type tells."""
    function: Builtin | Signature | None = None
    """Of a function: what its calls are held against."""

    @property
    def unknown(self) -> bool:
        """True if it may be anything."""
        return (self.type is None and not self.nil) or self.type is types.ANY

    @property
    def kind(self) -> Kind | None:
        """None if unknown or nil."""
        return self.type.kind if self.type else None

    @property
    def is_number(self) -> bool:
        """True for predeclared number types."""
        return self.type is not None and self.type.is_number

    @property
    def is_integer(self) -> bool:
        """True for predeclared integer types."""
        return self.type is not None and self.type.is_integer

    @property
    def is_array(self) -> bool:
        """True for arrays and slices."""
        return self.type is not None and self.type.is_array

    @property
    def dereferenced(self) -> "Nature":
        """What a pointer points to; else itself."""
        if self.type is not None and self.type.kind is Kind.POINTER:
            return Nature(self.type.elem)
        return self

    @property
    def elements(self) -> "Nature":
        """What the elements of an array or map are."""
        if self.type is None or self.type.kind not in (Kind.SLICE, Kind.ARRAY, Kind.MAP):
            return UNKNOWN
        if self.element is not None and self.type.kind is not Kind.MAP:
            return self.element
        return Nature(self.type.elem)

    def assignable_to(self, other: "Nature") -> bool:
        """Go's assignability."""
        if self.nil and other.kind in _NILABLE:
            return True
        if self.type is None or other.type is None:
            return False
        return self.type is other.type or other.type is types.ANY

    def comparable_to(self, other: "Nature") -> bool:
        """True if ``==`` is allowed between them."""
        return (
            self.unknown
            or other.unknown
            or self.nil
            or other.nil
            or (self.is_number and other.is_number)
            or (self.is_array and other.is_array)
            or self.assignable_to(other)
        )

    def __str__(self) -> str:
        return "nil" if self.nil else "unknown" if self.type is None else self.type.name


_NILABLE: Final = frozenset({Kind.POINTER, Kind.INTERFACE, Kind.FUNC, Kind.MAP, Kind.SLICE})

UNKNOWN: Final = Nature()
NIL: Final = Nature(nil=True)
BOOL: Final = Nature(types.BOOL)
INT: Final = Nature(types.INT)
FLOAT: Final = Nature(types.FLOAT64)
STRING: Final = Nature(types.STRING)
BYTES: Final = Nature(types.BYTES)
ANYS: Final = Nature(types.ANYS)
STRING_MAP: Final = Nature(types.STRING_MAP)
TIME: Final = Nature(types.TIME)
DURATION: Final = Nature(types.DURATION)


def array_of(element: Nature) -> Nature:
    """``[]any`` of which the elements are known."""
    return Nature(types.ANYS, element=element)
