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

"""The settings of the learner: its synapses, its network and its oscillators."""

from __future__ import annotations

from dataclasses import dataclass, field
import math

from dynsyn_ros.settings.arrays import ArraySpec, checked
from dynsyn_ros.settings.schema import ConfigError, setting
import numpy as np

#: The shortest period that Eq. 2 may draw, as a share of the mean. A normal distribution has no
#: lower limit, but a period needs one. At the paper's spread of 10 %, this limit is nine standard
#: deviations below the mean.
SHORTEST_PERIOD = 0.1
#: Layers 2, 3 and 4 have synapses that learn.
LEARNING_LAYERS = 3


@dataclass(frozen=True)
class SynapseConfig:
    """Eq. 1-3: how synapses fluctuate and how reward moves them."""

    amplitude: list[float] = setting(
        'initial amplitude A of the synapses of layers 2, 3 and 4; a change while it runs scales '
        'their present amplitudes, so 0 is final', low=0.0, high=10.0, read_only=False)
    amplitude_scaling: str = setting(
        'none: all synapses of a layer start with its amplitude; observation: the amplitude of '
        "those that carry a state into layer 4 is multiplied by the state's amplitude_factor, so "
        'that every state moves the action about as much', choices=('none', 'observation'),
        default='none')
    period_mean: float = setting('mean mu of the periods, Eq. 2', unit='ms', low=1.0, high=1e8)
    period_sd: float = setting('standard deviation sigma of the periods, Eq. 2',
                               unit='ms', low=0.0, high=1e8)
    centre_rate: float = setting(
        'rate alpha at which reward moves the centre, Eq. 3, per ms of one walker', unit='1/ms',
        low=0.0, high=1.0, read_only=False)
    repulsion: bool = setting(
        'punishment pushes the centre away from the weight (false: punishment does not move it)')

    def check(self, prefix: str) -> None:
        """Refuse amplitudes for too few or too many layers."""
        if len(self.amplitude) != LEARNING_LAYERS:
            raise ConfigError(
                f'parameter {prefix}amplitude must have {LEARNING_LAYERS} entries, for layers 2, '
                f'3 and 4, not {len(self.amplitude)}')


@dataclass(frozen=True)
class PredictionConfig:
    """The critic that predicts reward, and the credit that synapses get for its errors."""

    eligibility_time_constant: float = setting(
        'time constant of the eligibility trace, a low-pass of W - C, and of the running means '
        "that are subtracted from the critic's inputs", unit='ms', low=0.001, high=1e9)
    discount_time_constant: float = setting(
        'how far ahead reward is predicted, -dt / ln gamma', unit='ms', low=1.0, high=1e9)
    critic_rate: float = setting('rate eta of the critic, per step of one walker', low=0.0,
                                 high=1.0, read_only=False)


@dataclass(frozen=True)
class FallConfig:
    """What a fall costs."""

    penalty: float = setting(
        'what a fall costs at first, whatever reward the robot reports for it',
        low=0.0, high=1e6, read_only=False)
    horizon: float = setting(
        'once a walk settles, a fall also costs the mean reward of this much learner time',
        unit='ms', low=0.0, high=1e9)


@dataclass(frozen=True)
class NarrowingConfig:
    """Eq. 4: how each reward narrows the fluctuations."""

    amplitude_rate: float = setting(
        'rate beta at which reward narrows the fluctuations, Eq. 4, per ms of one walker',
        unit='1/ms', low=0.0, high=1e-5)


@dataclass(frozen=True)
class AnnealingConfig:
    """How success narrows the fluctuations and slows the centres."""

    amplitude_decay: float = setting(
        'rate beta at which earned reward narrows the fluctuations', unit='1/reward',
        low=0.0, high=1e3)
    centre_rate_decay: float = setting(
        'rate delta at which earned reward slows the centres', unit='1/reward',
        low=0.0, high=1e3)
    settling: float = setting(
        'reward X_s, summed over all walkers, after which a walk settles: fluctuations narrow '
        'and centres slow down further, and falls cost more', unit='reward', low=1e-3, high=1e15)


