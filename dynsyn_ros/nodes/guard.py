# Copyright 2026 dynsyn_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""An exception in a callback is logged, counted and shown in diagnostics, but ends no node."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
import time
import traceback
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.service import Service
from std_srvs.srv import Trigger

#: How long diagnostics show a fault as an error, s: long enough for anybody to see it.
SHOWN = 10.0
#: Time between two warnings of the same kind in the log, s.
WARNING_PERIOD = 5.0


def sentence(error: Exception) -> str:
    """Say in one sentence what was raised, and where."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f'{frame.filename.rpartition("/")[2]}:{frame.lineno}'
    return f'{type(error).__name__}: {" ".join(str(error).split()) or "no message"} ({place})'


class Faults:
    """The faults of a node that continued to run."""

    def __init__(self, node: Node) -> None:
        """Log for ``node``."""
        self._logger = node.get_logger()
        self.count = 0
        """Number of faults since the start."""
        self._last, self._until = '', 0.0

    def add(self, fault: str) -> None:
        """Log and remember a fault."""
        self.count += 1
        self._last, self._until = fault, time.monotonic() + SHOWN
        self._logger.error(fault, throttle_duration_sec=1.0)

    @property
    def shown(self) -> str:
        """The last fault while it is recent; empty afterwards."""
        return self._last if time.monotonic() < self._until else ''


class Lately:
    """Whether a count has grown within the last :data:`SHOWN`."""

    def __init__(self) -> None:
        """Begin with a count of 0."""
        self._count, self._until = 0, 0.0

    def __call__(self, count: int) -> bool:
        """Take the present count, and say whether it has grown lately."""
        if count > self._count:
            self._until = time.monotonic() + SHOWN
        self._count = count
        return time.monotonic() < self._until


class Guarded:
    """A mixin before a node's rclpy class: its subscriptions and timers cannot end the process."""

    _faults: Faults | None = None

    @property
    def faults(self) -> Faults:
        """The faults so far."""
        if self._faults is None:  # rclpy subscribes in a node's own constructor
            self._faults = Faults(self)
        return self._faults

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Callable[..., None], *args: Any, **kwargs: Any
    ) -> Any:
        """Create a subscription whose callback is guarded."""
        return super().create_subscription(
            msg_type, topic, self._guarded(f'a message on {topic}', callback), *args, **kwargs)

    def create_timer(
        self, period: float, callback: Callable[[], None], *args: Any, **kwargs: Any
    ) -> Any:
        """Create a timer whose callback is guarded."""
        return super().create_timer(
            period, self._guarded('a timer', callback), *args, **kwargs)

    def _guarded(self, cause: str, callback: Callable[..., None]) -> Callable[..., None]:
        def guarded(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:
                self.faults.add(f'{cause} has raised {sentence(error)}')

        return guarded


def reported(transition: Callable[..., Any]) -> Callable[..., Any]:
    """
    Report what a transition of a guarded node raises; rclpy makes it an error silently.

    The node's ``failure``, which may also be set by the transition, is that of the last one.
    """

    @wraps(transition)
    def reporting(node: Any, state: Any) -> Any:
        if transition.__name__ != 'on_error':  # it follows a failure, whose reason remains
            node.failure = ''
        try:
            return transition(node, state)
        except Exception as error:
            node.failure = f'{transition.__name__} has raised {sentence(error)}'
            node.faults.add(node.failure)
            raise

    return reporting


def guard_services(node: Node) -> None:
    """
    Make every service of a node answer even if it raises: that it has failed, and why.

    This includes the services of every rclpy node: a transition that is impossible in the present
    state, or a parameter of an unknown type, would otherwise end the process.
    """
    for service in node.services:
        service.callback = _answering(node, service, service.callback)


def answer_later(service: Service) -> None:
    """Let a std_srvs/Trigger service return a future response, so that it blocks no callback."""
    send = service.send_response

    def send_when_done(response: Any, header: Any) -> None:
        if isinstance(response, Future):
            response.add_done_callback(lambda done: send(_response_of(done), header))
        else:
            send(response, header)

    service.send_response = send_when_done


def _response_of(done: Future) -> Trigger.Response:
    try:
        return done.result()
    except Exception as error:
        return Trigger.Response(message=sentence(error))


def _answering(
    node: Node, service: Service, callback: Callable[[Any, Any], Any]
) -> Callable[[Any, Any], Any]:
    def answering(request: Any, response: Any) -> Any:
        try:
            return callback(request, response)
        except Exception as error:
            if (service.srv_type is ChangeState
                    and isinstance(error, rclpy_implementation.RCLError)):
                # The present state has no such transition. ROS has logged it; nothing is broken.
                return ChangeState.Response(success=False)
            reason = sentence(error)
        fault = f'{service.service_name} has raised {reason}'
        if isinstance(node, Guarded):
            node.faults.add(fault)
        else:
            node.get_logger().error(fault)
        refusal = service.srv_type.Response()
        refused = SetParametersResult(successful=False, reason=reason)
        for field, kind in refusal.get_fields_and_field_types().items():
            if field in ('message', 'reason'):
                setattr(refusal, field, reason)
            elif kind == 'rcl_interfaces/SetParametersResult':
                setattr(refusal, field, refused)
            elif kind == 'sequence<rcl_interfaces/SetParametersResult>':
                setattr(refusal, field, [refused] * len(request.parameters))
        return refusal

    return answering
