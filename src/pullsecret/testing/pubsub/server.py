"""The gRPC surface: google.pubsub.v1.Publisher and Subscriber, as far as the project and its users need it.

Acknowledgements over the stream are not taken; Google's clients send them as calls of their own.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import attrs
import grpc
from google.protobuf import empty_pb2

from pullsecret.testing.gcp.status import ApiError
from pullsecret.testing.kubernetes.processes import free_port
from pullsecret.testing.pubsub import messages as m
from pullsecret.testing.pubsub.faults import Fault, FaultScript
from pullsecret.testing.pubsub.messages import Message
from pullsecret.testing.pubsub.registry import Registry, ack_failure
from pullsecret.testing.pubsub.stream import PullStream

_MOST_CALLS_AT_ONCE: Final = 64
_PULL_WAITS: Final = 60.0
_OPTIONS: Final = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", -1),
    # Clients may look after their connection as often as they like.
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1),
]


@attrs.frozen
class _Method:
    name: str
    request: Any
    response: Any
    work: Callable[[Message, grpc.ServicerContext], Message]


class PubSubServer:
    """Serves a :class:`Registry` on a loopback port; start and stop it as often as needed."""

    def __init__(self, registry: Registry, faults: FaultScript) -> None:
        self._registry = registry
        self._faults = faults
        self._streams: set[PullStream] = set()
        self._lock = threading.Lock()
        self._server: grpc.Server | None = None
        # Nobody else takes it while the server is away.
        self.port = free_port()

    def start(self) -> None:
        """Listen, each time on the same port."""
        pool = ThreadPoolExecutor(_MOST_CALLS_AT_ONCE, thread_name_prefix="fake-pubsub")
        server = grpc.server(pool, options=_OPTIONS)
        server.add_generic_rpc_handlers((self._publisher(), self._subscriber()))
        server.add_insecure_port(f"127.0.0.1:{self.port}")
        server.start()
        self._server = server

    def stop(self) -> None:
        """Listen no more; every call and stream breaks off. Messages and leases stay."""
        server, self._server = self._server, None
        if server is not None:
            stopped = server.stop(grace=0)
            for stream in self.streams():
                stream.end()
            stopped.wait()

    def streams(self) -> list[PullStream]:
        """The open ones."""
        with self._lock:
            return list(self._streams)

    def _publisher(self) -> grpc.GenericRpcHandler:
        registry = self._registry
        return self._service(
            "google.pubsub.v1.Publisher",
            _Method("CreateTopic", m.Topic, m.Topic, lambda r, _: registry.create_topic(r)),
            _Method("GetTopic", m.GetTopicRequest, m.Topic, lambda r, _: registry.get_topic(r)),
            _Method(
                "DeleteTopic", m.DeleteTopicRequest, empty_pb2.Empty, lambda r, _: registry.delete_topic(r)
            ),
            _Method("Publish", m.PublishRequest, m.PublishResponse, lambda r, _: registry.publish(r)),
        )

    def _subscriber(self) -> grpc.GenericRpcHandler:
        registry, empty = self._registry, empty_pb2.Empty
        return self._service(
            "google.pubsub.v1.Subscriber",
            _Method(
                "CreateSubscription",
                m.Subscription,
                m.Subscription,
                lambda r, _: registry.create_subscription(r),
            ),
            _Method(
                "GetSubscription",
                m.GetSubscriptionRequest,
                m.Subscription,
                lambda r, _: registry.get_subscription(r),
            ),
            _Method(
                "DeleteSubscription",
                m.DeleteSubscriptionRequest,
                empty,
                lambda r, _: registry.delete_subscription(r),
            ),
            _Method("Acknowledge", m.AcknowledgeRequest, empty, lambda r, _: registry.acknowledge(r)),
            _Method(
                "ModifyAckDeadline",
                m.ModifyAckDeadlineRequest,
                empty,
                lambda r, _: registry.modify_ack_deadline(r),
            ),
            _Method(
                "Pull",
                m.PullRequest,
                m.PullResponse,
                lambda r, context: registry.pull(
                    r, min(_PULL_WAITS, (context.time_remaining() or 1e9) - 0.2)
                ),
            ),
            StreamingPull=grpc.stream_stream_rpc_method_handler(
                self._pull_stream,
                request_deserializer=m.StreamingPullRequest.FromString,
                response_serializer=m.StreamingPullResponse.SerializeToString,
            ),
        )

    def _service(
        self, name: str, *methods: _Method, **others: grpc.RpcMethodHandler
    ) -> grpc.GenericRpcHandler:
        handlers = {method.name: self._handler(method) for method in methods}
        return grpc.method_handlers_generic_handler(name, {**handlers, **others})

    def _handler(self, method: _Method) -> grpc.RpcMethodHandler:
        def serve(request: Message, context: grpc.ServicerContext) -> Message:
            try:
                return self._perform(method, request, context)
            except ApiError as error:
                _abort(context, error)

        return grpc.unary_unary_rpc_method_handler(
            serve,
            request_deserializer=method.request.FromString,
            response_serializer=method.response.SerializeToString,
        )

    def _perform(self, method: _Method, request: Message, context: grpc.ServicerContext) -> Message:
        fault = self._faults.next_for(method.name)
        if fault is None:
            return method.work(request, context)
        answer = method.work(request, context) if fault.takes_effect else method.response()
        time.sleep(fault.delay)
        if fault.ack_failure:
            raise ack_failure(dict.fromkeys(request.ack_ids, fault.ack_failure))
        _fail(fault)
        return answer

    def _pull_stream(self, requests: Iterator[Message], context: grpc.ServicerContext) -> Iterator[Message]:
        try:
            if (fault := self._faults.next_for("StreamingPull")) is not None:
                time.sleep(fault.delay)
                _fail(fault)
            stream = PullStream(self._registry, requests)
            if not context.add_callback(stream.end):
                stream.end()  # it was over before it began
            with self._lock:
                self._streams.add(stream)
            try:
                yield from stream.responses()
            finally:
                with self._lock:
                    self._streams.discard(stream)
        except ApiError as error:
            _abort(context, error)


def _patience(context: grpc.ServicerContext) -> float:
    """Seconds to wait for a message: answered before the client gives up."""
    remaining = context.time_remaining()
    return _PULL_WAITS if remaining is None else max(0.0, min(_PULL_WAITS, float(remaining) - 0.2))


def _fail(fault: Fault) -> None:
    if fault.code is not None:
        raise ApiError(fault.code, fault.message)


def _abort(context: grpc.ServicerContext, error: ApiError) -> NoReturn:
    if error.details:
        context.set_trailing_metadata((("grpc-status-details-bin", error.rpc_status().SerializeToString()),))
    context.abort(error.code, error.message)
    raise AssertionError("abort() raises")
