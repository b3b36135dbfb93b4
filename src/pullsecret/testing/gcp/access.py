"""What every call passes before it is carried out: credential, API, billing, quota, permission, faults."""

from collections.abc import Callable
from typing import TypeVar

import attrs
from grpc import StatusCode

from pullsecret.testing.gcp.projects import Project
from pullsecret.testing.gcp.quota import Quota
from pullsecret.testing.gcp.status import (
    SERVICE,
    ApiError,
    billing_disabled,
    permission_denied,
    project_unknown,
    service_disabled,
    unauthenticated,
)
from pullsecret.testing.gcp.world import World

Answer = TypeVar("Answer")


@attrs.frozen
class Caller:
    """Who calls: an IAM member, or None where no credential is asked for."""

    member: str | None


def authenticate(world: World, authorization: str | None, method: str) -> Caller:
    """Turn an ``authorization`` header into a caller. Raises ApiError (UNAUTHENTICATED, PERMISSION_DENIED).

    An open world takes any credential, or none.
    """
    scheme, _, text = (authorization or "").partition(" ")
    known = world.credentials.find(text) if scheme.lower() == "bearer" else None
    if not world.closed:
        return Caller(known.member if known else None)
    if not text:
        raise unauthenticated("CREDENTIALS_MISSING", method)
    if known is None:
        raise unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED", method)
    if known.expires <= world.clock.now():
        raise unauthenticated("ACCESS_TOKEN_EXPIRED", method)
    if not known.reaches_cloud_apis:
        raise ApiError(StatusCode.PERMISSION_DENIED, "Request had insufficient authentication scopes.")
    return Caller(known.member)


def enter_project(world: World, id_or_number: str) -> Project:
    """The consumer project. Raises ApiError unless it exists, is billed and has the API enabled."""
    project = world.projects.find(id_or_number)
    if project is None:
        raise project_unknown(id_or_number)
    if SERVICE in project.disabled_services:
        raise service_disabled(project.number)
    if not project.billing_enabled:
        raise billing_disabled(project.number)
    return project


def require(
    world: World, caller: Caller, project: Project, permission: str, resource: object, *more: str
) -> None:
    """Raises ApiError (PERMISSION_DENIED) unless the caller holds it on the project or on ``more``."""
    if not world.closed:
        return
    scopes = (f"projects/{project.number}", *more)
    if caller.member is None or not world.policies.allows(caller.member, permission, scopes):
        raise permission_denied(permission, resource)


def take_quota(world: World, project: Project, quota: Quota) -> None:
    """Raises ApiError (RESOURCE_EXHAUSTED) if the project's window is used up."""
    project.quota.take(quota, world.clock.now(), project.number)


def perform(
    world: World, method: str, resource: str, authorization: str | None, work: Callable[[Caller], Answer]
) -> Answer:
    """Carry out one call under the fault script and record how it ended. Raises ApiError."""
    fault = world.faults.next_for(method)
    member: str | None = None
    code = StatusCode.OK
    try:
        if fault is not None and not fault.after_commit:
            fault.raise_error()
        with world.tidied():
            caller = authenticate(world, authorization, method)
            member = caller.member
            answer = work(caller)
        if fault is not None:
            fault.raise_error()
    except ApiError as error:
        code = error.code
        raise
    finally:
        world.record(method, resource, code.name, member)
    return answer
