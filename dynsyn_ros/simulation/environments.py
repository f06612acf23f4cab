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

"""The names of the environments that can be simulated; importing this needs no simulator."""

from __future__ import annotations

#: Gymnasium's BipedalWalker (Box2D), gymnasium's Walker2d (MuJoCo), and our own Bolt (MuJoCo).
BIPEDAL_WALKERS = ('BipedalWalker-v3', 'BipedalWalkerHardcore-v3')
WALKER2D = 'Walker2d-v5'
BOLT = 'Bolt-v0'
ENVIRONMENTS = (*BIPEDAL_WALKERS, WALKER2D, BOLT)
#: The mean return over 100 episodes that solves a task; the other tasks define none.
SOLVED_AT = dict.fromkeys(BIPEDAL_WALKERS, 300.0)
#: The environment variable that names MuJoCo's renderer.
RENDERER = 'MUJOCO_GL'
