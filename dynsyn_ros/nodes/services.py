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

"""The services of the controller: save, roll back, learn or freeze, and the emergency stop."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import Protocol

from dynsyn_ros.nodes.guard import answer_later
from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage.checkpoint_manager import CheckpointManager
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

EMERGENCY = 'emergency stop'


class Served(Protocol):
    """The node that offers the services: an rclpy Node that also has these members."""

    manager: CheckpointManager | None
    """What saves the learner, while the node is configured."""
    estopped: bool
    """Whether the emergency stop is latched."""
    second: str
    """Which topic has a second publisher, so that learning pauses."""


def offer(node: Served) -> None:
    """Create the services."""
    answer_later(node.create_service(Trigger, '~/save', partial(_save, node)))
    node.create_service(Trigger, '~/rollback', partial(_roll_back, node))
    node.create_service(SetBool, '~/set_learning', partial(_set_learning, node))
    node.create_service(SetBool, '~/estop', partial(_estop, node))


def _save(
    node: Served, _: Trigger.Request, response: Trigger.Response
) -> Trigger.Response | Future[Trigger.Response]:
    if node.manager is None:
        response.message = 'there is nothing to save before the node is configured'
        return response
    path, logger = node.manager.path, node.get_logger()

    def done(trouble: str) -> Trigger.Response:
        if trouble:
            logger.error(trouble)
        else:
            logger.info(f'weights saved in {path}')
        return Trigger.Response(success=not trouble, message=trouble or str(path))

    return node.manager.begin_save(done)


def _roll_back(
    node: Served, _: Trigger.Request, response: Trigger.Response
) -> Trigger.Response:
    if node.manager is None:
        response.message = 'there is nothing to roll back before the node is configured'
        return response
    try:
        node.manager.roll_back()
    except ConfigError as error:
        response.message = str(error)
        return response
    response.success = True
    response.message = f'rolled back to a mean reward of {node.manager.best_mean:.3g}'
    node.get_logger().info(response.message)
    return response


def _estop(
    node: Served, request: SetBool.Request, response: SetBool.Response
) -> SetBool.Response:
    node.estopped = request.data
    if node.estopped:
        # No command from here: the next step or check is due within half a period, and in
        # lock-step a second command would be taken for the answer to the next set.
        node.get_logger().warning(f'{EMERGENCY}: the safe command until it is cleared')
    response.success = True
    response.message = 'stopped' if node.estopped else 'cleared'
    return response


def _set_learning(
    node: Served, request: SetBool.Request, response: SetBool.Response
) -> SetBool.Response:
    node.set_parameters([Parameter('learning', value=request.data)])
    response.success = not (request.data and node.second)
    response.message = 'learning' if request.data else 'frozen'
    if not response.success:
        response.message = f'not learning: {node.second}'
    return response
