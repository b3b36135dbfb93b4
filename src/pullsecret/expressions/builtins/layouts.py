"""Go's layouts: a time is formatted and parsed by an example, the moment Mon Jan 2 15:04:05 MST 2006."""

import re
from enum import Enum
from functools import lru_cache
from typing import Final

import attrs


class Element(Enum):
    """What a part of a layout stands for; the value is how it is written there."""

    LONG_MONTH = "January"
    MONTH_NAME = "Jan"
    MONTH = "1"
    ZERO_MONTH = "01"
    LONG_WEEKDAY = "Monday"
    WEEKDAY = "Mon"
    DAY = "2"
    UNDER_DAY = "_2"
    ZERO_DAY = "02"
    UNDER_YEAR_DAY = "__2"
    ZERO_YEAR_DAY = "002"
    HOUR = "15"
    HOUR_12 = "3"
    ZERO_HOUR_12 = "03"
    MINUTE = "4"
    ZERO_MINUTE = "04"
    SECOND = "5"
    ZERO_SECOND = "05"
    LONG_YEAR = "2006"
    YEAR = "06"
    UPPER_PM = "PM"
    LOWER_PM = "pm"
    ZONE_NAME = "MST"
    ISO_ZONE = "Z0700"
    ISO_SECONDS_ZONE = "Z070000"
    ISO_SHORT_ZONE = "Z07"
    ISO_COLON_ZONE = "Z07:00"
    ISO_COLON_SECONDS_ZONE = "Z07:00:00"
    NUMERIC_ZONE = "-0700"
    NUMERIC_SECONDS_ZONE = "-070000"
    NUMERIC_SHORT_ZONE = "-07"
    NUMERIC_COLON_ZONE = "-07:00"
    NUMERIC_COLON_SECONDS_ZONE = "-07:00:00"
    FIXED_FRACTION = ".000"
    FREE_FRACTION = ".999"

    @property
    def is_fraction(self) -> bool:
        return self in (Element.FIXED_FRACTION, Element.FREE_FRACTION)

    @property
    def is_numeric_zone(self) -> bool:
        return self.value.startswith(("-07", "Z07"))


@attrs.frozen
class Part:
    """An element of a layout, and the literal text before it. The last part of a layout has no element."""

    before: str
    element: Element | None
    text: str = ""
    """The element as written: of a fraction, the separator and one character a digit."""


_REMEMBERED_LENGTH: Final = 100
_FIXED_TEXTS: Final = sorted(
    (
        each.value
        for each in Element
        if not each.is_fraction and each not in (Element.MONTH_NAME, Element.WEEKDAY)
    ),
    key=len,
    reverse=True,
)
_ELEMENT: Final = re.compile(
    r"(?:Jan|Mon)(?![a-z])|_(?=2006)()|" + "|".join(map(re.escape, _FIXED_TEXTS)) + r"|[.,](?:0+|9+)(?![0-9])"
)


def parts_of(layout: str) -> tuple[Part, ...]:
    """The layout cut into its elements."""
    return _remembered_parts(layout) if len(layout) <= _REMEMBERED_LENGTH else _parts(layout)


@lru_cache(maxsize=256)
def _remembered_parts(layout: str) -> tuple[Part, ...]:
    return _parts(layout)


def _parts(layout: str) -> tuple[Part, ...]:
    parts = []
    literal = position = 0
    while found := _ELEMENT.search(layout, position):
        position = found.end()
        if found.group() == "_":
            continue  # The line belongs to the text, the year comes next.
        parts.append(Part(layout[literal : found.start()], _element(found.group()), found.group()))
        literal = position
    return (*parts, Part(layout[literal:], None))


def _element(text: str) -> Element:
    if text[0] in ".,":
        return Element.FIXED_FRACTION if text[1] == "0" else Element.FREE_FRACTION
    return Element(text)