@dataclass(frozen=True)
class ReheatingConfig:
    """How a loss of reward widens the fluctuations again; needs the annealed amplitude law."""

    tolerance: float = setting(
        'share rho of the long-term reward that may be missing before fluctuations widen', low=0.0,
        high=0.99)
    time_constant: float = setting(
        'time constant of the running mean that is the recent reward, in the time of all walkers '
        'together', unit='ms', low=1.0, high=1e9)


@dataclass(frozen=True)
class NetworkConfig:
    """The layers of Fig. 5 and the gain of Eq. 5-6."""

    initial_centre: float = setting('initial centres of layers 2 and 3 are uniform in +- this',
                                    low=0.0, high=100.0)
    initial_feedback: float = setting(
        'factor on the initial centres of the synapses that carry a state into layer 4: how '
        'firmly joints are held at first', low=0.0, high=100.0, default=1.0)
    negated_inputs: bool = setting(
        'layer 1 sees each state and its negation (false: the negations stay silent, as in the '
        "authors' program)")
    gain: float = setting('initial gain g of layer 2', low=0.01, high=100.0)
    gain_rule: str = setting('how the gain of layer 2 adapts, Eq. 5',
                             choices=('none', 'linear', 'nonlinear'))
    gain_rate: float = setting('rate gamma of the gain, Eq. 5, per ms of one walker', unit='1/ms',
                               low=0.0, high=1.0)
    gain_target: float = setting(
        'output of a layer 2 neuron at which its gain does not change, Eq. 5', low=0.0, high=1.0)


@dataclass(frozen=True)
class OscillatorConfig:
    """The FitzHugh-Nagumo oscillators of layer 3, Eq. 7-8."""

    a: float = setting('a of Eq. 8', low=0.0, high=100.0)
    b: float = setting('b of Eq. 8', low=0.0, high=100.0)
    c: float = setting('c of Eq. 8', low=0.0, high=100.0)
    rate: float = setting('speed of the oscillator, 1 / tau of Eq. 7-8', unit='1/ms', low=0.0,
                          high=1.0)
    bound: float = setting('v and w are kept within +- this', low=0.0, high=100.0)


@dataclass(frozen=True, kw_only=True)
class LearnerConfig:
    """A preset: all settings of the learner that do not depend on the robot."""

    time_step: float = setting('learner time that passes in one control step', unit='ms',
                               low=0.001, high=1000.0)
    modulation: str = setting(
        'what moves the centres, Eq. 3: the reward (the paper), or the error of its prediction, '
        'with the tables learner.prediction and learner.fall',
        choices=('reward', 'prediction_error'))
    amplitude_law: str = setting(
        'what narrows the fluctuations: additive is Eq. 4 as printed, multiplicative scales it by '
        'A so that A stays positive, both with the table learner.narrowing; annealed follows '
        'success, with the table learner.annealing',
        choices=('multiplicative', 'additive', 'annealed'))
    synapses: SynapseConfig
    prediction: PredictionConfig | None
    fall: FallConfig | None
    narrowing: NarrowingConfig | None
    annealing: AnnealingConfig | None
    reheating: ReheatingConfig | None
    network: NetworkConfig
    oscillators: OscillatorConfig

    def check(self, prefix: str) -> None:
        """Refuse tables that do not fit the choices, and a period of less than one step."""
        for table, choice, values in (
            ('prediction', 'modulation', ('prediction_error',)),
            ('fall', 'modulation', ('prediction_error',)),
            ('narrowing', 'amplitude_law', ('multiplicative', 'additive')),
            ('annealing', 'amplitude_law', ('annealed',)),
            ('reheating', 'amplitude_law', ('annealed',)),
        ):
            chosen = getattr(self, choice)
            if chosen in values and getattr(self, table) is None and table != 'reheating':
                raise ConfigError(
                    f'parameter {prefix}{choice} {chosen} needs the table {prefix}{table}')
            if chosen not in values and getattr(self, table) is not None:
                raise ConfigError(
                    f'the table {prefix}{table} must be left out unless {prefix}{choice} is '
                    f'{" or ".join(values)}')
        shortest = SHORTEST_PERIOD * self.synapses.period_mean
        if shortest <= self.time_step:
            raise ConfigError(
                f'parameter {prefix}synapses.period_mean must be over '
                f'{self.time_step / SHORTEST_PERIOD:g} ms, {1 / SHORTEST_PERIOD:g} steps of '
                f'{prefix}time_step, not {self.synapses.period_mean:g}')


