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
The controller node: sensor messages -> readings -> observation -> learner -> commands.

It is a managed node. It makes the learner when it is configured, and runs it while it is active.
It sends the safe command when it is deactivated, and saves the weights when it is cleaned up or
shut down. While active it writes checkpoints; when configured again it continues from the newest.

While its inputs cannot be trusted or the emergency stop is latched, it sends the safe command and
the learner waits.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
import time
from typing import Any

from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import diagnostics, parameters, run, services, topics
from dynsyn_ros.nodes.config import ControllerConfig, LearnerSection, SharedConfig
from dynsyn_ros.nodes.control import Control
from dynsyn_ros.nodes.deadman import Deadman
from dynsyn_ros.nodes.guard import Guarded, Lately, reported
from dynsyn_ros.nodes.monitor import Monitor
from dynsyn_ros.nodes.owners import Owners
from dynsyn_ros.nodes.services import EMERGENCY
from dynsyn_ros.robot import Robot, RobotConfig, StepInput
from dynsyn_ros.robot.control_loop import ControlLoop
from dynsyn_ros.robot.sensors import used_readings
from dynsyn_ros.settings.assets import UNTRAINED
from dynsyn_ros.settings.files import path_of
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage.checkpoint_manager import CheckpointManager
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

#: Parameters that may be changed while the node is active, and that need readings of their own.
GUARDS = ('fall_tilt', 'damping')


