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

"""Synapses without a network: fluctuation and plasticity alone."""

from dynsyn_ros.learner import fluctuation, memory, plasticity
from numba import njit


def lone(config, learners, groups, synapses, amplitude, rng):
    """Make the parts; returns their states, and the constants of both."""
    f = memory.lone(fluctuation, learners, synapses)
    p = memory.lone(plasticity, learners, groups, synapses)
    fluctuating = fluctuation.constants(config.synapses, config.time_step)
    p.amplitude[:] = amplitude
    for i in range(learners):
        fluctuation.start(
            f, fluctuating, i, rng.uniform(size=synapses), rng.standard_normal(synapses))
    return f, p, fluctuating, plasticity.constants(config)


@njit
def fluctuate(f, p, fluctuating, plastic, i, group, normals):
    """Take the next step of a learner's fluctuations and of its traces."""
    f.normals[i], f.next_normal[i] = normals, 0
    fluctuation.advance(f, fluctuating, i)
    plasticity.follow(p, plastic, i, group, f.sine[i])
    fluctuation.set_weights(f, i, p.centre[group], p.amplitude[group])
