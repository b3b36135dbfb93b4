"""Where the Kubernetes API is and who we are there: in a pod, or by kubeconfig."""

import importlib
import os
from pathlib import Path
from typing import Any

import urllib3

from pullsecret.domain.errors import PermanentError
from pullsecret.domain.reasons import Reason
from pullsecret.infrastructure.kubernetes.official_client import (
    Configuration,
    InClusterError,
    load_in_cluster_configuration,
)


def in_cluster() -> Any:
    """The pod's own service account; its token is read anew every minute, since bound tokens are rotated.

    Raises a permanent error (``WrongConfiguration``) outside of a pod.
    """
    configuration = _configuration()
    try:
        load_in_cluster_configuration(client_configuration=configuration)
    except InClusterError as fault:
        raise _wrong("in-cluster service account", str(fault)) from None
    return configuration


def from_kubeconfig(path: Path | None = None, context: str | None = None) -> Any:
    """What ``kubectl`` would use: ``path``, else $KUBECONFIG, else ``~/.kube/config``.

    Credential plugins and rotated tokens work as in kubectl. Raises a permanent error
    (``WrongConfiguration``) if there is no such file or context. It loads the whole official package, some
    45 MB.
    """
    # In place of the module-level import: only people's machines come here, jobs never do.
    config: Any = importlib.import_module("kubernetes.config")

    configuration = _configuration()
    try:
        config.load_kube_config(
            config_file=str(path) if path else None, context=context, client_configuration=configuration
        )
    except config.ConfigException as fault:
        raise _wrong(f"kubeconfig {_shown(path)}", str(fault)) from None
    except Exception as fault:
        # The library raises what its parts do where the file is no kubeconfig; the text could quote a token.
        why = fault.strerror if isinstance(fault, OSError) else f"It is none ({type(fault).__name__})"
        raise _wrong(f"kubeconfig {_shown(path)}", f"{why}.") from None
    return configuration


def _shown(path: Path | None) -> str:
    return str(path or os.environ.get("KUBECONFIG", "~/.kube/config"))


def connect(kubeconfig: Path | None = None, context: str | None = None) -> Any:
    """In a pod its service account, unless a kubeconfig or a context is named; elsewhere the kubeconfig."""
    if kubeconfig is None and context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        return in_cluster()
    return from_kubeconfig(kubeconfig, context)


def _configuration() -> Any:
    configuration = Configuration()
    # Retries are decided where it is known whether a call may be repeated.
    configuration.retries = urllib3.Retry(total=False, redirect=False)
    configuration.keep_alive = True
    return configuration


def _wrong(what: str, cause: str) -> PermanentError:
    return PermanentError(
        "connect",
        what,
        Reason.WRONG_CONFIGURATION,
        f"{cause.rstrip('.')}.",
        "Run in a pod with a service account, or name a kubeconfig and a context that exist.",
    )
