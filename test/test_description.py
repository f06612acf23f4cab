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

"""The walker's description for RViz: its geometry against Box2D's bodies."""

from xml.etree import ElementTree

from Box2D import b2Vec2
from conftest import preset
from dynsyn_ros.learner import Learner
from dynsyn_ros.nodes.simulator import SimulatorNode
from dynsyn_ros.nodes.topics import HULL, LEVEL, ODOM
from dynsyn_ros.nodes.transforms import from_imu, from_odometry
from dynsyn_ros.settings.assets import TRAINED, URDF
from dynsyn_ros.simulation.bipedal_walker import BipedalWalker, SPEC
from dynsyn_ros.simulation.walkers import GymnasiumWalkers
from dynsyn_ros.storage import weights
from dynsyn_ros.training.headless import Headless
from gymnasium.envs.box2d import bipedal_walker as reference
import numpy as np
import pytest
from pytransform3d.urdf import UrdfTransformManager
from ros import make, ros

LINKS = ('thigh_1', 'shin_1', 'thigh_2', 'shin_2')
MILLIMETRE = 1e-3


@pytest.fixture(scope='module')
def tree():
    return ElementTree.parse(URDF).getroot()


def matrix(transform):
    """Make a homogeneous matrix of a geometry_msgs/Transform."""
    t, q = transform.translation, transform.rotation
    x, y, z, w = q.x, q.y, q.z, q.w
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y), t.x],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x), t.y],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y), t.z],
        [0, 0, 0, 1]])


def manager():
    """Read the description as robot_state_publisher does: no limit clips, the tilt is not its."""
    tree = ElementTree.parse(URDF).getroot()
    tree.remove(tree.find("joint[@type='floating']"))
    for joint in tree.findall("joint[@type='revolute']"):
        joint.remove(joint.find('limit'))  # a hard landing drives Box2D's joints past theirs
    transforms = UrdfTransformManager()
    transforms.load_urdf(ElementTree.tostring(tree, 'unicode'), mesh_path=str(URDF.parent.parent))
    return transforms


def gaps(walker):
    """Return how far Box2D has let each joint come apart, summed from the hull down, m."""
    found = []
    for hip in (0, 2):
        apart = np.zeros(2)
        for joint in walker.joints[hip:hip + 2]:
            apart = apart + np.array(joint.anchorB) - np.array(joint.anchorA)
            found.append(apart)
    return found


@pytest.mark.parametrize('trained', [True, False])
def test_forward_kinematics_are_box2d_s_to_a_millimetre(robot, trained):
    """Over 400 steps of a walk, and of falling about, in which joints of Box2D come apart."""
    learner = Learner(robot.layout, preset('default'), 0)
    if trained:
        weights.load(TRAINED, learner=learner, robot=robot)
    with ros():
        simulator = make(SimulatorNode)
        plant = simulator.walker
        loop = Headless(robot, learner, GymnasiumWalkers([plant]))
        transforms, sensors = manager(), simulator._sensors
        for _ in range(400):
            loop.step()
            sensors.fill(
                plant.readings, plant.efforts, plant.position, 0.0, simulator._stamp)
            odom = from_odometry(sensors.messages['odom'])
            tilt = from_imu(sensors.messages['imu'])
            assert [odom.header.frame_id, odom.child_frame_id] == [ODOM, LEVEL]
            assert [tilt.header.frame_id, tilt.child_frame_id] == [LEVEL, HULL]
            level = matrix(odom.transform)
            hull = level @ matrix(tilt.transform)
            joints = sensors.messages['joint_states']
            for name, angle in zip(joints.name, joints.position, strict=True):
                transforms.set_joint(name, angle)
            walker = plant.environment.unwrapped
            for link, body, apart in zip(LINKS, walker.legs, gaps(walker), strict=True):
                there = hull @ transforms.get_transform(link, HULL)
                middle = there @ [0, 0, -0.5 * reference.LEG_H, 1]
                end = there @ [0, 0, -reference.LEG_H, 1]
                for point, local in ((middle, (0, 0)), (end, (0, -0.5 * reference.LEG_H))):
                    box2d = np.array(body.GetWorldPoint(b2Vec2(*local)))
                    np.testing.assert_allclose(
                        point[[0, 2]], box2d - apart, rtol=0, atol=MILLIMETRE)
            scan = sensors.messages['scan']
            lidar = level @ transforms.get_transform(scan.header.frame_id, LEVEL)
            for i, (reach, ray) in enumerate(zip(scan.ranges, walker.lidar, strict=True)):
                angle = scan.angle_min + i * scan.angle_increment
                point = lidar @ [reach * np.cos(angle), reach * np.sin(angle), 0, 1]
                np.testing.assert_allclose(point[[0, 2]], ray.p2, rtol=0, atol=MILLIMETRE)
        simulator.destroy_node()


def test_joints_have_box2d_s_limits(tree):
    walker = BipedalWalker('BipedalWalker-v3', 0).environment.unwrapped
    speeds = (reference.SPEED_HIP, reference.SPEED_KNEE) * 2
    for name, joint, speed in zip(SPEC.joints, walker.joints, speeds, strict=True):
        limit = tree.find(f"joint[@name='{name}']/limit").attrib
        values = {key: float(value) for key, value in limit.items()}
        expected = {'lower': joint.lowerLimit, 'upper': joint.upperLimit, 'effort': SPEC.torque,
                    'velocity': speed}
        assert values == pytest.approx(expected)


def test_what_is_drawn_has_box2d_s_size(tree):
    leg, height, scale = reference.LEG_W, reference.LEG_H, reference.SCALE
    for link, width in zip(LINKS, (leg, 0.8 * leg) * 2, strict=True):
        size = tree.find(f"link[@name='{link}']//box").attrib['size'].split()
        assert [float(size[0]), float(size[2])] == pytest.approx([width, height])
    mesh = URDF.parent / 'hull.obj'
    assert tree.find("link[@name='hull']//mesh").attrib['filename'].endswith(mesh.name)
    corners = [tuple(map(float, line.split()[1:])) for line in mesh.read_text().splitlines()
               if line.startswith('v ')]
    polygon = [(x / scale, z / scale) for x, z in reference.HULL_POLY]
    assert [(x, z) for x, _, z in corners] == [pytest.approx(corner) for corner in polygon * 2]
