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
The learner: synapses, reward prediction and network behind a single ``step``.

It has no notion of an episode, and it is never reset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dynsyn_ros.learner import annealing, fluctuation, kernel
from dynsyn_ros.learner.config import Layout, LearnerConfig
from dynsyn_ros.learner.contents import contents, learnt
from dynsyn_ros.settings.arrays import checked, Contents
import numpy as np

#: Working memory and outputs of a step, which are not part of the state.
_SCRATCH = ('reward', 'fell', 'error', 'modulation', 'power', 'action', 'hidden')
#: The types of the arrays that a step takes.
_TYPES = (*[np.dtype(np.float64)] * 3, *[np.dtype(np.bool_)] * 2)


class Learner:
    """
    One or more learners that run side by side.

    Each learner has its own random stream, made from ``seed`` and its number, so learner 3 of 8 is
    the same as learner 3 alone. ``shared`` learners are a fleet: several robots teach one set of
    centres and amplitudes, and each keeps its own phases, gains and oscillators.
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
        Draw the initial state of the learners with these ``numbers`` and compile the step.

        Layers 2 and 3 start with uniformly distributed centres, layer 4 with those of the robot.
        Phases are uniform over their periods (section II and the authors' program). Raises
        :class:`ValueError` if there are no ``numbers``, or an array of the layout has another
        size than the layout says.
        """
        if not len(numbers):
            raise ValueError('numbers must hold the number of at least one learner')
        layout.check_arrays()
        self.layout = layout
        self.config = config
        self.learning = True
        """False if frozen: every weight rests at its centre and nothing learns."""
        count = len(numbers)
        groups = 1 if shared else count
        self._streams = [
            np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, number))))
            for number in numbers
        ]
        self._sizes = kernel.sizes(count, groups, layout)
        self._memory = kernel.allocate(self._sizes)
        self.state = kernel.unpack(self._memory, self._sizes)
        """The state of every part, by name; read only."""
        self._still = np.zeros(count, np.bool_)
        self._shapes = ((count, layout.observations), (count,), (count, layout.actions), (count,),
                        (count,))
        self.state.plasticity.amplitude[:] = layout.amplitudes(config.synapses)
        self.state.neurons.gain[:] = config.network.gain
        self._bind()
        self._draw_initial_state()
        self._compile()

    def _bind(self) -> None:
        """Prepare the arguments that every step has in common."""
        self._arguments: tuple[Any, ...] = (
            self._memory, kernel.constants(self.config, self.layout, self._sizes),
            self.layout.normalisation)

    def reconfigure(self, config: LearnerConfig) -> None:
        """
        Use other rates and limits from the next step on.

        The amplitudes of a layer are scaled by the ratio of its new initial amplitude to the old
        one; a layer whose initial amplitude was 0 stays still. The sizes of the network and its
        initial values do not change.
        """
        before = np.array(self.config.synapses.amplitude)
        scale = np.divide(config.synapses.amplitude, before, out=np.ones_like(before),
                          where=before > 0.0)
        self.state.plasticity.amplitude[:] *= np.repeat(scale, self.layout.layer_sizes)
        self.config = config
        self._bind()

    def _draw_initial_state(self) -> None:
        state, spread = self.state, self.config.network.initial_centre
        uniform = sum(self.layout.layer_sizes[:2])
        output = self.layout.initial_centres(self.config.network)
        constants = fluctuation.constants(self.config.synapses, self.config.time_step)
        for i, stream in enumerate(self._streams):
            centre = np.append(stream.uniform(-spread, spread, uniform), output)
            if i < len(state.plasticity.centre):
                state.plasticity.centre[i] = centre
            shares = stream.uniform(0.0, 1.0, self.layout.synapses)
            fluctuation.start(state.fluctuation, constants, i, shares,
                              stream.standard_normal(self.layout.synapses))
        self.initial_centre = state.plasticity.centre.copy()
        """Where the centres started, (groups, synapses)."""
        state.fluctuation.next_normal[:] = state.fluctuation.normals.shape[1]
        self._draw_normals()

    def _draw_normals(self) -> None:
        """Draw normal numbers ahead for each learner that could run out of them in one step."""
        f = self.state.fluctuation
        size = f.normals.shape[1]
        for i in np.flatnonzero(f.next_normal > size - self.layout.synapses):
            left = f.normals[i, f.next_normal[i]:].copy()
            f.normals[i, :left.size] = left
            f.normals[i, left.size:] = self._streams[i].standard_normal(size - left.size)
            f.next_normal[i] = 0

    def _compile(self) -> None:
        """Compile the step or load it from the cache, before the first real step."""
        before = self.snapshot()
        self.step(*(np.zeros(shape) for shape in self._shapes[:3]))
        self._put(before)

    def __len__(self) -> int:
        """Return the number of learners."""
        return len(self._streams)

    def step(
        self,
        observation: np.ndarray,
        reward: np.ndarray,
        sent_action: np.ndarray,
        moved: np.ndarray | None = None,
        fell: np.ndarray | None = None,
    ) -> np.ndarray:
        """
        Learn from the reward of the last action and choose the next one.

        ``observation`` is (learners, observations). ``reward``, (learners,), is what the last
        action earned. ``sent_action``, (learners, actions), is the command that was really sent
        (the efference copy). All three are float64. ``moved`` and ``fell``, (learners,) bool, say
        which robots were put back since the last step and which have fallen; nothing is credited
        across a jump.

        Returns the action, (learners, actions) within +-1, in an array that the next step
        overwrites. Raises :class:`ValueError`, with nothing changed, if a shape or type is wrong,
        a value is not finite, or a reward is beyond +-1e6.
        """
        moved = self._still if moved is None else moved
        fell = self._still if fell is None else fell
        given = observation, reward, sent_action, moved, fell
        try:
            shapes = (
                observation.shape, reward.shape, sent_action.shape, moved.shape, fell.shape)
        except AttributeError as error:
            raise ValueError('a step takes NumPy arrays, not '
                             f'{[type(array).__name__ for array in given]}') from error
        if shapes != self._shapes:
            raise ValueError(
                'a step takes observations, rewards, sent actions, moved and fell of the shapes '
                f'{self._shapes}, not {shapes}')
        types = observation.dtype, reward.dtype, sent_action.dtype, moved.dtype, fell.dtype
        if types != _TYPES:  # else the kernel is compiled again
            raise ValueError(
                'a step takes observations, rewards and sent actions as float64, and moved and '
                f'fell as bool, not {[str(kind) for kind in types]}')
        answer = kernel.step(*(*self._arguments, *given, self.learning))
        if answer == kernel.NORMALS_LOW:
            self._draw_normals()
        elif answer != kernel.DONE:
            raise ValueError(
                f'learner {answer} was given a value that is not finite, or a reward beyond '
                f'+-{kernel.MOST_REWARD:g}')
        return self.state.neurons.action

    @property
    def mean_amplitude(self) -> float:
        """Mean amplitude A over all synapses."""
        return float(self.state.plasticity.amplitude.mean())

    @property
    def centre_shift(self) -> float:
        """Mean distance of the centres from their initial values."""
        return float(np.abs(self.state.plasticity.centre - self.initial_centre).mean())

    @property
    def mean_gain(self) -> float:
        """Mean gain g of layer 2."""
        return float(self.state.neurons.gain.mean())

    @property
    def amplitude_ratio(self) -> np.ndarray:
        """Factor A / A_0 of the annealing on the amplitudes, (groups,)."""
        state, config = self.state.annealing, self.config
        constants = annealing.constants(
            config.annealing, None, config.reheating, config.time_step, 1)
        return np.array([annealing.amplitude_ratio(constants, state, group)
                         for group in range(len(state.clock))])

    def _arrays(self) -> dict[str, np.ndarray]:
        """All state except the random streams, by name."""
        state = self.state
        # The later ``features`` win: the critic's are state, the network's are new in each step.
        arrays = {
            **state.fluctuation._asdict(), **state.plasticity._asdict(), **state.neurons._asdict(),
            **state.prediction._asdict(), **state.annealing._asdict()}
        for name in _SCRATCH:
            del arrays[name]
        return {**arrays, 'initial_centre': self.initial_centre}

    def snapshot(self, member: int | None = None) -> dict[str, np.ndarray]:
        """
        Copy the whole state; :meth:`restore` continues from it bit for bit.

        With ``member``, the index of a learner, copy only its state, for a single learner.
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
        Continue from a snapshot as if never stopped; a critic that it lacks starts at zero.

        Raises :class:`ValueError`, with nothing changed, if the snapshot is of another layout or
        another number of learners.
        """
        self._put(checked(snapshot, self.contents))

    def _put(self, snapshot: Mapping[str, np.ndarray]) -> None:
        for name, array in self._arrays().items():
            array[...] = snapshot[name]
        for stream, words in zip(self._streams, snapshot['stream'], strict=True):
            state = stream.bit_generator.state
            state['state']['state'] = np.asarray(words, dtype=np.uint64)
            stream.bit_generator.state = state

    def reheat(self, share: float) -> None:
        """
        Turn the annealing clock back by a share of its reading, from 0 to 1.

        Fluctuations are then as wide, and centres as fast, as when the clock last showed that
        reading. Use it for a walk that has settled too early. Raises :class:`ValueError` for any
        other share.
        """
        if not 0.0 <= share <= 1.0:
            raise ValueError(f'share must be from 0 to 1, not {share:g}')
        before = self.amplitude_ratio
        self.state.annealing.clock[:] *= 1.0 - share
        self.state.plasticity.amplitude[:] *= (self.amplitude_ratio / before)[:, np.newaxis]

    @property
    def contents(self) -> Contents:
        """The arrays of a snapshot of these learners."""
        return contents(self.layout, len(self), len(self.state.annealing.clock))

    def check(self, snapshot: Mapping[str, np.ndarray]) -> None:
        """Raise :class:`ValueError` if :meth:`restore` would."""
        checked(snapshot, self.contents)

    def initialise_from(self, snapshot: Mapping[str, np.ndarray]) -> None:
        """
        Start every learner from what the snapshot of one learner has :func:`learnt`.

        Raises :class:`ValueError`, with nothing changed, if the snapshot is of another layout.
        """
        arrays = self._arrays()
        for name, array in checked(snapshot, learnt(self.layout)).items():
            arrays[name][...] = array
        self.initial_centre[...] = snapshot['centre']
