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
The learner: synapses, network and oscillators in one step from observation to action.

One step, in the order of the authors' program: the reward that the last action earned reaches
every synapse, the oscillators move on under the drive of the last step, and the network turns the
new observation into the next action. Nothing marks the end of an episode, nothing is ever reset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dynsyn_ros.learner import network, oscillators, synapses
from dynsyn_ros.learner.config import Layout, LearnerConfig, LEARNING_LAYERS
from dynsyn_ros.learner.rates import make_rates, Rates
from numba import njit
import numpy as np

#: Standard normal numbers drawn ahead, per synapse: enough for some minutes of fluctuation.
RESERVE_PER_SYNAPSE = 4


#: What a step says of itself; any other answer is the number of a learner that was told nonsense.
DONE, RESERVE_LOW = -1, -2


@njit(cache=True)
def _step(
    shared: np.ndarray, own: np.ndarray, reserve: np.ndarray, drawn: np.ndarray,
    rewards: np.ndarray, heard: np.ndarray, cells: np.ndarray, gain: np.ndarray,
    action: np.ndarray, scratch: np.ndarray, normalisation: np.ndarray,
    synapse_rates: tuple[Any, ...],
    wires: tuple[Any, ...], clock: tuple[Any, ...], observation: np.ndarray, reward: np.ndarray,
    learning: bool,
) -> int:
    """
    Take one step of all learners.

    The state comes in blocks and the constants as plain tuples: what is named takes numba longer
    to receive than the step takes.
    """
    s = synapses.named(shared, own, reserve, drawn, rewards, heard)
    n = network.named(cells, gain, action, scratch)
    rates, k = Rates(*synapse_rates), network.Wiring(*wires)
    ticks = oscillators.Constants(*clock)
    learners, answer = reward.shape[0], DONE
    for i in range(learners):
        if not np.isfinite(reward[i]):
            return i
        for j in range(observation.shape[1]):
            if not np.isfinite(observation[i, j]):
                return i
    if learning:
        synapses.advance(s, rates, reward, n.action)
    else:
        synapses.rest(s)
    for i in range(learners):
        for o in range(n.v.shape[1]):
            n.v[i, o], n.w[i, o] = oscillators.advance(n.v[i, o], n.w[i, o], n.drive[i, o], ticks)
        network.act(n, k, normalisation, s.weight, i, observation, learning)
        if s.drawn[i] > s.reserve.shape[1] - s.phase.shape[1]:
            answer = RESERVE_LOW
    return answer


