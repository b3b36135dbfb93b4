"""Random arguments for the builtins that read and write text: times, numbers, JSON, Base64, strings."""

import base64
import json
import random
import struct
from collections.abc import Callable

from tests.integration.expressions.cases import Case, words

ZONES = words(
    """
    UTC Europe/Zurich America/New_York Asia/Kolkata Asia/Kathmandu Australia/Lord_Howe Africa/Cairo
    Pacific/Apia America/St_Johns Europe/Dublin Asia/Tehran Antarctica/Troll Europe/London America/Sao_Paulo
    Local
    """
)
ELEMENTS = words(
    """
    January Jan 1 01 Monday Mon 2 _2 02 __2 002 15 3 03 4 04 5 05 2006 06 PM pm MST Z0700 Z070000 Z07 Z07:00
    Z07:00:00 -0700 -070000 -07 -07:00 -07:00:00 .000 ,000 .999999999 .0 .999 ,9 .000000000
    """
)
LAYOUTS = (
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "2006-01-02T15:04:05.999999999Z07:00",
    "Mon, 02 Jan 2006 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 -0700",
    "Monday, 02-Jan-06 15:04:05 MST",
    "02 Jan 06 15:04 MST",
    "Mon Jan _2 15:04:05 2006",
    "3:04PM",
    "2006-002T15:04",
    "_2/1/06 3:04:05.000 pm -07",
    "2006-01-02 15:04:05.999999999 -0700 MST",
)
METHODS = words(
    """
    ISOWeek YearDay Weekday IsDST UnixNano GoString MarshalBinary MarshalText UnixMilli Month Zone
    """
)
SEPARATORS = (" ", "-", "/", ":", "T", "", "  ", "x", ", ", "é")
DURATION_FORMS = (
    "string({})",
    "{}",
    "{}.Hours()",
    "{}.Minutes()",
    "{}.Seconds()",
    "{}.Milliseconds()",
    "{} * 1.5",
    'string({}.Round(duration("1m")))',
    'string({}.Truncate(duration("7s")))',
    "string({}.Abs())",
)
UNITS = ("ns", "us", "µs", "μs", "ms", "s", "m", "h", "", "d", "S")
PIECES = words(r"a b A é É ß ſ 日 本 😀 İ ı Σ K \x00 \u00a0 \u2028 \u0085 , , . , - _ \n \t")


