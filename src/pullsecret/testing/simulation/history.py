"""What happened in one run, for people to read."""

from collections.abc import Iterator

import attrs

from pullsecret.domain import facts
from pullsecret.domain.facts import Fact

_FREQUENT = (facts.JobsSeen, facts.EventTaken, facts.EventSettled, facts.BacklogSeen)


@attrs.define
class History:
    """Events in the order of their virtual times."""

    entries: list[tuple[float, str, str, object]] = attrs.field(factory=list)
    """Virtual seconds, who, what, and to what or how it ended."""

    def add(self, at: float, actor: str, action: str, detail: object) -> None:
        """Note one event. ``detail`` is turned into text only if somebody reads it."""
        self.entries.append((at, actor, action, detail))

    def lines(self, last: int | None = None) -> Iterator[str]:
        """The ``last`` entries, or all, one line each."""
        for at, actor, action, detail in self.entries[-last:] if last else self.entries:
            yield f"{at:9.3f}  {actor:<28} {action:<30} {_text(detail)}"

    def digest(self) -> str:
        """The same for two runs if and only if the same happened."""
        import hashlib

        whole = hashlib.sha256()
        for line in self.lines():
            whole.update(line.encode())
        return whole.hexdigest()


def _text(detail: object) -> str:
    match detail:
        case facts.EventSkipped(_, reason, text):
            return f"{reason.value} {text}".rstrip()
        case facts.EventPostponed(_, delay, cause):
            return f"{delay:.0f} s: {cause}"
        case facts.RetryScheduled(_, operation, attempt, delay, error):
            return f"{operation} after attempt {attempt} in {delay:.1f} s: {error.cause}"
        case facts.JobEnded(key, _, result):
            return f"{key.name} {result.stage.value} {result.failure.reason if result.failure else 'landed'}"
        case facts.StepDone(_, _, _, message, version):
            return f"{message} {version or ''}".rstrip()
    return str(detail)


def is_telling(fact: Fact) -> bool:
    """True for facts that help to understand a history; the others come every few seconds."""
    return not isinstance(fact, _FREQUENT)
