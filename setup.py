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

"""Package dynsyn_ros, for colcon and for pip."""

from glob import glob
from xml.etree import ElementTree

from setuptools import find_packages, setup

package_name = 'dynsyn_ros'
#: The version stands in package.xml and nowhere else.
VERSION = ElementTree.parse('package.xml').findtext('version')

# Real ROS 2 as wheels, for machines without an installed ROS: one distribution wholly.
JAZZY = {'rclpy[fastrtps]': '7.1.6', 'rcl': '2.0.3', 'common': '5.3.6'}
KILTED = {'rclpy[fastrtps]': '9.1.2', 'rcl': '2.3.0', 'common': '5.5.1'}


def wheels(versions):
    """List the wheels of one ROS distribution."""
    common = ('std', 'sensor', 'geometry', 'nav', 'diagnostic')
    interfaces = [f'ros-{name}-msgs' for name in common] + ['ros-std-srvs']
    rcl = ['ros-rosgraph-msgs', 'ros-lifecycle-msgs', 'ros-rcl-interfaces',
           'ros-builtin-interfaces']
    return [
        f'ros-rclpy[fastrtps]=={versions["rclpy[fastrtps]"]}',
        *(f'{name}=={versions["common"]}' for name in interfaces),
        *(f'{name}=={versions["rcl"]}' for name in rcl),
    ]


# Extras that the tests try too, where wheels of them exist.
MUJOCO = ['imageio; python_version < "3.14"', 'mujoco>=3.1; python_version < "3.14"']
# The URDF and the meshes of Bolt.
BOLT = ['example-robot-data>=6; python_version < "3.14"', *MUJOCO]
ENVPOOL = ['envpool; python_version >= "3.11" and python_version < "3.14"']
RECORD = ['mcap', 'rosbags']
DASHBOARD = ['aiohttp']
RAY = ['ray; python_version < "3.14"']
TUNE = ['optuna>=5']
MP4 = ['imageio-ffmpeg']
TENSORBOARD = ['tensorboardX']

setup(
    name=package_name,
    version=VERSION,
    packages=find_packages(include=[package_name, f'{package_name}.*']),
    package_data={package_name: ['dashboard/*.html', 'dashboard/*.css', 'dashboard/*.js',
                                 'dashboard/vendor/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
        (f'share/{package_name}/config', glob('config/*.yaml') + glob('config/*.npz')),
        (f'share/{package_name}/config/ros2_control', glob('config/ros2_control/*.yaml')),
        (f'share/{package_name}/config/sros2', glob('config/sros2/*.xml')),
        (f'share/{package_name}/config/changes', glob('config/changes/*.yaml')),
        (f'share/{package_name}/config/presets', glob('config/presets/*.yaml')),
        (f'share/{package_name}/config/sweeps', glob('config/sweeps/*.yaml')),
        (f'share/{package_name}/config/tune', glob('config/tune/*.yaml')),
        (f'share/{package_name}/launch', glob('launch/*.launch.py')),
        (f'share/{package_name}/urdf', glob('urdf/*')),
        (f'share/{package_name}/config/views', glob('config/views/*')),
    ],
    python_requires='>=3.10',
    install_requires=[
        'setuptools',
        # Box2d has no wheels for Python 3.14, nor for other machines; ufal's are of the same code.
        'box2d==2.3.10; python_version < "3.14" and platform_machine == "x86_64"',
        'ufal-pybox2d==2.3.10.5; python_version >= "3.14" or platform_machine != "x86_64"',
        'argcomplete',
        'gymnasium>=1.0',
        'matplotlib',
        'numba',
        'numpy',
        'pillow',
        'pygame-ce',
        'pyyaml',
        'tabulate',
        'tqdm',
    ],
    extras_require={
        'wheels': wheels(JAZZY),
        'wheels-kilted': wheels(KILTED),
        'envpool': ENVPOOL,
        'ray': RAY,
        'tune': TUNE,
        'mp4': MP4,
        'tensorboard': TENSORBOARD,
        'record': RECORD,
        'dashboard': DASHBOARD,
        'walker2d': MUJOCO,
        'bolt': BOLT,
        'peers': ['cma', 'sb3-contrib', 'stable-baselines3', 'torch'],
        'test': [
            'codespell', 'foxglove-sdk', 'hypothesis', 'import-linter', 'lxml', 'mypy',
            'myst-parser', 'pytest', 'pytest-cov', 'pytest-xdist', 'pytransform3d', 'ruff',
            'selenium', 'sphinx', 'sphinxcontrib-mermaid', 'types-PyYAML', *BOLT, *DASHBOARD,
            *ENVPOOL, *MP4, *RAY, *RECORD, *TENSORBOARD, *TUNE,
        ],
    },
    zip_safe=True,
    maintainer='dynsyn_ros maintainers',
    maintainer_email='maintainers@dynsyn-ros.example.org',
    description='A legged robot that learns to walk while it runs, by fluctuating synapses.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'dynsyn = dynsyn_ros.cli.main:main',
            'simulator = dynsyn_ros.nodes.programs:simulator',
            'controller = dynsyn_ros.nodes.programs:controller',
            'reward_node = dynsyn_ros.nodes.programs:reward_node',
            'transforms = dynsyn_ros.nodes.programs:transforms',
        ],
    },
)
