"""Which management cluster, and how jobs are run on it."""

from pathlib import Path

import attrs

from pullsecret.infrastructure.kubernetes.job_settings import JobSettings


@attrs.frozen
class KubernetesSettings:
    """Connection to the management cluster. In a pod, neither kubeconfig nor context is needed."""

    job: JobSettings
    """The job's pod."""
    kubeconfig: Path | None = None
    """In place of the pod's service account."""
    context: str | None = None
    """A context of the kubeconfig in place of its current one."""
    threads: int = attrs.field(default=16, validator=attrs.validators.ge(1))
    """Calls in flight at once; watches have their own beside them."""
