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
The model of Bolt for MuJoCo: a biped of ODRI with six torque-controlled joints and point feet.

Bodies, joints and meshes are those of the URDF in the package ``example-robot-data`` (BSD-3),
which is read from its installation. This module adds what a URDF does not contain:

- the boom: the base is free in x, z and pitch; y, roll and yaw are fixed
- feet and knees that touch the floor, as spheres; nothing else collides
- the motors, from ``bolt_driver.yaml`` and ``config.py`` of ODRI's robot_properties_bolt:
  0.025 N m/A times a gear of 9 times at most 12 A is 2.7 N m; rotors of 4.5e-6 kg m2 times 9
  squared; impedance control in the drives with 5 N m/rad and 0.1 N m s/rad
- friction in the joints, 0.03 N m and 0.01 N m s/rad, and of the feet on the floor, 1.0: estimates
"""

from __future__ import annotations

import copy
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from xml.etree import ElementTree

from dynsyn_ros.robot.config import POSITION
import mujoco
import numpy as np

LEGS = ('FL', 'FR')
JOINTS = tuple(f'{leg}_{joint}' for leg in LEGS for joint in ('HAA', 'HFE', 'KFE'))
FEET = tuple(f'{leg}_FOOT' for leg in LEGS)
#: Degrees of freedom of the base, which come before those of the joints.
BASE = ('x', 'z', 'pitch')
#: Largest torque of a motor, N m.
TORQUE = 0.025 * 9.0 * 12.0
ROTOR_INERTIA = 4.5e-6 * 9.0**2
STIFFNESS, DAMPING = 5.0, 0.1
JOINT_FRICTION, JOINT_DAMPING, FLOOR_FRICTION = 0.03, 0.01, 1.0
FOOT_RADIUS, KNEE_RADIUS = 0.016, 0.02
TIME_STEP = 0.001
#: Largest relative deviation of the mass of a body, or of a friction, from its nominal value.
SPREAD = 0.2
_SHARE = Path(str(distribution('example-robot-data').locate_file('cmeel.prefix/share')))
_URDF = _SHARE / 'example-robot-data/robots/bolt_description/robots/bolt.urdf'
if not _URDF.exists():
    raise ImportError(f'there is no {_URDF}')


def make(command: str, rng: np.random.Generator) -> mujoco.MjModel:
    """Make one Bolt for a kind of ``command``, with masses and frictions drawn at random."""
    model = copy.deepcopy(nominal(command))
    joints = model.nv - len(JOINTS)
    drawn = rng.uniform(1.0 - SPREAD, 1.0 + SPREAD, model.nbody + len(JOINTS) + 1)
    masses, frictions, floor = drawn[:model.nbody], drawn[model.nbody:-1], drawn[-1]
    model.body_mass[:] *= masses
    model.body_inertia[:] *= masses[:, None]
    model.dof_frictionloss[joints:] = JOINT_FRICTION * frictions
    model.dof_damping[joints:] = JOINT_DAMPING * frictions
    model.geom_friction[:, 0] = FLOOR_FRICTION * floor
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


@cache
def nominal(command: str, looks: bool = False) -> mujoco.MjModel:
    """Compile the Bolt of the URDF; with ``looks``, also its meshes."""
    spec = mujoco.MjSpec.from_string(_urdf(looks))
    base = spec.body('base_link')
    for joint in list(base.joints):
        spec.delete(joint)
    slide, hinge = mujoco.mjtJoint.mjJNT_SLIDE, mujoco.mjtJoint.mjJNT_HINGE
    for name, kind, axis in zip(
            BASE, (slide, slide, hinge), ((1, 0, 0), (0, 0, 1), (0, 1, 0)), strict=True):
        base.add_joint(name=name, type=kind, axis=axis)
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0
    _add_floor(spec)
    for leg, foot in zip(LEGS, FEET, strict=True):
        shank, ankle = spec.body(f'{leg}_LOWER_LEG'), spec.body(foot)
        for name, place, radius in ((foot, ankle.pos, FOOT_RADIUS),
                                    (f'{leg}_knee', (0.0, 0.0, 0.0), KNEE_RADIUS)):
            shank.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_SPHERE, pos=place,
                           size=(radius, 0.0, 0.0), mass=0.0, contype=2, conaffinity=1,
                           rgba=(0.2, 0.2, 0.2, 1.0))
    for name in JOINTS:
        joint = spec.joint(name)
        joint.armature = ROTOR_INERTIA
        joint.limited = joint.actfrclimited = 0
        motor = spec.add_actuator(name=name, target=name, forcelimited=1,
                                  trntype=mujoco.mjtTrn.mjTRN_JOINT,
                                  forcerange=(-TORQUE, TORQUE))
        if command == POSITION:
            motor.set_to_position(kp=STIFFNESS, kv=DAMPING)
    spec.option.timestep = TIME_STEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
    for unused in ('ISLAND', 'SENSOR', 'MIDPHASE', 'LIMIT', 'EQUALITY'):
        spec.option.disableflags |= int(getattr(mujoco.mjtDisableBit, f'mjDSBL_{unused}'))
    model = spec.compile()
    model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = 0.4, 0.6
    return model


def _add_floor(spec: mujoco.MjSpec) -> None:
    texture = spec.add_texture(
        name='checker', type=mujoco.mjtTexture.mjTEXTURE_2D, width=256, height=256,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER, rgb1=(0.75, 0.75, 0.75),
        rgb2=(0.6, 0.6, 0.65))
    material = spec.add_material(name='floor', texrepeat=(5, 5), texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture.name
    spec.worldbody.add_geom(name='floor', type=mujoco.mjtGeom.mjGEOM_PLANE, size=(0, 0, 1),
                            contype=1, conaffinity=2, material=material.name)


def _urdf(looks: bool) -> str:
    """Read the URDF and free its base; with ``looks``, also resolve the files of its meshes."""
    robot = ElementTree.parse(_URDF).getroot()
    for link in robot.iter('link'):
        for part in (*link.findall('collision'), *([] if looks else link.findall('visual'))):
            link.remove(part)
    for mesh in robot.iter('mesh'):
        mesh.set('filename', mesh.get('filename', '').replace('package:/', str(_SHARE)))
    ElementTree.SubElement(robot, 'link', name='world')
    joint = ElementTree.SubElement(robot, 'joint', name='base', type='floating')
    ElementTree.SubElement(joint, 'parent', link='world')
    ElementTree.SubElement(joint, 'child', link='base_link')
    ElementTree.SubElement(ElementTree.SubElement(robot, 'mujoco'), 'compiler',
                           discardvisual='false', strippath='false', fusestatic='true')
    return ElementTree.tostring(robot, encoding='unicode')
