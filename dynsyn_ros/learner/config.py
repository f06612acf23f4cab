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

"""What can be chosen about the learner: the synapses, the network and its oscillators."""

from __future__ import annotations

from dataclasses import dataclass

from dynsyn_ros.schema import ConfigError, setting
import numpy as np

#: The shortest period that Eq. 2 may draw, as a share of the mean: a normal distribution has no
#: lower end, a period must. At the paper's spread of 10 % it is nine deviations away.
SHORTEST_PERIOD = 0.1
#: Layers 2, 3 and 4 have synapses that learn.
LEARNING_LAYERS = 3


@dataclass(frozen=True)
class SynapseConfig:
    """The rule of Eq. 1-4: how synapses fluctuate and how reward moves them."""

    amplitude: list[float] = setting(
        'first amplitude A of the synapses of layers 2, 3 and 4; changed while it runs, it scales '
        'theirs', low=0.0, read_only=False)
    period_mean: float = setting('mean mu of the periods, Eq. 2', unit='ms', low=1.0)
    period_sd: float = setting('standard deviation sigma of the periods, Eq. 2',
                               unit='ms', low=0.0)
    centre_rate: float = setting('rate alpha at which reward moves the centre, Eq. 3',
                                 unit='1/ms', low=0.0, read_only=False)
    amplitude_rate: list[float] = setting(
        'rates beta at which reward narrows the fluctuation of layers 2, 3 and 4, Eq. 4',
        unit='1/ms', low=0.0)
    settling_rate: float = setting(
        'rate delta at which experience, the reward beyond the aspiration, slows the centres (0: '
        'never, the paper)', unit='1/ms', low=0.0)
    centre_decay: list[float] = setting(
        'how much of the square of a centre of layers 2, 3 and 4 is taken from what it climbs, so '
        'that it does not diffuse where rewards say little of it (0: never, the paper)', low=0.0)
    centre_bound: float = setting('centres are kept within +- this (.inf: the paper)', low=0.0,
                                  read_only=False)
    amplitude_rule: str = setting(
        'additive is Eq. 4 as printed, multiplicative scales it by A so that A stays positive',
        choices=('multiplicative', 'additive'))
    repulsion: bool = setting('punishment pushes the centre away (false: it leaves it alone)')
    trace: float = setting(
        'time constant of the eligibility trace, a low-pass of W - C (0: none, the paper)',
        unit='ms', low=0.0)

    def check(self, prefix: str) -> None:
        """Refuse what has a value for too few or too many layers."""
        for name in ('amplitude', 'centre_decay', 'amplitude_rate'):
            if len(getattr(self, name)) != LEARNING_LAYERS:
                raise ConfigError(
                    f'parameter {prefix}{name} must have {LEARNING_LAYERS} entries, for layers 2, '
                    f'3 and 4, not {len(getattr(self, name))}')


@dataclass(frozen=True)
class RewardConfig:
    """What becomes of a reward before it reaches the synapses."""

    punishment_limit: float = setting(
        'the worst reward a synapse is told of is minus this (.inf: no limit)', low=0.0,
        read_only=False)
    punishment_horizon: float = setting(
        'with full caution a punishment at the limit also costs what is earned beyond the '
        'aspiration in so much time (0: the paper)', unit='ms', low=0.0)
    effort_weight: float = setting(
        'with full caution centres follow the mean reward over the mean effort (the actions of '
        'all joints without their signs) to this power: 1 is reward per effort, 0 reward per '
        'step, the paper', low=0.0, read_only=False)
    caution_rate: float = setting(
        'rate kappa at which experience makes falls and effort cost their full price (0: never)',
        unit='1/ms', low=0.0)
    aspiration: float = setting(
        'mean reward a step over which fluctuations narrow and centres settle, and under which '
        'they widen and stir again, up to where they began (0: the reward itself, the paper)',
        low=0.0)
    memory: float = setting(
        'time constant of the running mean and mean deviation of the reward; centres are told of '
        'the smoothed reward less its mean, in units of its mean deviation (0: of the reward '
        'itself, the paper)', unit='ms', low=0.0)
    smoothing: float = setting(
        'time constant of the low-pass of the reward that is compared with its mean (0: none)',
        unit='ms', low=0.0)
    surprise_limit: float = setting(
        'a smoothed reward differs from its mean by so many mean deviations at most, a fall apart '
        '(.inf: no limit)', low=0.0)


