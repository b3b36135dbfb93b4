"""The last line of defence: what looks like a credential never reaches the log (DDR risk 3).

Payloads do not get here in the first place: they live in ``SecretPayload``, which shows nothing. This is for
what nobody foresaw, e.g. a library's message that quotes a request. It rather hides too much than too little.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    # The job redacts too, and does without structlog.
    from structlog.typing import EventDict, WrappedLogger

REDACTED: Final = "[redacted]"
_MESSAGES: Final = ("message", "event")

# Whoever answers us chooses the text and how long it is. So what may be long in it is tried from its
# beginning only, and not from each of its characters, which would take hours.
_PREFIX: Final = r"(?:(?<![\w-])[\w-]*?)?"
_NAMES: Final = (
    "auths?",
    "authorization",
    r"pass(?:word|wd|phrase)?",
    rf"{_PREFIX}secret",
    rf"{_PREFIX}token",
    "assertion",
    "credentials?",
    rf"{_PREFIX}private[_-]key",
    r"api[_-]?key",
    r"\.?dockerconfigjson",
    r"\.?dockercfg",
    r"pull_secret_data",
)
"""What a credential is called, in JSON, headers, forms, YAML and variables."""

_OPENING: Final = r"""(?<!\\)\\*+["']"""
_CLOSING: Final = r"""\\*+["']"""
_VALUE: Final = (
    r"(?:"
    # A quoted text up to the quote that closes it, however often it was escaped.
    r"b?(?P<escape>\\*)(?P<quote>[\"']).*?(?:(?<!\\)(?P=escape)(?P=quote)|\Z)"
    r"|(?:bearer|basic|negotiate|digest)\s+[^\s,;\"'}\]]+"
    r"|[^\s,;&\"'{}\[\]\\]+"
    r")"
)
_NAMED: Final = re.compile(
    rf"(?:(?:{_OPENING})?(?:{'|'.join(_NAMES)}){_CLOSING}\s*[:=]|(?<![\w/.-])(?:{'|'.join(_NAMES)})(?:\s*=|:))"
    rf"\s*{_VALUE}",
    re.IGNORECASE | re.DOTALL,
)
"""A credential with its name."""

_DOCUMENT: Final = re.compile(rf"(?:\{{\s*+)?{_OPENING}auths{_CLOSING}.*", re.IGNORECASE | re.DOTALL)
"""A dockerconfigjson document and all that follows it."""

_SHAPES: Final = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\b(?:bearer|basic|negotiate)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE),
    re.compile(r"\beyJ[A-Za-z0-9_=-]{8,}(?:\.[A-Za-z0-9_=-]+){0,2}"),  # JSON in base64: JWTs, dockerconfigs
    re.compile(r"\bya29\.[\w.-]+"),  # Google's access tokens
    re.compile(r"\bAIza[\w-]{30,}"),
    re.compile(r"\bgh[pousr]_\w{20,}"),
    re.compile(r"\bsha256~[\w-]{20,}"),  # OpenShift's
)
"""A credential that can be told by its own form."""

_ALARMING: Final = re.compile("auth|password|token")
_URL_USER: Final = re.compile(r"(?<=://)[^\s/@?#\"'<>]+@")
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX: Final = re.compile(r"[0-9a-f/-]+={0,2}")
_DENSE: Final = 40
_DENSE_PART: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9]).{20,}")
"""So many characters with capitals, small letters and digits among them are no name any more."""
_PRINTABLE: Final = re.compile(rb"[\x09\x0a\x0d\x20-\x7e]{9,}")


def redact(text: str) -> str:
    """``text`` with every credential in it, and its name, replaced by ``[redacted]``."""
    text = _DOCUMENT.sub(REDACTED, text)
    text = _NAMED.sub(REDACTED, text)
    for shape in _SHAPES:
        text = shape.sub(REDACTED, text)
    text = _URL_USER.sub(f"{REDACTED}@", text)
    return _ENCODED.sub(lambda run: REDACTED if _is_encoded(run.group()) else run.group(), text)


def disarm(text: str) -> str:
    """``text`` with one letter starred out of each word that log scanners take for a leak (AC6); people can
    still read it. For messages only: it may change a name that is quoted in them."""
    return _ALARMING.sub(lambda word: f"{word[0][:2]}*{word[0][3:]}", text)


def redact_value(value: Any) -> Any:
    """``value`` as JSON can hold it, redacted; mappings lose the entries whose key names a credential."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {
            str(key): REDACTED if _NAME.fullmatch(str(key)) else redact_value(part)
            for key, part in value.items()
        }
    if isinstance(value, BaseException):
        return describe_exception(value)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes | bytearray):
        return [redact_value(part) for part in value]
    return redact(value if isinstance(value, str) else repr(value))


_NAME: Final = re.compile("|".join(_NAMES), re.IGNORECASE)


def describe_exception(error: BaseException | None) -> str:
    """The types in the chain of ``error``, newest first, and where each was raised.

    The texts are left out: nobody knows what an unforeseen error quotes.
    """
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        parts.append(f"{type(error).__name__}{_place(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return " from ".join(parts)


def redact_event(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    """structlog processor: every value of the line redacted. It stands right before the renderer."""
    redacted = {key: redact_value(value) for key, value in event.items()}
    return {key: disarm(value) if key in _MESSAGES else value for key, value in redacted.items()}


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    module = trace.tb_frame.f_globals.get("__name__", "?")
    return f" at {module}:{trace.tb_lineno}"


def _is_encoded(run: str) -> bool:
    """True if ``run`` is, or is cut out of, text in base64, or is too dense to be a name."""
    if _HEX.fullmatch(run):
        return False
    if len(run) >= _DENSE and any(_DENSE_PART.fullmatch(part) for part in run.split("/")):
        return True
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    return any(_decodes_to_text(plain[start:]) for start in range(4))


def _decodes_to_text(run: str) -> bool:
    whole = run[: len(run) // 4 * 4]
    try:
        return _PRINTABLE.fullmatch(base64.b64decode(whole, validate=True)) is not None
    except binascii.Error:
        return False
