"""The fake API as an ASGI application: routes of one dialect over the store."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pullsecret.testing.hyperfleet import wire_ddr, wire_v1
from pullsecret.testing.hyperfleet.problem import ProblemError, invalid, no_route, unauthenticated
from pullsecret.testing.hyperfleet.records import ClusterRecord, Dialect, Report
from pullsecret.testing.hyperfleet.store import ClusterStore

Handler = Callable[[Request], Awaitable[Response]]

# Nobody hears it; what was served says so by it, as proxies' logs do.
_CLIENT_GONE = 499

BASE_PATHS = {Dialect.DDR: wire_ddr.BASE_PATH, Dialect.V1: wire_v1.BASE_PATH}


@define
class HyperFleetApi:
    """Serves one dialect. `tokens` are the bearer tokens that are accepted; None asks for none.

    `etags` adds `ETag` to a cluster and honours `If-None-Match`, which the Go API does not do today.
    """

    dialect: Dialect
    store: ClusterStore
    tokens: set[str] | None = None
    etags: bool = True
    changed: Callable[[ClusterRecord], None] | None = None
    """Called with every cluster created, changed or marked for deletion over HTTP."""

    def application(self) -> Starlette:
        """The ASGI application."""
        base = BASE_PATHS[self.dialect]
        statuses = "PUT" if self.dialect is Dialect.V1 else "POST"
        routes = [
            self._route(f"{base}/clusters", "GET", self._list),
            self._route(f"{base}/clusters", "POST", self._create),
            self._route(f"{base}/clusters/{{id}}", "GET", self._get),
            self._route(f"{base}/clusters/{{id}}", "PATCH", self._patch),
            self._route(f"{base}/clusters/{{id}}", "DELETE", self._delete),
            self._route(f"{base}/clusters/{{id}}/force-delete", "POST", self._force_delete),
            self._route(f"{base}/clusters/{{id}}/statuses", "GET", self._statuses),
            self._route(f"{base}/clusters/{{id}}/statuses", statuses, self._report),
        ]
        return Starlette(routes=routes, exception_handlers={404: self._unknown_route})

    def _route(self, path: str, method: str, handler: Handler) -> Route:
        async def guarded(request: Request) -> Response:
            try:
                self._authenticate(request)
                return await handler(request)
            except ProblemError as problem:
                return self._problem(request, problem)
            except ClientDisconnect:
                return Response(status_code=_CLIENT_GONE)

        return Route(path, guarded, methods=[method])

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self.tokens is not None and (scheme.lower() != "bearer" or token not in self.tokens):
            raise unauthenticated()

    async def _unknown_route(self, request: Request, _error: Exception) -> Response:
        return self._problem(request, no_route(request.url.path))

    def _problem(self, request: Request, problem: ProblemError) -> Response:
        body = problem.document(request.url.path, self.store.now())
        return JSONResponse(body, problem.status, media_type="application/problem+json")

    def _cluster_body(self, cluster: ClusterRecord) -> dict[str, Any]:
        view = wire_v1.cluster_body if self.dialect is Dialect.V1 else wire_ddr.cluster_body
        return view(cluster)

    def _report_body(self, report: Report) -> dict[str, Any]:
        view = wire_v1.report_body if self.dialect is Dialect.V1 else wire_ddr.report_body
        return view(report)

    def _listing(self, request: Request, items: list[dict[str, Any]]) -> Response:
        if self.dialect is Dialect.DDR:
            return JSONResponse(wire_ddr.listing(items))
        page = int(request.query_params.get("page", 1))
        size = int(request.query_params.get("size", 20))
        return JSONResponse(wire_v1.listing(items, page, size))

    async def _list(self, request: Request) -> Response:
        return self._listing(request, [self._cluster_body(c) for c in self.store.clusters.values()])

    async def _get(self, request: Request) -> Response:
        cluster = self.store.get(request.path_params["id"])
        if not self.etags:
            return JSONResponse(self._cluster_body(cluster))
        etag = f'"{hashlib.sha256(f"{cluster.id}/{cluster.revision}".encode()).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        return JSONResponse(self._cluster_body(cluster), headers={"etag": etag})

    async def _create(self, request: Request) -> Response:
        body = await _json(request)
        if not isinstance(body.get("spec"), dict):
            raise invalid("spec is required", ("spec", "is required"))
        cluster = self.store.create(
            body["spec"], cluster_id=body.get("id"), name=body.get("name"), labels=body.get("labels")
        )
        self._announce(cluster)
        return JSONResponse(self._cluster_body(cluster), 201)

    async def _patch(self, request: Request) -> Response:
        body = await _json(request)
        cluster = self.store.patch(request.path_params["id"], body.get("spec"), body.get("labels"))
        self._announce(cluster)
        return JSONResponse(self._cluster_body(cluster))

    async def _delete(self, request: Request) -> Response:
        cluster = self.store.delete(request.path_params["id"])
        self._announce(cluster)
        return JSONResponse(self._cluster_body(cluster), 202)

    async def _force_delete(self, request: Request) -> Response:
        await _json(request)
        self.store.remove(request.path_params["id"])
        return Response(status_code=204)

    async def _statuses(self, request: Request) -> Response:
        cluster = self.store.get(request.path_params["id"])
        return self._listing(request, [self._report_body(r) for r in cluster.reports.values()])

    async def _report(self, request: Request) -> Response:
        body = await _json(request)
        cluster = self.store.get(request.path_params["id"])
        report = (
            wire_v1.parse_report(body, self.store.now())
            if self.dialect is Dialect.V1
            else wire_ddr.parse_report(body, cluster, self.store.now())
        )
        stored = self.store.report(cluster.id, report)
        return JSONResponse(self._report_body(stored), 201) if stored else Response(status_code=204)

    def _announce(self, cluster: ClusterRecord) -> None:
        if self.changed is not None:
            self.changed(cluster)


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise ProblemError(400, "HYPERFLEET-VAL-006", "Invalid request format") from None
    if not isinstance(body, dict):
        raise ProblemError(400, "HYPERFLEET-VAL-006", "Invalid request format")
    return body
