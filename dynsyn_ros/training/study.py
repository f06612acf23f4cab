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
The study behind ``dynsyn tune``: which training is next, and how good a trial is.

A trial is one combination of settings. It is trained with some seeds up to the first budget. Then
Optuna's successive halving decides whether it continues to the next budget. The study is a journal
in the output folder, which any number of programs may have open. A trial belongs to a program
while that program holds the lock of the trial's folder. Another program takes over an unfinished
trial that nobody holds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
import json
import math
from pathlib import Path
from typing import Any

from dynsyn_ros.settings.schema import ConfigError
from dynsyn_ros.storage.episodes import read_episodes
from dynsyn_ros.storage.folders import Claim, InUse, SEARCH, SEED_FOLDER, TRIAL
from dynsyn_ros.training import trainer
from dynsyn_ros.training.journal import Journal
from dynsyn_ros.training.sweep import Job
from dynsyn_ros.training.tune_file import Range, Search
import numpy as np
import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, Trial, TrialState

JOURNAL = 'study.journal'
NAME = 'tune'
#: How long another program may lock the study, s, to draw a trial or a picture.
PATIENCE = 300.0
#: The study's attribute that holds its search.
_SEARCH = 'search'
#: A trial's attribute that says why its settings cannot be trained.
REFUSED = 'refused'


def objective(
    name: str, returns: np.ndarray, steps: np.ndarray, episodes: int, budget: int
) -> float:
    """Compute the value of a training from the returns of its episodes, in order of their end."""
    sums = np.concatenate(([0.0], np.cumsum(returns)))
    ends = np.arange(1, len(sums))
    begins = np.maximum(ends - episodes, 0)
    curve = (sums[ends] - sums[begins]) / (ends - begins)
    if name == 'last':
        return float(curve[-1])
    if name == 'best':
        return float(curve[min(episodes, len(curve)) - 1:].max())
    return float(np.interp(np.linspace(0.0, budget, 500), steps, curve).mean())


_OVER_SEEDS: dict[str, Callable[[Sequence[float]], Any]] = {
    'median': np.median, 'mean': np.mean, 'worst': np.min}


def worth(search: Search, jobs: Sequence[Job]) -> float:
    """Compute the value of a trial from its trainings; NaN if one has no ended episode."""
    values = []
    for job in jobs:
        episodes = read_episodes(job.folder / trainer.EPISODES, job.config.learners)
        ended = episodes['steps'] <= job.config.steps
        if not ended.any():
            return math.nan
        values.append(objective(
            search.config.objective, episodes['return'][ended], episodes['steps'][ended],
            search.config.episodes, job.config.steps))
    return float(_OVER_SEEDS[search.config.over_seeds](values))


@dataclass
class _Running:
    """A trial of this program that is being trained on a budget."""

    trial: Trial
    claim: Claim
    budget: int = 0
    jobs: Sequence[Job] = ()
    waiting: deque[Job] = field(default_factory=deque)


