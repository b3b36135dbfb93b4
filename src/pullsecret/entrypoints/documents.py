"""Writes the pages of ``docs/`` made from the program: ``python -m pullsecret.entrypoints.documents``.

``make docs-generate`` runs it; a test keeps each page equal to what is generated.
"""

import enum
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from pullsecret.domain.reasons import Outlook, Reason
from pullsecret.entrypoints.configuration import Configuration
from pullsecret.entrypoints.configuration.keys import (
    documentation,
    environment_name,
    field_types,
    is_section,
    yaml_key,
)
from pullsecret.expressions import Program
from pullsecret.infrastructure.gcp.error_reference import errors_page
from pullsecret.infrastructure.metrics.reference import metrics_page

_REASONS_INTRODUCTION = """\
# Condition reasons

Every condition that is told to the HyperFleet API carries one of these reasons, and nothing else. Names never
change their meaning; alerts and scripts may rely on them. This page is generated from
`src/pullsecret/domain/reasons.py` by `make docs-generate`.
"""

_OUTLOOKS = {
    Outlook.SUCCESS: ("Success", "The condition tells of something that worked."),
    Outlook.PROGRESS: ("Progress", "Nothing failed; the work goes on, or waits for something else."),
    Outlook.TRANSIENT: ("Transient", "The adapter tries again by itself, with growing pauses."),
    Outlook.PERMANENT: ("Permanent", "The same attempt cannot succeed until somebody changes something."),
}


def reasons_page() -> str:
    """The table of all condition reasons, by outlook."""
    sections = [_REASONS_INTRODUCTION]
    for outlook, (title, meaning) in _OUTLOOKS.items():
        rows = [
            f"| `{reason.value}` | {reason.outlook.value} | {reason.meaning} | {reason.remedy or '–'} |"
            for reason in Reason
            if reason.outlook is outlook
        ]
        header = ["| Reason | Outlook | Meaning | What to do |", "|---|---|---|---|"]
        sections.append("\n".join([f"## {title}", "", meaning, "", *header, *rows, ""]))
    return "\n".join(sections)


_CONFIGURATION_INTRODUCTION = """\
# Configuration

One YAML file says what a replica of the adapter does: the design document's `spec`, and what runs it. Every
key has a default, so an empty file is a valid one. This page is generated from the settings classes by
`make docs-generate`.

- `pullsecret config validate FILE` tells everything that is wrong with a file at once.
- `pullsecret config schema` writes its JSON Schema. With it, an editor completes and checks keys: put
  `# yaml-language-server: $schema=pullsecret.schema.json` on the first line of the file.
- A variable `PULLSECRET__...` overrides its key. Its value is read as YAML, so that lists and numbers can be
  given, except where a text is wanted.

```sh
pullsecret config schema > pullsecret.schema.json
PULLSECRET__LIMITS__PER_PROJECT=5 pullsecret config validate examples/ddr/adapter.yaml
```

The design document's file is `examples/ddr/adapter.yaml`; what it says is also the default. One that switches
the service on for a tenth of all clusters and talks to today's API:

```yaml
spec:
  eventFilter:
    expression: lower(event.Type) == "com.redhat.hyperfleet.cluster.reconcile"
rollout:
  share: 0.1
api:
  dialect: v1
```
"""


def configuration_page() -> str:
    """Every key of the configuration file with its meaning, default and variable, one table a section."""
    sections = [_CONFIGURATION_INTRODUCTION]
    for section in _sections(_Section(Configuration, (), Configuration.default())):
        title = f"`{'.'.join(section.path)}`" if section.path else "The keys at the top"
        header = ["| Key | Meaning | Default | Variable |", "|---|---|---|---|"]
        sections.append("\n".join([f"## {title}", "", *header, *_rows(section), ""]))
    return "\n".join(sections)


_FACTORY: Any = attrs.Factory
_DERIVED = object()
"""A default that follows from other keys."""


@attrs.frozen
class _Section:
    settings: type
    path: tuple[str, ...]
    default: Any
    """None where nothing stands for the section by default."""

    def inner(self, field: "attrs.Attribute[Any]") -> "_Section | None":
        """The section that the field holds, once or in a list."""
        key, kind = yaml_key(field.name), field_types(self.settings)[field.name]
        if settings := is_section(kind):
            default = self.value(field)
            return _Section(settings, (*self.path, key), None if default is attrs.NOTHING else default)
        items = typing.get_args(kind)
        if typing.get_origin(kind) is tuple and (settings := is_section(items[0])):
            return _Section(settings, (*self.path, f"{key}[]"), None)
        return None

    def value(self, field: "attrs.Attribute[Any]") -> Any:
        if self.default is not None:
            return getattr(self.default, field.name)
        if not isinstance(field.default, _FACTORY):
            return field.default
        return _DERIVED if field.default.takes_self else field.default.factory()


def _sections(section: _Section) -> Iterator[_Section]:
    yield section
    for field in attrs.fields(section.settings):
        if field.init and (inner := section.inner(field)):
            yield from _sections(inner)


def _rows(section: _Section) -> Iterator[str]:
    texts = documentation(section.settings)
    for field in attrs.fields(section.settings):
        if not field.init:
            continue
        here = (*section.path, yaml_key(field.name))
        meaning = " ".join(texts.get(field.name, "").replace("``", "`").split()).replace("|", "\\|")
        if inner := section.inner(field):
            shown = f"see [`{'.'.join(inner.path)}`](#{_anchor(inner.path)})"
        else:
            shown = _shown(section.value(field))
        has_variable = (not inner or inner.path[-1].endswith("[]")) and "[]" not in "".join(section.path)
        variable = f"`{environment_name(here)}`" if has_variable else "–"
        yield f"| `{here[-1]}` | {meaning} | {shown} | {variable} |"


def _anchor(path: tuple[str, ...]) -> str:
    return "".join(path).replace("[]", "").lower()


def _shown(value: Any) -> str:
    """A default as YAML would have it."""
    if value is attrs.NOTHING:
        return "required"
    if value is _DERIVED:
        return "from other keys"
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Program():
            return f"`{value.source}`"
        case enum.Enum():
            return f"`{value.value}`"
        case tuple():
            return f"`[{', '.join(map(str, value))}]`"
        case Mapping():
            return f"`{{{', '.join(f'{key}: {one}' for key, one in value.items())}}}`"
        case _:
            return f"`{value}`"


GENERATED_PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": configuration_page,
    "gcp-errors.md": errors_page,
    "metrics.md": metrics_page,
    "reasons.md": reasons_page,
}
"""Each generated page's file name in ``docs/``, and what makes its text."""


def write_pages(folder: Path) -> None:
    """Write every generated page into ``folder``."""
    for name, page in GENERATED_PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