class ControllerNode(Guarded, LifecycleNode):
    """One learner that drives one robot."""

    def __init__(self, **kwargs: Any) -> None:
        """Check the parameters; raises :class:`ConfigError`."""
        super().__init__(topics.CONTROLLER, **kwargs)
        parameters.declare(self, SharedConfig, ControllerConfig, RobotConfig, LearnerSection)
        self._read_parameters()
        self._robot = Robot(self._robot_config)
        self.learner: Learner | None = None
        """The learner, while the node is configured."""
        self.manager: CheckpointManager | None = None
        """What saves the learner, while the node is configured."""
        self.failure = ''
        """Why the last transition was refused; empty if it succeeded."""
        self._raises = False
        """Whether a failure is raised to the caller, who reports it, instead of being logged."""
        self.estopped = False
        """Whether the emergency stop is latched."""
        self.second = ''
        """Which topic has a second publisher, and who publishes it; learning pauses meanwhile."""
        self.control: Control | None = None
        """The subscriptions and commands while the node is active."""
        self._rejected = 0
        self._ends = ExitStack()
        """Undoes what an activation has set up: it sends the safe command first."""
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = diagnostics.Diagnostics(self, self._report)
        self._clipped_lately = Lately()
        services.offer(self)
        self.add_on_set_parameters_callback(self._check_live)
        self.add_post_set_parameters_callback(self._on_parameters)

    def _read_parameters(self) -> None:
        """Read the present parameters."""
        self._shared = parameters.current(self, SharedConfig)
        self._config = parameters.current(self, ControllerConfig)
        self._robot_config = parameters.current(self, RobotConfig)
        self._learner_config = parameters.current(self, LearnerSection).learner

    @property
    def steps(self) -> int:
        """Number of steps of the learner since it was configured."""
        return self.manager.steps if self.manager else 0

    @property
    def halted(self) -> str:
        """Why the safe command is sent and the learner waits; empty otherwise."""
        return self.control.halted if self.control else ''

    @property
    def rejected(self) -> int:
        """Number of messages since the start that could not be used."""
        return self._rejected + (self.control.rejected if self.control else 0)

    def start(self) -> None:
        """Configure and activate if ``autostart`` is set; raises :class:`ConfigError`."""
        if not self._config.autostart:
            return
        self._raises = True
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() != TransitionCallbackReturn.SUCCESS:
                raise ConfigError(self.failure)
        self._raises = False

    def stop(self) -> None:
        """
        Shut down from any state: send the safe command and save the weights.

        Raises :class:`ConfigError` if the weights could not be saved.
        """
        if self._state_machine.current_state[1] in ('unconfigured', 'inactive', 'active'):
            self._raises = True
            self.trigger_shutdown()
            if self.failure:
                raise ConfigError(self.failure)

    # Transitions

    @reported
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Make the learner and load its weights; refused if a file or folder is bad."""
        try:
            self._configure()
        except ConfigError as error:
            self._failed(error)
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _configure(self) -> None:
        self._read_parameters()
        self._robot, robot = Robot(self._robot_config), self._robot_config
        begun = time.monotonic()
        self.get_logger().info(
            'compiling the learner, or loading what an earlier start or dynsyn compile compiled')
        learner = Learner(self._robot.layout, self._learner_config, self._shared.seed)
        loop = ControlLoop(self._robot, learner)
        manager = CheckpointManager(
            path_of(self._config.output_dir), learner, self._robot,
            self._config.checkpoints_kept, round(self._config.best_window / robot.control_period),
            loop.state, self.get_logger().warning, self.faults.add)
        source = manager.begin(self._config.weights, self._shared.seed)
        learner.learning = self._config.learning
        self._loop = loop
        self.learner, self.manager = learner, manager
        self.get_logger().info(
            f'{learner.layout.synapses} synapses for {robot.robot}, '
            f'{"untrained" if source == UNTRAINED else f"from {source}"}, '
            f'{"learning" if learner.learning else "frozen"}, ready after '
            f'{time.monotonic() - begun:.1f} s')

    @reported
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the sensors and send commands."""
        self._deadman = Deadman(self, self._config)
        self._ends.callback(self._deadman.close)
        self.control = Control(self, self._robot, self._loop, self._steady)
        self._ends.callback(self._close_control)
        self._apply_live_parameters()
        self._input_reports = diagnostics.InputReports(
            self, self.control.inputs, self._robot_config.control_period)
        for end in (
            Owners(self, self._on_owners, self._steady).close,
            partial(self.destroy_timer, self.create_timer(
                self._config.checkpoint_period, self._checkpoint, clock=self._steady)),
            Monitor(self, self._robot, self.learner, self.manager, self.control.inputs,
                    self._steady).close,
        ):
            self._ends.callback(end)
        return super().on_activate(state)

    @reported
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Send the safe command and remove all subscriptions and publishers."""
        self._ends.close()
        return super().on_deactivate(state)

    @reported
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Save the weights and drop the learner; refused if the weights cannot be saved."""
        if not self._saved():
            return TransitionCallbackReturn.FAILURE
        self._drop()
        return TransitionCallbackReturn.SUCCESS

    @reported
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Send the safe command and save the weights."""
        return self._end()

    @reported
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Send the safe command and save the weights, then wait to be configured again."""
        return self._end()

    def _end(self) -> TransitionCallbackReturn:
        self._ends.close()
        if self.learner is not None:
            self._saved()
            self._drop()
        return TransitionCallbackReturn.SUCCESS

    def _drop(self) -> None:
        """Drop the learner, and leave the folder to others."""
        self.manager.close()
        self.learner = self.manager = None

    def _close_control(self) -> None:
        control, self.control, self.second = self.control, None, ''
        self._choose_learning()
        self._rejected += control.rejected
        control.close()

    # Keeping

    @property
    def must_stop(self) -> str:
        """Why the robot must not move; empty if it may."""
        return EMERGENCY if self.estopped else self._deadman.trouble

    def fault_of_learner(self) -> str:
        """Say whether the learner is not finite after a step, and if so roll it back."""
        if self.manager.finite:
            return ''
        fault = 'the learner is not finite'
        self.faults.add(fault)
        self.manager.mend()
        return fault

    def on_step(self, given: StepInput) -> None:
        """Count a step whose command has been sent."""
        if self.manager.count(given.reward, given.time) and not self.second:
            self._look_back()

    def _look_back(self) -> None:
        """At the end of a window, keep the best learner, or roll back if it got much worse."""
        manager, share = self.manager, self._config.rollback_share
        if share and manager.best_mean > 0.0 and manager.mean < share * manager.best_mean:
            self.get_logger().warning(
                f'the mean reward of {manager.mean:.3g} is below {share:g} of the best, '
                f'{manager.best_mean:.3g}: rolled back to the best weights')
            manager.roll_back()
        elif self.learner.learning:
            manager.keep_if_best()

    def _checkpoint(self) -> None:
        if self.control is not None:
            self.manager.checkpoint()

    def _saved(self) -> bool:
        """Save the weights and log the result; returns whether they are saved."""
        try:
            self.manager.save()
        except ConfigError as error:
            self._failed(error)
            return False
        self.get_logger().info(f'weights saved in {self.manager.path}')
        return True

    def _failed(self, error: ConfigError) -> None:
        """Record why a transition failed, and log it unless it will be raised."""
        self.failure = str(error)
        if not self._raises:
            self.get_logger().error(self.failure)

    # Parameters, reports

    def _check_live(self, new: list[Parameter]) -> SetParametersResult:
        """Refuse a guard that needs a topic to which a configured node does not subscribe."""
        if self.learner is not None and any(each.name in GUARDS for each in new):
            try:
                config = parameters.current(self, RobotConfig, new)
            except ConfigError as error:
                return SetParametersResult(successful=False, reason=str(error))
            for topic in sorted({reading.partition('.')[0] for reading in used_readings(config)}):
                if topic not in self._robot.topics:
                    return SetParametersResult(successful=False, reason=(
                        f'it needs {topic}, to which this node has not subscribed: set it before '
                        'the node is configured'))
        return SetParametersResult(successful=True)

    def _on_parameters(self, changed: list[Parameter]) -> None:
        if parameters.of_ros(changed):
            return
        self._read_parameters()
        if self.learner is None:
            return
        self._choose_learning()
        self.learner.reconfigure(self._learner_config)
        self._loop.reconfigure(self._robot_config)
        self._apply_live_parameters()

    def _choose_learning(self) -> None:
        """Learn if the parameter says so, but only from a single robot."""
        self.learner.learning = self._config.learning and not self.second

    def _on_owners(self, second: str) -> None:
        self.second = second
        if second:
            self.get_logger().error(f'not learning: {second}')
        else:
            self.get_logger().info('one publisher of each topic again')
            self.manager.begin_window()
        self._choose_learning()

    def _apply_live_parameters(self) -> None:
        """Apply the live parameters to the control."""
        if self.control is not None:
            self.control.inputs.need_reward(self._config.learning)
            self.control.inputs.reconfigure(self._robot_config)
            self.control.human_reward_gain = self._config.human_reward_gain

    def _report(self) -> list[diagnostics.Report]:
        return [
            self._report_of_control(),
            *([diagnostics.of_learning(self.learner, self.manager)] if self.manager else []),
            *(self._input_reports() if self.control is not None else [])]

    def _report_of_control(self) -> diagnostics.Report:
        clipped = self.control.inputs.clipped if self.control else 0
        return diagnostics.of_control(self._state_machine.current_state[1], [
            (diagnostics.WARN,
             'rewards were past their limit' if self._clipped_lately(clipped) else ''),
            (diagnostics.WARN, 'fallen' if self.control and self.control.fallen else ''),
            (diagnostics.ERROR, self.second and f'not learning: {self.second}'),
            (diagnostics.ERROR, self.faults.shown),
            (diagnostics.ERROR, self.failure),
            (diagnostics.ERROR, EMERGENCY if self.estopped else self.halted),
        ], {'steps': self.steps, 'rejected messages': self.rejected,
            'clipped rewards': clipped, 'faults': self.faults.count})


def main() -> int:
    """Run the controller node until it is stopped."""
    return run.run_node(ControllerNode, ControllerNode.start, ControllerNode.stop)
