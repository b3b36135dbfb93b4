"""The official ``kubernetes`` package's configuration and transport, without its object model.

``import kubernetes`` loads every helper of that package (leader election, web sockets, OAuth, data models)
and costs some 45 MB of resident memory, which the job process does not have. The modules used here need
none of it, but importing a submodule first runs its parents' ``__init__``. Empty package objects therefore
stand in for the parents while these modules are imported, and are taken away afterwards, so that a later
``import kubernetes`` anywhere in the process finds nothing unusual.
"""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any, Final

_PARENTS: Final = ("kubernetes", "kubernetes.utils", "kubernetes.config")


def _placeholders() -> dict[str, ModuleType]:
    packages = {}
    for name in _PARENTS:
        spec = importlib.util.find_spec(name)
        if spec is None:
            raise ModuleNotFoundError(
                "the Kubernetes adapters need an extra: pip install 'pullsecret[kubernetes]'", name=name
            )
        packages[name] = sys.modules[name] = importlib.util.module_from_spec(spec)
    return packages


def _import_all(names: tuple[str, ...]) -> list[ModuleType]:
    if "kubernetes" in sys.modules:
        return [importlib.import_module(name) for name in names]
    placeholders = _placeholders()
    try:
        return [importlib.import_module(name) for name in names]
    finally:
        for package in placeholders:
            del sys.modules[package]


_configuration, _rest, _exceptions, _in_cluster = _import_all(
    (
        "kubernetes.client.configuration",
        "kubernetes.client.rest",
        "kubernetes.client.exceptions",
        "kubernetes.config.incluster_config",
    )
)

Configuration: Final[Any] = _configuration.Configuration
RestClient: Final[Any] = _rest.RESTClientObject
TransportError: Final[type[Exception]] = _exceptions.ApiException
load_in_cluster_configuration: Final[Any] = _in_cluster.load_incluster_config
InClusterError: Final[type[Exception]] = _in_cluster.ConfigException