class Study:
    """A search in which this program takes part."""

    def __init__(self, search: Search, output: Path, say: Callable[[str], None]) -> None:
        """Open or begin the study; raises :class:`ConfigError` if it is of another search."""
        self.search, self.output, self._say = search, output, say
        self._running: list[_Running] = []
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with self._claimed():
            try:
                self._study = optuna.create_study(
                    storage=JournalStorage(Journal(output / JOURNAL)),
                    study_name=NAME, direction='maximize', load_if_exists=True,
                    pruner=optuna.pruners.SuccessiveHalvingPruner(
                        min_resource=1, reduction_factor=search.config.reduction_factor))
            except ConfigError:
                raise
            except (AssertionError, KeyError, TypeError, ValueError) as error:
                raise ConfigError(
                    f'{output / JOURNAL} is not a study of this program, or is damaged'
                ) from error
            self._check_search()

    def _check_search(self) -> None:
        """Begin a new study; an old one must be of the same search, except for ``trials``."""
        mine = {**asdict(self.search.config), **self.search.base,
                'budgets': list(map(asdict, self.search.budgets)),
                'ranges': list(map(asdict, self.search.ranges))}
        del mine['trials']
        mine = json.loads(json.dumps(mine))  # as the study returns it
        theirs = self._study.user_attrs.get(_SEARCH)
        if theirs is None:
            # The attribute comes last: only with it has the study begun.
            if self.search.as_it_is and not self._study.get_trials(deepcopy=False):
                self._study.enqueue_trial(self.search.as_it_is)
            self._study.set_user_attr(_SEARCH, mine)
        elif theirs != mine:
            changed = [key for key in {**mine, **theirs} if theirs.get(key) != mine.get(key)]
            raise ConfigError(
                f'{self.output} holds a search with other {", ".join(changed)}: once a search has '
                'begun, only trials can be changed; choose another --output')

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials that any program has begun, by number."""
        return [trial for trial in self._study.get_trials(deepcopy=False)
                if trial.state != TrialState.WAITING]

    @property
    def ended(self) -> int:
        """Number of trials that have ended, whichever program ran them."""
        return sum(trial.state.is_finished() for trial in self.trials)

    @contextmanager
    def locked(self) -> Iterator[list[FrozenTrial]]:
        """Yield all trials, and lock out other programs while they are used."""
        with self._claimed():
            yield self.trials

    @contextmanager
    def _claimed(self) -> Iterator[None]:
        """Lock the output folder for a moment; waits for other programs to release it."""
        claim = Claim(self.output, SEARCH, PATIENCE)
        try:
            yield
        finally:
            claim.release()

    def take(self) -> Job | None:
        """Return the next training; None if there is none now."""
        while True:
            for running in self._running:
                if running.waiting:
                    return running.waiting.popleft()
            if not self._claim():
                return None

    def finished(self, job: Job) -> None:
        """Continue the trial of a training that has ended."""
        (running,) = (each for each in self._running if job in each.jobs)
        if all(each.finished for each in running.jobs):
            self._report(running)

    def _claim(self) -> bool:
        """Take over a trial that nobody holds, or begin one; returns False if there is none."""
        mine = {running.trial.number for running in self._running}
        with self.locked() as trials:
            left = (trial for trial in trials
                    if trial.state == TrialState.RUNNING and trial.number not in mine)
            for frozen in left:
                try:
                    claim = self._claim_of(frozen.number)
                except InUse:
                    continue
                running = _Running(Trial(self._study, frozen._trial_id), claim,
                                   budget=len(frozen.intermediate_values))
                self._say(f'trial {frozen.number} is taken over, because its program has ended')
                break
            else:
                if len(trials) >= self.search.config.trials:
                    return False
                trial = self._study.ask()
                running = _Running(trial, self._claim_of(trial.number))
            self._study.sampler = self._sampler(running.trial.number)
            for each in self.search.ranges:
                _suggest(running.trial, each)
        self._running.append(running)
        if self._possible(running) and not (running.budget and self._over(running)):
            self._train(running)
        return True

    def _claim_of(self, number: int) -> Claim:
        """Claim a trial for this program; raises :class:`InUse` if another program has it."""
        return Claim(self._folder(number), TRIAL, alone=True)

    def _sampler(self, number: int) -> BaseSampler:
        """Make the sampler of a trial, which draws the same in any program."""
        seed = np.random.SeedSequence((self.search.config.sampler_seed, number))
        kind = RandomSampler if self.search.config.sampler == 'random' else TPESampler
        return kind(seed=int(seed.generate_state(1)[0]))

    def _folder(self, number: int) -> Path:
        return self.output / f'trial_{number:04d}'

    def _possible(self, running: _Running) -> bool:
        """Return whether a trial can be trained; if its settings conflict, end it."""
        try:
            self.search.training(
                running.trial.params, self.search.config.seeds[0], self.search.budgets[0].steps)
        except ConfigError as error:
            running.trial.set_user_attr(REFUSED, str(error))
            self._end(running, TrialState.FAIL, f'is refused: {error}')
            return False
        return True

    def _train(self, running: _Running) -> None:
        """Queue the trainings of a trial for its budget."""
        budget, number = self.search.budgets[running.budget], running.trial.number
        running.jobs = [
            Job(f'trial {number}', self.search.training(running.trial.params, seed, budget.steps),
                self._folder(number) / SEED_FOLDER.format(seed))
            for seed in self.search.config.seeds[:budget.seeds]]
        for job in running.jobs:
            job.check()
        running.waiting.extend(job for job in running.jobs if not job.finished)
        if not running.waiting:
            self._report(running)

    def _report(self, running: _Running) -> None:
        """Report the value of a trial after its budget, then continue or end the trial."""
        value = worth(self.search, running.jobs)
        running.trial.report(value, self.search.config.reduction_factor ** running.budget)
        running.budget += 1
        if not self._over(running):
            self._say(f'trial {running.trial.number} {self._standing(running)[1]}, continues')
            self._train(running)

    def _over(self, running: _Running) -> bool:
        """End a trial that is not among the best or has no budget left; returns whether it did."""
        value, words = self._standing(running)
        last = running.budget == len(self.search.budgets)
        # The preset itself takes part in the comparison, but always continues.
        stops = not last and running.trial.should_prune() and not (
            running.trial.number == 0 and self.search.as_it_is)
        if stops or math.isnan(value):
            self._end(running, TrialState.PRUNED, f'{words}, stops here')
        elif last:
            self._end(running, TrialState.COMPLETE, f'{words}, finished', value)
        else:
            return False
        return True

    def _standing(self, running: _Running) -> tuple[float, str]:
        """Return the value of a trial after its last budget, as a number and in words."""
        values = self._study.get_trials(deepcopy=False)[running.trial.number].intermediate_values
        value, budgets = values[max(values)], self.search.budgets
        return value, (
            f'after {budgets[running.budget - 1].steps} steps, budget {running.budget} of '
            f'{len(budgets)}: {self.search.config.objective} {value:.1f}')

    def _end(
        self, running: _Running, state: TrialState, words: str, value: float | None = None
    ) -> None:
        """Report the end of a trial to the study and release it."""
        self._study.tell(running.trial, value, state)
        self._running.remove(running)
        running.claim.release()
        self._say(f'trial {running.trial.number} {words}')


def _suggest(trial: Trial, each: Range) -> None:
    """Draw a setting of a trial, unless it has been drawn already."""
    if each.span is None:
        trial.suggest_categorical(each.name, each.labels)
    elif each.whole:
        low, high = each.ends()
        trial.suggest_int(each.name, low, high, log=each.span.log)
    else:
        trial.suggest_float(each.name, each.span.low, each.span.high, log=each.span.log)