@dataclass(frozen=True)
class NetworkConfig:
    """The layers of Fig. 5 and the gain of Eq. 5-6."""

    first_centre: float = setting('first centres of layers 2 and 3 are uniform in +- this',
                                  low=0.0)
    negated_inputs: bool = setting(
        'layer 1 sees each state and its negation (false: the negations stay silent, as in the '
        "authors' program)")
    gain: float = setting('first gain g of layer 2', low=0.01, high=100.0)
    gain_rule: str = setting('how the gain of layer 2 adapts, Eq. 5',
                             choices=('none', 'linear', 'nonlinear'))
    gain_rate: float = setting('rate gamma of the gain, Eq. 5', unit='1/ms', low=0.0)
    gain_target: float = setting('output of a layer 2 neuron at which its gain rests, Eq. 5',
                                 low=0.0, high=1.0)


@dataclass(frozen=True)
class OscillatorConfig:
    """The FitzHugh-Nagumo oscillators of layer 3, Eq. 7-8."""

    a: float = setting('a of Eq. 8', low=0.0)
    b: float = setting('b of Eq. 8', low=0.0)
    c: float = setting('c of Eq. 8', low=0.0)
    rate: float = setting('speed of the oscillator, 1 / tau of Eq. 7-8', unit='1/ms', low=0.0)
    bound: float = setting('v and w are kept within +- this', low=0.0)


@dataclass(frozen=True, kw_only=True)
class LearnerConfig:
    """A preset: everything about the learner that is not the robot's."""

    time_step: float = setting('learner time that passes in one control step', unit='ms',
                               low=0.001, high=1000.0)
    synapses: SynapseConfig
    reward: RewardConfig
    network: NetworkConfig
    oscillators: OscillatorConfig

    def check(self, prefix: str) -> None:
        """Refuse a period that could be over within one step, and what aspiration cannot do."""
        for needy, needed in (('punishment_horizon', 'caution_rate'),
                              ('effort_weight', 'caution_rate'), ('caution_rate', 'aspiration')):
            if getattr(self.reward, needy) and not getattr(self.reward, needed):
                raise ConfigError(f'parameter {prefix}reward.{needy} must be 0 unless '
                                  f'{prefix}reward.{needed} is over 0')
        if not self.reward.memory and (
                self.reward.smoothing or np.isfinite(self.reward.surprise_limit)):
            raise ConfigError(
                f'parameter {prefix}reward.smoothing must be 0 and {prefix}reward.surprise_limit '
                f'.inf unless {prefix}reward.memory is over 0')
        if self.reward.aspiration and not (
                self.reward.memory and self.synapses.amplitude_rule == 'multiplicative'):
            raise ConfigError(
                f'parameter {prefix}reward.aspiration must be 0 unless {prefix}reward.memory is '
                f'over 0 and {prefix}synapses.amplitude_rule is multiplicative')
        shortest = SHORTEST_PERIOD * self.synapses.period_mean
        if shortest <= self.time_step:
            raise ConfigError(
                f'parameter {prefix}synapses.period_mean must be over '
                f'{self.time_step / SHORTEST_PERIOD:g} ms, {1 / SHORTEST_PERIOD:g} steps of '
                f'{prefix}time_step, not {self.synapses.period_mean:g}')


@dataclass(frozen=True)
class Layout:
    """
    The sizes that a robot gives the network, and what it starts from.

    An observation is the robot's ``states`` followed by its ``ranges``.
    """

    states: int
    """Observations that enter layer 1 with both signs and layer 4 as they are."""
    ranges: int
    """Observations that enter layer 1 only (lidar)."""
    actions: int
    hidden: int
    """Neurons of layer 2."""
    oscillators: int
    """Neurons of layer 3."""
    normalisation: np.ndarray
    """Factor of each observation on its way into layer 1, shape (states + ranges,)."""
    output_centres: np.ndarray
    """First centres of layer 4, shape (actions, output_inputs)."""

    @property
    def observations(self) -> int:
        """Values in one observation."""
        return self.states + self.ranges

    @property
    def inputs(self) -> int:
        """Neurons of layer 1: states, their negations, ranges, a constant, the last action."""
        return 2 * self.states + self.ranges + 1 + self.actions

    @property
    def output_inputs(self) -> int:
        """Count the inputs of layer 4: v and w of every oscillator, the states, a constant."""
        return 2 * self.oscillators + self.states + 1

    @property
    def layer_sizes(self) -> tuple[int, int, int]:
        """Synapses of layers 2, 3 and 4."""
        return (
            self.hidden * self.inputs,
            self.oscillators * (self.hidden + 1),
            self.actions * self.output_inputs,
        )

    @property
    def synapses(self) -> int:
        """All synapses of one learner."""
        return sum(self.layer_sizes)