class TextGrammar:
    """Draws one case after the other."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._shapes: tuple[Callable[[], str], ...] = (
            self._formatted_time,
            self._parsed_time,
            self._time_arithmetic,
            self._zone_name,
            self._duration,
            self._float,
            self._float_text,
            self._json,
            self._base64,
            self._string_call,
            self._string_call,
        )

    def case(self) -> Case:
        return Case("wide", self._random.choice(self._shapes)())

    def _instant(self) -> str:
        draw = self._random
        year = draw.choice(
            [draw.randint(1800, 2150), 2024, 1970, draw.randint(1, 9999), draw.randint(1970, 2037)]
        )
        return (
            f"{year:04d}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}T{draw.randint(0, 23):02d}:"
            f"{draw.randint(0, 59):02d}:{draw.randint(0, 59):02d}"
            + draw.choice(["", "", ".5", ".000000001", f".{draw.randint(0, 10**9):09d}"])
            + draw.choice(["Z", "Z", "+02:00", "-07:30", "+00:00", "+14:00", "-00:01"])
        )

    def _time(self) -> str:
        time = f'date("{self._instant()}")'
        return f'{time}.In(timezone("{self._random.choice(ZONES)}"))' if self._random.random() < 0.6 else time

    def _layout(self) -> str:
        draw = self._random
        if draw.random() < 0.5:
            return draw.choice(LAYOUTS)
        return "".join(draw.choice(ELEMENTS) + draw.choice(SEPARATORS) for _ in range(draw.randint(1, 6)))

    def _formatted_time(self) -> str:
        return f"{self._time()}.Format({_quoted(self._layout())})"

    def _parsed_time(self) -> str:
        """Written with a layout, perhaps spoilt, and read again with it or with another."""
        draw = self._random
        layout = self._layout()
        text = f"{self._time()}.Format({_quoted(layout)})"
        if draw.random() < 0.3:
            gone, new = draw.choice("0123456789 :-TZ"), draw.choice(["", "0", "9", " ", "1"])
            text = f'replace({text}, "{gone}", "{new}", 1)'
        given = _quoted(layout if draw.random() < 0.85 else self._layout())
        shape = draw.randrange(4)
        if shape == 0:
            return f"string(date({text}, {given}))"
        if shape == 1:
            return f'string(date({text}, {given}, "{draw.choice(ZONES)}"))'
        if shape == 2:
            return f'string(date(timezone("{draw.choice(ZONES)}"), {text}, {given}))'
        return f"string(date({text}))"

    def _time_arithmetic(self) -> str:
        draw = self._random
        units = f"{draw.randint(-(10**6), 10**6)}{draw.choice(['ns', 's', 'm', 'h'])}"
        return draw.choice(
            [
                f'string({self._time()} + duration("{units}"))',
                f"string({self._time()} - {self._time()})",
                f"string({self._time()}.AddDate({draw.randint(-50, 50)}, {draw.randint(-30, 30)}, "
                f"{draw.randint(-400, 400)}))",
                f'string({self._time()}.Truncate(duration("{units}")))',
                f'string({self._time()}.Round(duration("{units}")))',
                f"{self._time()}.{draw.choice(METHODS)}()",
                f"{self._time()}.{draw.choice(METHODS)}()",
                f"{self._time()} < {self._time()}",
            ]
        )

    def _zone_name(self) -> str:
        """Times around changes of the clocks, read without an offset or with a name."""
        draw = self._random
        zone = draw.choice(ZONES)
        month = draw.choice(["03", "04", "09", "10", "11"])
        day = f"{draw.randint(1900, 2060)}-{month}-{draw.randint(1, 30):02d}"
        name = draw.choice(words("CET CEST EST EDT IST BST GMT LMT MST UTC +0545 -03 WITA ChST"))
        return draw.choice(
            [
                f'string(date("{day} 02:30:00", "2006-01-02 15:04:05", "{zone}"))',
                f'string(date("{day} 02:30:00 {name}", "2006-01-02 15:04:05 MST", "{zone}"))',
                f'string(date("{day} 01:00:00Z").In(timezone("{zone}")))',
            ]
        )

    def _duration(self) -> str:
        draw = self._random
        text = draw.choice(["", "", "-", "+"])
        for _ in range(draw.randint(1, 3)):
            whole = str(draw.randint(0, 10 ** draw.randint(1, 20)))
            text += draw.choice([whole, str(draw.random() * 1000), ".5", "1."]) + draw.choice(UNITS)
        return draw.choice(DURATION_FORMS).format(f"duration({_quoted(text)})")

    def _number(self) -> str:
        draw = self._random
        kind = draw.randrange(4)
        if kind == 0:
            return repr(abs(struct.unpack("<d", draw.randbytes(8))[0]))
        if kind == 1:
            return repr(draw.random() * 10 ** draw.randint(-8, 25))
        return str(draw.randint(0, 10 ** draw.randint(1, 22))) + draw.choice(["", ".0", ".5", "e3", "e-9"])

    def _float(self) -> str:
        call = self._random.choice(
            ["string", "toJSON", "int", "round", "floor", "ceil", "-", "string(1/", "[", "abs"]
        )
        number = self._number().replace("inf", "1e999").replace("nan", "0.5")
        return {"-": f"-{number}", "[": f"string([{number}])", "string(1/": f"string(1/{number})"}.get(
            call, f"{call}({number})"
        )

    def _float_text(self) -> str:
        draw = self._random
        text = list(draw.choice([self._number(), "0x1.8p3", "1_000.5", "inf", "-Infinity", "nan", "0x_1p-2"]))
        for _ in range(draw.choice([0, 0, 1, 2])):
            text.insert(draw.randint(0, len(text)), draw.choice("_.-+e0x pE9 "))
        call = draw.choice(["string(float({}))", "int({})", "fromJSON({})"])
        return call.format(_quoted("".join(text)))

    def _value(self, depth: int = 3) -> object:
        draw = self._random
        kind = draw.randrange(7 if depth else 5)
        if kind == 0:
            return self._text()
        if kind == 1:
            return draw.choice([None, True, False])
        if kind in (2, 3):
            return draw.choice([draw.randint(-(10**12), 10**12), draw.random() * 10 ** draw.randint(-9, 24)])
        if kind == 4:
            return draw.choice([[], {}, "<&>"])
        if kind == 5:
            return [self._value(depth - 1) for _ in range(draw.randint(0, 3))]
        return {self._text(): self._value(depth - 1) for _ in range(draw.randint(0, 3))}

    def _json(self) -> str:
        draw = self._random
        text = list(json.dumps(self._value(), ensure_ascii=draw.random() < 0.5))
        for _ in range(draw.choice([0, 0, 0, 1])):
            text[draw.randrange(len(text))] = draw.choice('[]{},:"\\ u0e-.\ttn')
        call = draw.choice(["{}", "string({})", "toJSON({})", "type({})"])
        return call.format(f"fromJSON({_quoted(''.join(text))})")

    def _base64(self) -> str:
        draw = self._random
        if draw.random() < 0.3:
            return f"toBase64({_quoted(self._text())})"
        text = list(base64.b64encode(draw.randbytes(draw.randint(1, 9))).decode())
        for _ in range(draw.choice([0, 0, 1])):
            text.insert(draw.randint(0, len(text)), draw.choice("=\n\rA-_ +"))
        given = f"fromBase64({_quoted(''.join(text))})"
        return draw.choice(["{}", "len({})", "{}[1:]", "upper({})", "toBase64({})", "split({}, '')"]).format(
            given
        )

    def _text(self) -> str:
        draw = self._random
        pieces = [
            json.loads(f'"{piece}"') if piece[0] == "\\" and piece[1] != "x" else piece for piece in PIECES
        ]
        return "".join(draw.choice(pieces) for _ in range(draw.randint(0, 6)))

    def _string(self) -> str:
        """A string, sometimes with bytes that are no character."""
        draw = self._random
        if draw.random() < 0.25:
            return f'fromBase64("{base64.b64encode(draw.choice(BYTES)).decode()}")'
        return _quoted(self._text())

    def _string_call(self) -> str:
        draw = self._random
        first, second, third = self._string(), self._string(), self._string()
        count = draw.choice(["0", "1", "2", "3", "-1", "1.5", "neg"])
        return draw.choice(STRING_FORMS).format(first, second, third, count)


STRING_FORMS = (
    "upper({0})",
    "lower({0})",
    "trim({0})",
    "trim({0}, {1})",
    "trimPrefix({0}, {1})",
    "len({0})",
    "trimSuffix({0}, {1})",
    "split({0}, {1})",
    "split({0}, {1}, {3})",
    "splitAfter({0}, {1})",
    "splitAfter({0}, {1}, {3})",
    "replace({0}, {1}, {2})",
    "replace({0}, {1}, {2}, {3})",
    "repeat({0}, {3})",
    "indexOf({0}, {1})",
    "lastIndexOf({0}, {1})",
    "hasPrefix({0}, {1})",
    "hasSuffix({0}, {1})",
    "{0} + {1}",
    "{0} contains {1}",
    "{0} startsWith {1}",
    "{0} endsWith {1}",
    "{0} == {1}",
    "{0} < {1}",
    "{0} in [{1}]",
    "{0}[{3}:]",
    "{0}[:{3}]",
    "{0}[{3}]",
    "join([{0}, {1}], {2})",
    "toJSON({0})",
    "toBase64({0} + {1})",
    "string([{0}])",
    "({0} + {1}) | upper() | len()",
    "indexOf({0} + {1}, {1})",
    "replace({0} + {1} + {0}, {0}, {2})",
    "trim({1} + {0} + {1}, {1})",
)
BYTES = (
    b"\xff",
    b"\xc3",
    b"\xa9",
    b"\xc3\xa9",
    b"a\xffb",
    b"\xe6\x97",
    b"\xa5",
    b"\xf0\x9f\x98",
    b"\xed\xa0\x80",
    b"\x80",
)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")


def random_text_cases(seed: int, count: int) -> list[Case]:
    grammar = TextGrammar(seed)
    return [grammar.case() for _ in range(count)]