class Learner:
    """
    One or more learners that run side by side.

    ``seed`` and the learner's number give each its own random stream, so learner 3 of 8 is the
    same as learner 3 alone. ``shared`` learners are a fleet: several robots that teach one set of
    centres and amplitudes, while phases, gains and oscillators stay each one's own.
    """

    def __init__(
        self,
        layout: Layout,
        config: LearnerConfig,
        seed: int,
        numbers: Sequence[int] = (0,),
        shared: bool = False,
    ) -> None:
        """
        Draw the first state of the learners with these ``numbers`` and compile the step.

        Layers 2 and 3 start with uniform centres, layer 4 with ``layout.output_centres``; phases
        are uniform in their periods (section II and the authors' program).
        """
        self.layout = layout
        self.config = config
        self.learning = True
        """False: frozen, every weight rests at its centre and nothing learns."""
        count, size = len(numbers), layout.synapses
        groups = 1 if shared else count
        self._streams = [
            np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, number))))
            for number in numbers
        ]
        memory = synapses.blocks(count, groups, size, RESERVE_PER_SYNAPSE * size)
        cells = network.blocks(count, layout)
        self.synapses = synapses.named(*memory)
        self.neurons = network.named(*cells)
        self.synapses.amplitude[:] = np.repeat(config.synapses.amplitude, layout.layer_sizes)
        self.neurons.gain[:] = config.network.gain
        self._observed, self._rewarded = (count, layout.observations), (count,)
        self._memory = (*memory, *cells, layout.normalisation)
        self._draw_first_state(self._bind())
        self._compile()

    def _bind(self) -> Rates:
        """Put together what every step is called with; returns the rates in it."""
        config = self.config
        rates = make_rates(
            config.synapses, config.reward, config.time_step, self.layout.layer_sizes)
        self._kernel: tuple[Any, ...] = (
            *self._memory,
            tuple(rates),
            tuple(network.wiring(config.network, self.layout, config.time_step)),
            tuple(oscillators.constants(config.oscillators, config.time_step)),
        )
        return rates

    def steer(self, config: LearnerConfig) -> None:
        """
        Go on with other rates and limits, as if they had been there from the start.

        Amplitudes are scaled by how the first ones of their layers have changed; a layer whose
        first amplitude was 0 stays still. What shapes the network is not looked at.
        """
        before = np.array(self.config.synapses.amplitude)
        scale = np.divide(config.synapses.amplitude, before, out=np.ones_like(before),
                          where=before > 0.0)
        self.synapses.amplitude[:] *= np.repeat(scale, self.layout.layer_sizes)
        self.config = config
        self._bind()

    def _draw_first_state(self, rates: Rates) -> None:
        s, spread = self.synapses, self.config.network.first_centre
        uniform = sum(self.layout.layer_sizes[:2])
        for i, stream in enumerate(self._streams):
            centre = np.append(
                stream.uniform(-spread, spread, uniform), self.layout.output_centres.ravel())
            if i < len(s.centre):
                s.centre[i] = centre
            shares = stream.uniform(0.0, 1.0, self.layout.synapses)
            synapses.start(s, rates, i, shares, stream.standard_normal(self.layout.synapses))
        self.first_centre = s.centre.copy()
        """Where the centres started, shape of ``synapses.centre``."""
        self._refill()

    def _refill(self) -> None:
        """Draw ahead wherever one step could use up the reserve of normal numbers."""
        s = self.synapses
        size = s.reserve.shape[1]
        for i in np.flatnonzero(s.drawn > size - self.layout.synapses):
            left = s.reserve[i, s.drawn[i]:].copy()
            s.reserve[i, :left.size] = left
            s.reserve[i, left.size:] = self._streams[i].standard_normal(size - left.size)
            s.drawn[i] = 0

    def _compile(self) -> None:
        """Compile the kernels of both modes, or load them, before the first real step."""
        before = self.snapshot()
        for learning in (True, False):
            self.learning = learning
            self.step(np.zeros((len(self), self.layout.observations)), np.zeros(len(self)))
        self.learning = True
        self.restore(before)

    def __len__(self) -> int:
        """Count the learners."""
        return len(self._streams)

    def step(
        self, observation: np.ndarray, reward: np.ndarray, periods: int = 1
    ) -> np.ndarray:
        """
        Learn from the reward of the last action and choose the next one.

        ``observation`` is (learners, observations), ``reward`` (learners,), both float64; the
        returned action is (learners, actions) within +-1, in an array that the next step feeds
        back and uses again: who sends something else writes it there. ``periods`` are the control
        periods since the last step; those before the last are made up for with this observation
        and no reward. Raises :class:`ValueError`, with nothing changed, if a shape is wrong or a
        value is not finite.
        """
        if observation.shape != self._observed or reward.shape != self._rewarded:
            raise ValueError(
                f'a step takes observations of shape {self._observed} and rewards of shape '
                f'{self._rewarded}, not {observation.shape} and {reward.shape}')
        if periods > 1:
            sent = self.neurons.action.copy()
            for _ in range(periods - 1):
                self.step(observation, np.zeros(len(self)))
                self.neurons.action[:] = sent
        answer = _step(*(*self._kernel, observation, reward, self.learning))
        if answer == RESERVE_LOW:
            self._refill()
        elif answer != DONE:
            raise ValueError(f'learner {answer} was given a value that is not finite')
        return self.neurons.action

    @property
    def mean_amplitude(self) -> float:
        """Mean amplitude A over all synapses."""
        return float(self.synapses.amplitude.mean())

    @property
    def centre_shift(self) -> float:
        """Mean distance of the centres from where they started."""
        return float(np.abs(self.synapses.centre - self.first_centre).mean())

    @property
    def mean_gain(self) -> float:
        """Mean gain g of layer 2."""
        return float(self.neurons.gain.mean())

    def _arrays(self) -> dict[str, np.ndarray]:
        """All state but the random streams, by name."""
        arrays = {**self.synapses._asdict(), **self.neurons._asdict()}
        del arrays['told'], arrays['surprise'], arrays['inputs'], arrays['hidden']
        return {**arrays, 'first_centre': self.first_centre}

    def snapshot(self, member: int | None = None) -> dict[str, np.ndarray]:
        """
        Copy the whole state; :meth:`restore` goes on from it bit for bit.

        With the number of a ``member``, copy the state of this one alone, for a learner of one.
        """
        words = [stream.bit_generator.state['state']['state'] for stream in self._streams]
        state = {
            **{name: array.copy() for name, array in self._arrays().items()},
            'stream': np.array(words, dtype=np.uint64),
        }
        if member is None:
            return state
        return {name: array[member * len(array) // len(self)][np.newaxis]
                for name, array in state.items()}

    def restore(self, snapshot: Mapping[str, np.ndarray]) -> None:
        """
        Go on from a snapshot as if never stopped.

        Raises :class:`ValueError`, with nothing changed, if it is not one of learners of this
        layout and number.
        """
        self.check(snapshot)
        for name, array in self._arrays().items():
            array[...] = snapshot[name]
        for stream, words in zip(self._streams, snapshot['stream'], strict=True):
            state = stream.bit_generator.state
            state['state']['state'] = np.asarray(words, dtype=np.uint64)
            stream.bit_generator.state = state

    def forget(self, share: float) -> None:
        """
        Forget a share of the experience X, from 0 to 1, with its narrowing and settling.

        A walk that has settled too early is stirred up again: its fluctuations are as wide as
        when it had what is left.
        """
        s, rates = self.synapses, self._bind()
        for group, experience in enumerate(s.experience):
            left = experience * (1.0 - share)
            widening = [
                synapses.width(rates, layer, left) / synapses.width(rates, layer, experience)
                for layer in range(LEARNING_LAYERS)]
            s.experience[group] = left
            s.amplitude[group] *= np.repeat(widening, self.layout.layer_sizes)

    def check(self, snapshot: Mapping[str, np.ndarray]) -> None:
        """Raise :class:`ValueError` if :meth:`restore` would."""
        self._check(snapshot, {name: a.shape for name, a in self.snapshot().items()})

    def adopt(self, snapshot: Mapping[str, np.ndarray]) -> None:
        """
        Give every learner the centres, amplitudes and gains of one learner's snapshot.

        Raises :class:`ValueError`, with nothing changed, if it is not one of this layout.
        """
        arrays = {name: self._arrays()[name] for name in ('centre', 'amplitude', 'gain')}
        self._check(snapshot, {name: (1, *array.shape[1:]) for name, array in arrays.items()})
        for name, array in arrays.items():
            array[...] = snapshot[name]
        self.first_centre[...] = snapshot['centre']

    @staticmethod
    def _check(snapshot: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Refuse a snapshot without these arrays, or with values that none of ours can hold."""
        for name, shape in shapes.items():
            if name not in snapshot:
                raise ValueError(f'the snapshot has no {name}')
            if snapshot[name].shape != shape:
                raise ValueError(f'{name} of the snapshot has the shape {snapshot[name].shape}, '
                                 f'this learner needs {shape}')
            if not np.isfinite(snapshot[name]).all():
                raise ValueError(f'{name} of the snapshot holds a value that is not finite')
        for name in shapes.keys() & {'amplitude', 'phase', 'drawn'}:
            if (snapshot[name] < 0).any():
                raise ValueError(f'{name} of the snapshot holds a negative value')
        for name in shapes.keys() & {'period', 'gain'}:
            if (snapshot[name] <= 0).any():
                raise ValueError(f'{name} of the snapshot holds a value that is not positive')
