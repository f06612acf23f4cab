"""
The controller node: sensor messages -> readings -> observation -> learner -> torques.

A managed node: it makes the learner when it is configured, listens and commands while it is
active, sends zero torque when it is deactivated and saves when it is cleaned up or shut down.
While it is active it leaves checkpoints, and goes on from the newest when it is configured again.
"""

from __future__ import annotations

from array import array
from contextlib import ExitStack
from functools import partial
from pathlib import Path
import sys
from typing import Any

import numpy as np
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from std_msgs.msg import MultiArrayDimension
from std_srvs.srv import SetBool, Trigger

from dynsyn_ros import weights
from dynsyn_ros.checkpoints import Checkpoints
from dynsyn_ros.files import check_folder
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes import diagnostics, parameters, run, topics
from dynsyn_ros.nodes.config import ControllerConfig, LearnerSection, SharedConfig
from dynsyn_ros.program import exit_code
from dynsyn_ros.robot import BadMessage, Inputs, Robot, RobotConfig
from dynsyn_ros.schema import ConfigError

#: How often a set of inputs that nobody could act on is tried again, s.
RETRY_PERIOD = 0.05
#: How often the scalars for rqt_plot are published, s of wall clock.
SCALARS_PERIOD = 0.1
WARNING_PERIOD = 5.0


def command_message(joints: int) -> topics.COMMANDS_TYPE:
    """Lay out a command of zero torques."""
    command = topics.COMMANDS_TYPE(data=array('d', bytes(8 * joints)))
    command.layout.dim = [MultiArrayDimension(label='joints', size=joints, stride=joints)]
    return command


