"""The message types of the official ``google-cloud-secret-manager`` package, without its client classes.

Importing ``google.cloud.secretmanager_v1`` runs its ``__init__``, which loads the whole client surface (REST
and gRPC transports, ``requests``, ``google.auth``): more memory and time than the job process has
(docs/job-footprint.md). The types need none of it. The package is therefore represented by an empty package
object while they are imported, and taken away afterwards, so that a later import of it anywhere in the
process works as usual.
"""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "google.cloud.secretmanager_v1"


def _import_types() -> tuple[ModuleType, ModuleType]:
    names = (f"{_PACKAGE}.types.resources", f"{_PACKAGE}.types.service")
    if _PACKAGE in sys.modules:
        return importlib.import_module(names[0]), importlib.import_module(names[1])
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None:
        raise ModuleNotFoundError("Google Cloud needs an extra: pip install 'pullsecret[gcp]'", name=_PACKAGE)
    sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    try:
        return importlib.import_module(names[0]), importlib.import_module(names[1])
    finally:
        del sys.modules[_PACKAGE]


Message = Any
"""A protocol buffer message; the official types carry no annotations that a type checker could use."""

resources, service = _import_types()


def _raw(name: str) -> Any:
    module = resources if hasattr(resources, name) else service
    return getattr(module, name).meta.pb


Secret: Final = _raw("Secret")
SecretVersion: Final = _raw("SecretVersion")
SecretPayload: Final = _raw("SecretPayload")
CreateSecretRequest: Final = _raw("CreateSecretRequest")
GetSecretRequest: Final = _raw("GetSecretRequest")
UpdateSecretRequest: Final = _raw("UpdateSecretRequest")
DeleteSecretRequest: Final = _raw("DeleteSecretRequest")
AddSecretVersionRequest: Final = _raw("AddSecretVersionRequest")
AccessSecretVersionRequest: Final = _raw("AccessSecretVersionRequest")
AccessSecretVersionResponse: Final = _raw("AccessSecretVersionResponse")
ListSecretVersionsRequest: Final = _raw("ListSecretVersionsRequest")
ListSecretVersionsResponse: Final = _raw("ListSecretVersionsResponse")
DisableSecretVersionRequest: Final = _raw("DisableSecretVersionRequest")
DestroySecretVersionRequest: Final = _raw("DestroySecretVersionRequest")
