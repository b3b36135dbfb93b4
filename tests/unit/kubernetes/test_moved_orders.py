"""What an order knows of a cluster's earlier stored secrets, on its way through Kubernetes to its job."""

import attrs

from pullsecret.domain.provisioning import CloudSecretRef
from pullsecret.infrastructure.job_process.environment import ProvisionEnvironment, read_environment
from pullsecret.infrastructure.kubernetes.job_settings import JobSettings
from pullsecret.infrastructure.kubernetes.job_variables import variables_of
from pullsecret.infrastructure.kubernetes.order_annotations import annotations_of, target_of
from pullsecret.testing.contracts.samples import new_order

ORDER = new_order()
EARLIER = (CloudSecretRef("customer-prod", "before"), CloudSecretRef("another-prod", "long-before"))
MOVED = attrs.evolve(ORDER, target=attrs.evolve(ORDER.target, earlier=EARLIER))


def test_a_job_remembers_it() -> None:
    assert target_of(annotations_of(MOVED)) == MOVED.target
    assert target_of(annotations_of(ORDER)) == ORDER.target


def test_the_job_s_process_is_told() -> None:
    told = read_environment(variables_of(MOVED, JobSettings(image="image")))
    assert isinstance(told, ProvisionEnvironment)
    assert told.target == MOVED.target