class ControllerNode(LifecycleNode):
    """One learner that drives one robot."""

    def __init__(self, **kwargs: Any) -> None:
        """Check the parameters; raises :class:`ConfigError`."""
        super().__init__(
            'controller', automatically_declare_parameters_from_overrides=True, **kwargs)
        self._shared, self._config, robot_config, section = parameters.declare(
            self, SharedConfig, ControllerConfig, RobotConfig, LearnerSection)
        self._robot = Robot(robot_config)
        self._learner_config = section.learner
        self.learner: Learner | None = None
        """The learner, while the node is configured."""
        self.steps = 0
        """Steps the learner has taken since it was configured."""
        self._reward = np.zeros(1)
        self.failure = ''
        """Why the last transition was refused."""
        self._made_by: dict[str, Any] = {}
        self.rejected = 0
        """Messages that could not be used since the start."""
        self._inputs: Inputs | None = None
        """The inputs of this activation; None while the node is not active."""
        self._ends = ExitStack()
        """Undoes what an activation has set up: zero torque first, the subscriptions last."""
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = diagnostics.Diagnostics(self, self._report)
        self.create_service(Trigger, '~/save', self._on_save)
        self.create_service(SetBool, '~/set_learning', self._on_set_learning)
        self.add_post_set_parameters_callback(self._on_parameters)

    def start(self) -> None:
        """Configure and activate if the node is to start itself; raises :class:`ConfigError`."""
        if not self._config.autostart:
            return
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() != TransitionCallbackReturn.SUCCESS:
                raise ConfigError(self.failure)

    def stop(self) -> None:
        """
        Shut down from whatever state: zero torque, weights saved.

        Raises :class:`ConfigError` if they could not be saved.
        """
        if self._state_machine.current_state[1] in ('unconfigured', 'inactive', 'active'):
            self.failure = ''
            self.trigger_shutdown()
            if self.failure:
                raise ConfigError(self.failure)

    # Transitions

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Make the learner, compiled and with its weights; refused if a file or folder is bad."""
        try:
            self._configure()
        except ConfigError as error:
            self.failure = str(error)
            self.get_logger().error(self.failure)
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    def _configure(self) -> None:
        folder = Path(self.get_parameter('output_dir').value).expanduser()
        self._output = folder / weights.WEIGHTS_FILE
        learner = Learner(self._robot.layout, self._learner_config, self._shared.seed)
        checkpoints = Checkpoints(folder, self._config.checkpoints_kept)
        load = partial(weights.load, learner=learner, robot=self._robot)
        found = checkpoints.newest(load, self.get_logger().warning)
        source = str(found) if found else self.get_parameter('weights').value
        if not found and source != weights.UNTRAINED:
            load(Path(source).expanduser())
        check_folder(folder)
        learner.learning = self.get_parameter('learning').value
        self._made_by = {'by': 'controller node', 'seed': self._shared.seed, 'weights': source}
        inputs = Inputs(self._robot)
        self._observe = self._robot.observer(inputs.names)
        self._observe(inputs.take()[0])  # compiles it
        self.steps = 0
        self.learner, self._checkpoints = learner, checkpoints
        self.get_logger().info(
            f'{learner.layout.synapses} synapses for {self._robot.config.robot}, '
            f'{"untrained" if source == weights.UNTRAINED else f"from {source}"}, '
            f'{"learning" if learner.learning else "frozen"}')

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Listen to the sensors and command; the commands come last, when all ears are open."""
        self._inputs = inputs = Inputs(self._robot)
        inputs.need_reward(self.learner.learning)
        for topic in inputs.topics:
            callback = partial(self._on_message, inputs, topic)
            self._ends.callback(self.destroy_subscription, self.create_subscription(
                topics.SENSORS[topic], topic, callback, topics.QOS))
        self._scalars = {
            topic: self._publisher(kind, topic) for topic, kind in topics.SCALARS.items()}
        for period, callback in (
            (RETRY_PERIOD, self._step_if_complete),
            (SCALARS_PERIOD, self._publish_scalars),
            (self._config.checkpoint_period, self._checkpoint),
        ):
            self._ends.callback(
                self.destroy_timer, self.create_timer(period, callback, clock=self._steady))
        self._command = command_message(len(self._robot.config.joints))
        self._torques = np.frombuffer(self._command.data)
        self._commands = self._publisher(topics.COMMANDS_TYPE, topics.COMMANDS)
        self._ends.callback(self._send_zero_torque)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Send zero torque and go deaf and dumb."""
        self._ends.close()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Save the weights and let go of the learner; refused if they cannot be saved."""
        if not self._saved():
            return TransitionCallbackReturn.FAILURE
        self.learner = None
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Send zero torque and save the weights."""
        self._ends.close()
        if self.learner is not None:
            self._saved()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Send zero torque and save the weights, then wait to be configured again."""
        self._ends.close()
        if self.learner is not None:
            self._saved()
        return TransitionCallbackReturn.SUCCESS

    def _publisher(self, kind: type, topic: str) -> Publisher:
        """Create a publisher that lives while the node is active."""
        publisher = self.create_publisher(kind, topic, topics.QOS)
        self._ends.callback(self.destroy_publisher, publisher)
        return publisher

    def _send_zero_torque(self) -> None:
        self._inputs = None
        self._torques[:] = 0.0
        self._commands.publish(self._command)

    # From message to torque

    def _on_message(self, inputs: Inputs, topic: str, message: Any) -> None:
        if inputs is not self._inputs:
            return  # the executor had it in its queue when the node was deactivated
        try:
            complete = inputs.put(topic, message)
        except BadMessage as error:
            self.rejected += 1
            self.get_logger().warning(str(error), throttle_duration_sec=WARNING_PERIOD)
            return
        if complete:
            self._step()

    @property
    def ready(self) -> bool:
        """Whether a complete set of inputs waits for somebody to act on it."""
        return self._inputs is not None and self._inputs.complete

    def _step_if_complete(self) -> None:
        if self.ready:
            self._step()

    def _step(self) -> None:
        """Take one step of the learner and publish the torques, once somebody listens to them."""
        if not self._commands.get_subscription_count():
            return
        readings, reward = self._inputs.take()
        self._reward[0] = reward
        action = self.learner.step(self._observe(readings), self._reward)
        self._torques[:] = self._robot.torques(action)[0]
        self._commands.publish(self._command)
        self.steps += 1

    # Services, parameters, reports

    def _packed(self) -> dict[str, np.ndarray]:
        return weights.pack(
            self.learner, self._robot, {**self._made_by, 'steps': self.steps})

    def _checkpoint(self) -> None:
        """Leave a checkpoint, unless the disk is still at the one before."""
        if self._inputs is not None and not self._checkpoints.busy:
            self._checkpoints.write(self._packed())

    def _saved(self) -> bool:
        """Save the weights, as the newest checkpoint too; says what happened, returns success."""
        packed = self._packed()
        self._checkpoints.write(packed)
        self._checkpoints.finish()
        self.failure = self._checkpoints.trouble
        try:
            weights.write(self._output, packed)
        except ConfigError as error:
            self.failure = str(error)
        if self.failure:
            self.get_logger().error(self.failure)
            return False
        self.get_logger().info(f'weights saved in {self._output}')
        return True

    def _on_save(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self.learner is None:
            response.message = 'there is nothing to save before the node is configured'
            return response
        response.success = self._saved()
        response.message = str(self._output) if response.success else self.failure
        return response

    def _on_set_learning(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        self.set_parameters([Parameter('learning', value=request.data)])
        response.success = True
        response.message = 'learning' if request.data else 'frozen'
        return response

    def _on_parameters(self, changed: list[Parameter]) -> None:
        for parameter in changed:
            if parameter.name == 'learning' and self.learner is not None:
                self.learner.learning = parameter.value
                if self._inputs is not None:
                    self._inputs.need_reward(parameter.value)

    def _publish_scalars(self) -> None:
        if self._inputs is None:
            return
        learner = self.learner
        for topic, value in (
            (topics.AMPLITUDE, learner.mean_amplitude),
            (topics.CENTRE_SHIFT, learner.centre_shift),
            (topics.GAIN, learner.mean_gain),
        ):
            self._scalars[topic].publish(topics.SCALARS[topic](data=value))

    def _report(self) -> diagnostics.Report:
        level, message = diagnostics.OK, self._state_machine.current_state[1]
        if self.rejected:
            level, message = diagnostics.WARN, f'{message}; messages were rejected'
        values: dict[str, object] = {'steps': self.steps, 'rejected messages': self.rejected}
        if self.learner is not None:
            if self._checkpoints.trouble:
                level, message = diagnostics.WARN, f'{message}; {self._checkpoints.trouble}'
            values |= {
                'learning': self.learner.learning,
                'mean amplitude': self.learner.mean_amplitude,
                'centre shift': self.learner.centre_shift,
            }
        return level, message, values


def main() -> int:
    """Run the controller node until it is stopped."""

    def program() -> None:
        with run.session(sys.argv) as stop:
            node = ControllerNode()
            with run.executor_of([node]) as executor:
                node.start()
                try:
                    run.spin(executor, lambda: bool(stop))
                finally:
                    node.stop()

    return exit_code(program)


if __name__ == '__main__':
    sys.exit(main())