@dataclass(frozen=True)
class Layout:
    """
    The sizes of the network for a robot, and the values that it starts from.

    An observation is the robot's ``states`` followed by its ``ranges``. If only the sizes are
    needed, the arrays are empty.
    """

    states: int
    """Observations that enter layer 1 as a positive and a negative part, and layer 4 unchanged."""
    ranges: int
    """Observations that enter layer 1 only (lidar)."""
    actions: int
    hidden: int
    """Neurons of layer 2."""
    oscillators: int
    """Neurons of layer 3."""
    normalisation: np.ndarray = field(default_factory=lambda: np.empty(0))
    """Factor on each observation before it enters layer 1, shape (states + ranges,)."""
    amplitude_factors: np.ndarray = field(default_factory=lambda: np.empty(0))
    """Factor of each state on the amplitudes of its synapses into layer 4, shape (states,)."""
    output_centres: np.ndarray = field(default_factory=lambda: np.empty(0))
    """The robot's initial centres of layer 4, shape (actions, output_inputs)."""

    @property
    def observations(self) -> int:
        """Number of values in one observation."""
        return self.states + self.ranges

    @property
    def inputs(self) -> int:
        """Number of neurons of layer 1: states, negated states, ranges, constant, last action."""
        return 2 * self.states + self.ranges + 1 + self.actions

    @property
    def features(self) -> int:
        """Number of inputs of the critic: layer 1, and v and w of every oscillator."""
        return self.inputs + 2 * self.oscillators

    @property
    def output_inputs(self) -> int:
        """Number of inputs of layer 4: v and w of every oscillator, the states, a constant."""
        return 2 * self.oscillators + self.states + 1

    @property
    def layer_sizes(self) -> tuple[int, int, int]:
        """Number of synapses of layers 2, 3 and 4."""
        return (
            self.hidden * self.inputs,
            self.oscillators * (self.hidden + 1),
            self.actions * self.output_inputs,
        )

    @property
    def synapses(self) -> int:
        """Number of synapses of one learner."""
        return sum(self.layer_sizes)

    @property
    def _from_states(self) -> slice:
        """The inputs of layer 4 that are states."""
        return slice(2 * self.oscillators, 2 * self.oscillators + self.states)

    def check_arrays(self) -> None:
        """Raise :class:`ValueError` unless the arrays fit the sizes; compiled code trusts them."""
        shapes = {
            'normalisation': (self.observations,), 'amplitude_factors': (self.states,),
            'output_centres': (self.actions, self.output_inputs)}
        checked(vars(self), {
            name: ArraySpec(np.dtype(np.float64), shape) for name, shape in shapes.items()})

    def initial_centres(self, config: NetworkConfig) -> np.ndarray:
        """Compute the initial centres of layer 4, (actions, output_inputs)."""
        centres: np.ndarray = self.output_centres.copy()
        centres[:, self._from_states] *= config.initial_feedback
        return centres

    def amplitudes(self, config: SynapseConfig) -> np.ndarray:
        """
        Compute the initial amplitudes of all synapses, (synapses,).

        A state that varies little, such as a velocity in rad/s x 0.04, moves the action as much
        as the others only if its synapses fluctuate more. For the fluctuations, it is as if layer
        4 received each state times its factor. The centres still apply to the plain states.
        """
        amplitudes = np.repeat(config.amplitude, self.layer_sizes)
        if config.amplitude_scaling == 'observation':
            output = amplitudes[-self.layer_sizes[2]:].reshape(self.actions, self.output_inputs)
            output[:, self._from_states] *= self.amplitude_factors
        return amplitudes


def lowpass_gain(elapsed: float, time_constant: float) -> float:
    """Compute the weight of the newest value in a low-pass, 1 - exp(-elapsed / tau)."""
    return -math.expm1(-elapsed / time_constant)
