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

"""
Replay of a recorded run: the learner runs over the recorded messages, without ROS.

Each complete set of inputs makes a step, as in the controller, and its torques are compared with
the recorded ones. A recorded command of zero torque that is not the learner's own means that the
controller had halted; the replay then halts too. Events that are not in a recording, such as a
call of ``~/rollback``, show up as a difference at a certain message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from dynsyn_ros.learner import Learner, LearnerConfig
from dynsyn_ros.robot import BadMessage, Robot, RobotConfig, SensorBuffer, StepInput
from dynsyn_ros.robot.control_loop import ControlLoop
from dynsyn_ros.robot.robot import COMMANDS, HUMAN_REWARD
from dynsyn_ros.settings import parameters
from dynsyn_ros.settings.schema import build, build_part, ConfigError, cut
import numpy as np

#: The topic of changed parameters, the same in every namespace.
PARAMETER_EVENTS = '/parameter_events'
#: How many sets of inputs may wait for their command before it counts as missing.
PATIENCE = 10
#: The fields of a ParameterValue in the order of its types, which start at 1.
_VALUES = ('bool_value', 'integer_value', 'double_value', 'string_value', 'byte_array_value',
           'bool_array_value', 'integer_array_value', 'double_array_value', 'string_array_value')


class Message(NamedTuple):
    """One message of a recording."""

    topic: str
    content: Any
    """An object with the fields of the ROS message."""
    time: int
    """When it was recorded, ns."""


class Replay:
    """One learner, from its state at the start of the recording, over the recorded messages."""

    def __init__(
        self, robot: Robot, learner: Learner, values: dict[str, Any], after: int | None = None,
        behind: Mapping[str, np.ndarray] | None = None, node: str = '/controller',
    ) -> None:
        """
        Begin at the first set of inputs, or after the one with the time ``after``, ns.

        ``values`` are the parameters that the controller was started with. ``behind`` are the
        arrays of the checkpoint to continue from. ``node`` is the full name of the controller.
        """
        self._learner, self._values, self._node = learner, values, node
        self._loop = ControlLoop(robot, learner)
        if behind:
            self._loop.restore(behind)
        self._inputs = SensorBuffer(robot)
        self._inputs.need_reward(learner.learning)
        self._command_topic = COMMANDS[robot.config.command]
        self.topics = (*self._inputs.topics, self._command_topic)
        """The topics that must be in the recording."""
        self._after = after
        self._sets: deque[StepInput] = deque()
        self._commands: deque[Message] = deque()
        self._answer_to_come = False
        """Whether the next command still answers the set after which the replay begins."""
        self.steps = 0
        """Steps of the learner whose torques equal the recorded ones, bit for bit."""
        self.halts = 0
        """Recorded commands of zero torque that were not the learner's own."""

    @property
    def begun(self) -> bool:
        """Whether the replay has reached the place where it begins."""
        return self._after is None

    @property
    def refusal(self) -> str:
        """Why a topic's newest message could not be used; empty if all could."""
        return next((each.refusal for each in self._inputs.status.values() if each.refusal), '')

    def put(self, message: Message) -> str:
        """Process one message; returns how replay and recording differ, empty if they do not."""
        topic, content, time = message
        if topic == self._command_topic:
            if self.begun:
                self._commands.append(message)
        elif topic == PARAMETER_EVENTS:
            try:
                self._reconfigure(content)
            except (AttributeError, LookupError, TypeError) as error:
                raise ConfigError(f'the message on {PARAMETER_EVENTS} recorded at {time} ns names '
                                  'parameters that no controller has') from error
        else:
            try:
                if topic == HUMAN_REWARD:
                    self._inputs.add_human_reward(self._values['human_reward_gain'] * content.data)
                elif self._inputs.put(topic, content, lambda: time):
                    self._take(time)
            except BadMessage:
                pass  # the controller dropped it too
        return self._compare()

    def _take(self, time: int) -> None:
        given = self._inputs.take(time)
        if self.begun:
            self._sets.append(given._replace(readings=given.readings.copy()))
        elif given.time == self._after:
            self._after = None
            self._answer_to_come = True

    def _compare(self) -> str:
        while self._commands:
            command = self._commands[0]
            recorded = np.asarray(command.content.data)
            if self._answer_to_come:
                self._answer_to_come = False
            elif self._sets:
                given = self._sets.popleft()
                difference = self._step(given, recorded)
                if difference:
                    return (f'command {self.steps + self.halts + 1} on {self._command_topic}, '
                            f'recorded at {command.time} ns for the inputs of {given.time} '
                            f'ns: {difference}')
            elif not recorded.any():
                self._loop.stop()
                self.halts += 1
            else:
                return ''
            self._commands.popleft()
        if len(self._sets) > PATIENCE:
            return f'no command answers the inputs of {self._sets[0].time} ns'
        return ''

    def _step(self, given: StepInput, recorded: np.ndarray) -> str:
        before = None if recorded.any() else self._learner.snapshot()
        torques = self._loop.step(given) if given.periods else self._loop.stop()
        if torques is not None and np.array_equal(torques[0], recorded):
            self.steps += 1
        elif before is not None:
            self._learner.restore(before)
            self._loop.stop()
            self.halts += 1
        else:
            replayed = 'none' if torques is None else torques[0].tolist()
            return f'recorded {cut(recorded.tolist())}, replayed {replayed}'
        return ''

    def _reconfigure(self, event: Any) -> None:
        """Apply the parameters that were changed at the controller."""
        if event.node != self._node:
            return
        flat = {each.name: getattr(each.value, _VALUES[each.value.type - 1])
                for each in event.changed_parameters}
        if not flat:
            return
        parameters.merge(self._values, parameters.nested(flat))
        robot = build_part(RobotConfig, self._values)
        self._learner.learning = bool(self._values['learning'])
        self._learner.reconfigure(build(LearnerConfig, self._values['learner'], 'learner.'))
        self._loop.reconfigure(robot)
        self._inputs.reconfigure(robot)
        self._inputs.need_reward(self._learner.learning)
