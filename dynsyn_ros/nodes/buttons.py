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

"""The buttons of the dashboard: what each asks of the controller, and the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import time
from typing import Any

from dynsyn_ros.nodes import topics
from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

#: Reward for a press of praise, or minus that for scold.
PRAISE = 5.0
#: The buttons that call a service of the controller, with what they send.
BUTTONS = {
    'pause': ('set_learning', SetBool, {'data': False}),
    'learn': ('set_learning', SetBool, {'data': True}),
    'stop': ('estop', SetBool, {'data': True}),
    'clear': ('estop', SetBool, {'data': False}),
    'save': ('save', Trigger, {}),
    'rollback': ('rollback', Trigger, {}),
}
REWARDS = {'praise': PRAISE, 'scold': -PRAISE}
#: The outcomes of a press.
DONE, REFUSED, NO_ANSWER = 'done', 'refused', 'no answer'
#: Time after which a press counts as unanswered, s; the page shows that within 2 s.
ANSWER_TIME = 1.5
#: Time between two looks at the ROS graph, s.
LOOK_PERIOD = 0.2


@dataclass
class Press:
    """A press that waits for its answer."""

    button: str
    who: str
    """The presser's name for this press."""
    time: float
    answer: Callable[[], tuple[str, str] | None]
    """Returns outcome and text, or None while there is no answer."""
    forget: Callable[[], None]
    """Called when nobody waits for the answer any longer."""
    overdue: bool = False


class Buttons:
    """Presses and their answers. Nothing here blocks: :meth:`answers` polls for answers."""

    def __init__(self, node: Node, heard: Callable[[], float]) -> None:
        """Find the controller's services; ``heard`` returns the time of its last message."""
        self._node, self._heard = node, heard
        self._clients = {
            service: node.create_client(kind, f'{topics.CONTROLLER}/{service}')
            for service, kind, _ in BUTTONS.values()}
        self._praise = node.create_publisher(
            topics.HUMAN_REWARD_TYPE, topics.HUMAN_REWARD, topics.QOS)
        self._waiting: list[Press] = []
        self._reports: list[dict[str, str]] = []
        self._there: dict[str, bool] = {}
        self._looked = -LOOK_PERIOD

    def _look(self) -> dict[str, bool]:
        """Return which ends of the controller are in the graph, which is asked now and then."""
        if time.monotonic() - self._looked >= LOOK_PERIOD:
            self._looked = time.monotonic()
            ends = self._node.get_subscriptions_info_by_topic(self._praise.topic_name)
            mine = (self._node.get_namespace(), topics.CONTROLLER)
            self._there = {
                name: client.service_is_ready() for name, client in self._clients.items()
            } | {topics.HUMAN_REWARD: any(
                (end.node_namespace, end.node_name) == mine for end in ends)}
        return self._there

    def obstacles(self, controller: Mapping[str, Any] | None, silence: str) -> dict[str, str]:
        """
        Say for each button why it cannot work; empty if it can.

        ``controller`` is the diagnostic status of the controller. ``silence`` says why it cannot
        be relied on; it does not disable the emergency stop, which may still arrive.
        """
        there, values = self._look(), controller['values'] if controller else {}
        found = {}
        for button, (service, _, _) in BUTTONS.items():
            found[button] = '' if there[service] else (
                f'there is no {self._clients[service].service_name}')
            if button == 'stop' or found[button]:
                continue
            if silence:
                found[button] = silence
            elif service != 'estop' and 'learning' not in values:
                found[button] = 'the controller is not configured'
            elif button == 'rollback' and 'best mean reward' not in values:
                found[button] = 'there are no best weights yet'
        for button in REWARDS:
            found[button] = silence or ('' if there[topics.HUMAN_REWARD] else (
                f'the controller does not listen to {self._praise.topic_name}'))
        return found

    def press(self, button: str, who: str) -> None:
        """Do what a button says; the outcome will be among the :meth:`answers`."""
        if button in REWARDS:
            self._give(button, who)
        elif button in BUTTONS:
            self._call(button, who)
        else:
            self._report(button[:20], who, REFUSED, 'there is no such button')

    def _give(self, button: str, who: str) -> None:
        if not self._look()[topics.HUMAN_REWARD]:
            self._report(button, who, REFUSED,
                         f'the controller does not listen to {self._praise.topic_name}')
            return
        self._praise.publish(topics.HUMAN_REWARD_TYPE(data=REWARDS[button]))
        given = time.monotonic()

        def answer() -> tuple[str, str] | None:
            # A topic has no answers, and DDS acknowledges only after up to 3 s. It is enough that
            # the controller subscribes to the reliable topic and was alive after the press.
            return (DONE, f'{REWARDS[button]:+g} given') if self._heard() > given else None

        self._wait(Press(button, who, given, answer, lambda: None))

    def _call(self, button: str, who: str) -> None:
        service, kind, content = BUTTONS[button]
        client = self._clients[service]
        if not client.service_is_ready():
            self._report(button, who, REFUSED, f'there is no {client.service_name}')
            return
        future = client.call_async(kind.Request(**content))

        def answer() -> tuple[str, str] | None:
            if not future.done():
                return None
            response = future.result()
            return (DONE if response.success else REFUSED), response.message

        self._wait(Press(button, who, time.monotonic(), answer,
                         lambda: client.remove_pending_request(future)))

    def _wait(self, press: Press) -> None:
        for before in [each for each in self._waiting if each.overdue]:
            if before.button == press.button:  # its late answer is of no interest any more
                before.forget()
                self._waiting.remove(before)
        self._waiting.append(press)

    def answers(self) -> list[dict[str, str]]:
        """
        Return the outcomes of presses, each once.

        A service that answers late is reported again.
        """
        now = time.monotonic()
        for press in list(self._waiting):
            answer = press.answer()
            took = now - press.time
            if answer and press.overdue:
                answer = (answer[0], f'{answer[1]} (after {took:.1f} s)')
            if answer:
                self._waiting.remove(press)
                self._report(press.button, press.who, *answer)
            elif took > ANSWER_TIME and not press.overdue:
                self._report(press.button, press.who, NO_ANSWER,
                             f'the controller has not answered for {ANSWER_TIME:g} s')
                press.overdue = True
                if press.button in REWARDS:
                    self._waiting.remove(press)
        reports, self._reports = self._reports, []
        return reports

    def _report(self, button: str, who: str, outcome: str, text: str) -> None:
        self._reports.append({'button': button, 'who': who, 'outcome': outcome, 'text': text})
