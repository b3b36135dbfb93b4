"""A pod's environment and volumes, resolved through the API as the kubelet does."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from pullsecret.infrastructure.kubernetes.api import KubernetesApi, Object

_REFERENCE: Final = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


class UnresolvableError(Exception):
    """The container cannot be configured yet (``CreateContainerConfigError``)."""


@attrs.frozen
class PodResolver:
    """Reads what a pod refers to. Kinds of reference that no pod of ours uses are refused, not ignored."""

    api: KubernetesApi
    environment: Mapping[str, str]
    """What the image and the node give every container."""

    async def variables(self, pod: Object, container: Object) -> dict[str, str]:
        """The container's environment."""
        if container.get("envFrom"):
            raise UnresolvableError("envFrom is not supported by the test node")
        values: dict[str, str] = dict(self.environment)
        for variable in container.get("env", []):
            name = variable["name"]
            if "valueFrom" in variable:
                value = await self._referenced(pod, variable["valueFrom"])
                if value is not None:
                    values[name] = value
            else:
                text = variable.get("value", "")
                values[name] = _REFERENCE.sub(lambda match: values.get(match[1], match[0]), text)
        return values

    async def mounts(self, pod: Object, container: Object, folder: Path) -> dict[str, Path]:
        """Fill the container's volumes below ``folder``; return them by where they are mounted."""
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        mounts = {}
        for mount in container.get("volumeMounts", []):
            if "subPath" in mount:
                raise UnresolvableError("subPath is not supported by the test node")
            target = folder / mount["name"]
            if not target.exists():
                target.mkdir(mode=0o755)
                await self._fill(pod, volumes[mount["name"]], target)
            mounts[mount["mountPath"]] = target
        return mounts

    async def _referenced(self, pod: Object, source: Object) -> str | None:
        if "secretKeyRef" in source:
            reference = source["secretKeyRef"]
            data = await self._secret(pod, reference["name"], optional=reference.get("optional", False))
            if reference["key"] in data:
                return base64.b64decode(data[reference["key"]]).decode()
            if reference.get("optional"):
                return None
            raise UnresolvableError(f"secret {reference['name']!r} has no key {reference['key']!r}")
        if "fieldRef" in source:
            return _field(pod, source["fieldRef"]["fieldPath"])
        raise UnresolvableError(f"valueFrom {sorted(source)} is not supported by the test node")

    async def _fill(self, pod: Object, volume: Object, target: Path) -> None:
        if "projected" in volume:
            for source in volume["projected"]["sources"]:
                await self._project(pod, source, target)
        elif "secret" in volume:
            secret = volume["secret"]
            data = await self._secret(pod, secret["secretName"], optional=secret.get("optional", False))
            _write_items(target, secret.get("items"), {k: base64.b64decode(v) for k, v in data.items()})
        elif "emptyDir" in volume:
            _open_to_all(target)
        else:
            raise UnresolvableError(f"volume {volume['name']!r} is of a kind the test node does not support")

    async def _project(self, pod: Object, source: Object, target: Path) -> None:
        if "serviceAccountToken" in source:
            projection = source["serviceAccountToken"]
            _write(target / projection["path"], (await self._token(pod, projection)).encode())
        elif "configMap" in source:
            projection = source["configMap"]
            data = await self._config_map(pod, projection["name"])
            _write_items(target, projection.get("items"), {k: v.encode() for k, v in data.items()})
        elif "downwardAPI" in source:
            for item in source["downwardAPI"]["items"]:
                _write(target / item["path"], _field(pod, item["fieldRef"]["fieldPath"]).encode())
        else:
            raise UnresolvableError(f"projection {sorted(source)} is not supported by the test node")

    async def _token(self, pod: Object, projection: Object) -> str:
        account = pod["spec"]["serviceAccountName"]
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [projection["audience"]] if "audience" in projection else [],
                "expirationSeconds": projection.get("expirationSeconds", 3600),
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": pod["metadata"]["name"],
                    "uid": pod["metadata"]["uid"],
                },
            },
        }
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/serviceaccounts/{account}/token"
        answer = await self.api.call("create", path, request)
        return str(answer.body["status"]["token"])

    async def _secret(self, pod: Object, name: str, *, optional: bool) -> dict[str, str]:
        namespace = pod["metadata"]["namespace"]
        secret = await self.api.get_or_none(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        if secret is None and not optional:
            raise UnresolvableError(f"secret {name!r} not found")
        return (secret or {}).get("data") or {}

    async def _config_map(self, pod: Object, name: str) -> dict[str, str]:
        namespace = pod["metadata"]["namespace"]
        found = await self.api.get_or_none(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        if found is None:
            raise UnresolvableError(f"configmap {name!r} not found")
        return found.get("data") or {}


def _write_items(target: Path, items: list[Object] | None, data: Mapping[str, bytes]) -> None:
    chosen = items if items is not None else [{"key": key, "path": key} for key in data]
    for item in chosen:
        if item["key"] not in data:
            raise UnresolvableError(f"key {item['key']!r} is missing")
        _write(target / item["path"], data[item["key"]])


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o644)


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o777)


def _field(pod: Object, path: str) -> str:
    if match := re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path):
        return str(pod["metadata"].get(match[1], {}).get(match[2], ""))
    value: Any = pod
    for part in path.split("."):
        value = value.get(part, {})
    if not isinstance(value, str):
        raise UnresolvableError(f"fieldRef {path!r} is not supported by the test node")
    return value
