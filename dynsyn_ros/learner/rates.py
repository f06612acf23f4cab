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

"""The settings of the rule as the kernels of :mod:`dynsyn_ros.learner.synapses` take them."""

from __future__ import annotations

import math
from typing import NamedTuple

from dynsyn_ros.learner.config import RewardConfig, SynapseConfig


class Rates(NamedTuple):
    """A :class:`SynapseConfig` as the kernels take it, with rates per step."""

    time_step: float
    period_mean: float
    period_sd: float
    bounds: tuple[int, int, int, int]
    """Where each layer's synapses begin, and where the last one's end."""
    centre_rate: float
    centre_decay: tuple[float, float, float]
    """Of each layer, as the next two."""
    amplitude_rate: tuple[float, float, float]
    narrowing: tuple[float, float, float]
    """beta once more, per ms, for an experience in ms."""
    settling: float
    """delta, likewise."""
    multiplicative: bool
    repulsion: bool
    trace_share: float
    """The share of a new fluctuation in the trace: 1 - exp(-dt / tau)."""
    punishment_limit: float
    punishment_horizon: float
    """In steps."""
    caution: float
    """kappa, per ms."""
    effort_weight: float
    aspiration: float
    centre_bound: float
    smoothing_share: float
    """The share of a new reward in the smoothed one."""
    surprise_limit: float
    memory_share: float
    """The share of a new reward in its running mean; 0: no mean is kept."""


def make_rates(
    config: SynapseConfig, reward: RewardConfig, time_step: float,
    layer_sizes: tuple[int, int, int],
) -> Rates:
    """Turn settings per ms into constants per step of ``time_step`` ms."""
    decay_2, decay_3, decay_4 = config.centre_decay
    narrowing_2, narrowing_3, narrowing_4 = config.amplitude_rate
    return Rates(
        time_step=time_step,
        period_mean=config.period_mean,
        period_sd=config.period_sd,
        bounds=(0, layer_sizes[0], sum(layer_sizes[:2]), sum(layer_sizes)),
        centre_rate=config.centre_rate * time_step,
        centre_decay=(decay_2, decay_3, decay_4),
        amplitude_rate=(
            narrowing_2 * time_step, narrowing_3 * time_step, narrowing_4 * time_step),
        narrowing=(narrowing_2, narrowing_3, narrowing_4),
        settling=config.settling_rate,
        multiplicative=config.amplitude_rule == 'multiplicative',
        repulsion=config.repulsion,
        trace_share=share(time_step, config.trace),
        punishment_limit=reward.punishment_limit,
        punishment_horizon=reward.punishment_horizon / time_step,
        caution=reward.caution_rate,
        effort_weight=reward.effort_weight,
        aspiration=reward.aspiration,
        centre_bound=config.centre_bound,
        smoothing_share=share(time_step, reward.smoothing),
        surprise_limit=reward.surprise_limit,
        memory_share=share(time_step, reward.memory) if reward.memory else 0.0,
    )


def share(time_step: float, time_constant: float) -> float:
    """Compute the share of the newest value in a low-pass; 1 where the time constant is 0."""
    return -math.expm1(-time_step / time_constant) if time_constant else 1.0
