"""Who declares a field, as ``metadata.managedFields`` tells."""

from collections.abc import Sequence

from pullsecret.infrastructure.kubernetes.api import Object


def other_appliers(item: Object, manager: str, field: Sequence[str]) -> list[str]:
    """The managers beside ``manager`` that declare ``field`` by server-side apply.

    ``field`` is a path of field names as ``fieldsV1`` writes them, e.g. ``("f:data", "f:key")``.
    """
    return sorted(
        entry["manager"]
        for entry in item["metadata"].get("managedFields") or []
        if entry["operation"] == "Apply" and entry["manager"] != manager and _holds(entry, field)
    )


def applies(item: Object, manager: str, field: Sequence[str]) -> bool:
    """Whether ``manager`` declares ``field`` by server-side apply, and nobody else has changed it since."""
    return any(
        entry["manager"] == manager and entry["operation"] == "Apply" and _holds(entry, field)
        for entry in item["metadata"].get("managedFields") or []
    )


def _holds(entry: Object, field: Sequence[str]) -> bool:
    fields = entry.get("fieldsV1") or {}
    for name in field:
        if name not in fields:
            return False
        fields = fields[name]
    return True
