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
The equations once more, slowly and in plain NumPy: the oracle the learner is held to.

Written from the paper (Wei & Webb 2018) and the settled gaps in its text, not from the package:
one learner, weights as matrices, sines computed anew each step, no kernels.
"""

import numpy as np


class Oracle:
    """One learner of given sizes, from a first state and a stream of standard normal numbers."""

    def __init__(self, layout, config, start, normals):
        self.layout, self.config, self.normals = layout, config, normals
        self.C, self.A = start['centre'].copy(), start['amplitude'].copy()
        self.t, self.T = start['phase'].copy(), start['period'].copy()
        self.e = np.zeros_like(self.C)
        self.g = start['gain'].copy()
        self.v, self.w = np.zeros(layout.oscillators), np.zeros(layout.oscillators)
        self.drive = np.zeros(layout.oscillators)
        self.y = np.zeros(layout.actions)
        self.mean, self.usual, self.effort, self.deviation = 0.0, 0.0, 1.0, 0.3
        self.X, self.S = 0.0, 0.0
        self.A0 = self.A.copy()

    def fluctuate(self):
        """Eq. 1-2: time runs on, and at an upward crossing of the centre a period is drawn."""
        s = self.config.synapses
        self.t = self.t + self.config.time_step
        for j in np.flatnonzero(self.t >= self.T):
            self.t[j] = self.t[j] % self.T[j]
            draw = s.period_mean + s.period_sd * next(self.normals)
            self.T[j] = max(draw, 0.1 * s.period_mean)
        self.x = self.A * np.sin(2 * np.pi * self.t / self.T)
        keep = np.exp(-self.config.time_step / s.trace) if s.trace > 0 else 0.0
        self.e = keep * self.e + (1 - keep) * self.x

    def told(self, reward):
        r = self.config.reward
        if reward > -r.punishment_limit:
            return reward
        over = max(self.mean - r.aspiration, 0.0)
        lost = self.caution() * r.punishment_horizon / self.config.time_step * over
        return -(r.punishment_limit + lost)

    def caution(self):
        """Tell how much of their full price falls and effort cost by now."""
        kX = self.config.reward.caution_rate * self.X
        return kX / (1 + kX)

    def fell(self, told):
        return told <= -self.config.reward.punishment_limit

    def smooth(self, told):
        """Take the ups and downs of a stride out of the reward; a fall is told apart."""
        r = self.config.reward
        keep = np.exp(-self.config.time_step / r.smoothing) if r.smoothing > 0 else 0.0
        if not self.fell(told):
            dear = max(self.mean - r.aspiration, 0.0) / self.effort
            paid = self.caution() * r.effort_weight * dear * np.sum(np.abs(self.y))
            self.S = keep * self.S + (1 - keep) * (told - paid)

    def compare(self, told, smoothed, actions):
        """Follow means and mean deviation of the rewards of all who share the synapses."""
        memory = self.config.reward.memory
        if memory > 0:
            keep = np.exp(-self.config.time_step / memory)
            earned = [self.mean if self.fell(reward) else reward for reward in told]
            self.mean = keep * self.mean + (1 - keep) * np.mean(earned)
            spent = np.mean([np.sum(np.abs(y)) for y in actions])
            self.effort = keep * self.effort + (1 - keep) * spent
            self.usual = keep * self.usual + (1 - keep) * np.mean(smoothed)
            deviation = np.mean(np.abs(np.array(smoothed) - self.usual))
            self.deviation = keep * self.deviation + (1 - keep) * deviation

    def surprise(self, told):
        r = self.config.reward
        if r.memory == 0:
            return told
        most = r.surprise_limit * self.deviation
        surprise = np.clip(self.S - self.usual, -most, most)
        return (surprise + (told if self.fell(told) else 0.0)) / self.deviation

    def updates(self, R, members):
        """Eq. 3-4: what this learner would do to centre, amplitude and all members' experience."""
        s, dt = self.config.synapses, self.config.time_step
        beta = np.repeat(s.amplitude_rate, self.layout.layer_sizes)
        surprise = self.surprise(R)
        attraction = surprise if s.repulsion or surprise > 0 else 0.0
        decay = np.repeat(s.centre_decay, self.layout.layer_sizes) * self.A**2 * self.C
        alpha = s.centre_rate * (1 + s.settling_rate * self.X)**-0.5
        dC = alpha * (self.e * attraction - decay) * dt
        goal = self.config.reward.aspiration
        if goal > 0:
            X = max(self.X + members * (self.mean - goal) * dt, 0)
            A = self.A0 / np.sqrt(np.sqrt(1 + beta * X))
            return dC, A - self.A, X - self.X
        if s.amplitude_rule == 'multiplicative':
            dA = self.A * (np.exp(-beta * R * dt) - 1)
        else:
            dA = -beta * R * dt
        return dC, dA, 0.0

    def learn(self, dC, dA, dX):
        bound = self.config.synapses.centre_bound
        self.C = np.clip(self.C + dC, -bound, bound)
        self.X = self.X + dX
        self.A = np.maximum(self.A + dA, 0.0)
        self.W = self.C + self.A * np.sin(2 * np.pi * self.t / self.T)

    def oscillate(self):
        """Eq. 7-8 by classic Runge-Kutta."""
        o = self.config.oscillators

        def f(z):
            v, w = z
            return o.rate * np.array([v - v**3 - w + self.drive, o.a * (o.b * v - o.c * w)])

        h, z = self.config.time_step, np.array([self.v, self.w])
        k1 = f(z)
        k2 = f(z + h / 2 * k1)
        k3 = f(z + h / 2 * k2)
        k4 = f(z + h * k3)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        self.v, self.w = np.clip(z, -o.bound, o.bound)

    def act(self, observation):
        """Fig. 5 and Eq. 5-6."""
        lay, net = self.layout, self.config.network
        n2, n3, _ = lay.layer_sizes
        W2 = self.W[:n2].reshape(lay.hidden, lay.inputs)
        W3 = self.W[n2:n2 + n3].reshape(lay.oscillators, lay.hidden + 1)
        W4 = self.W[n2 + n3:].reshape(lay.actions, lay.output_inputs)
        z = observation * lay.normalisation
        states, ranges = z[:lay.states], z[lay.states:]
        negated = np.maximum(-states, 0) if net.negated_inputs else np.zeros(lay.states)
        o1 = np.tanh(np.hstack([np.maximum(states, 0), negated, ranges, 1.0, self.y]))
        o2 = np.maximum(np.tanh(self.g * (W2 @ o1)), 0)
        dg = (net.gain_target - np.abs(o2)) * net.gain_rate * self.config.time_step
        if net.gain_rule == 'nonlinear':
            dg = dg * (2 - np.log10(self.g)) * (np.log10(self.g) + 2) / 4
        if net.gain_rule != 'none':
            self.g = self.g + dg
        self.drive = np.tanh(W3 @ np.hstack([o2, 1.0]))
        raw = observation[:lay.states]
        self.y = np.tanh(W4 @ np.hstack([self.v, self.w, raw, 1.0]))
        return self.y


def run(oracles, observations, rewards, shared):
    """Run oracles side by side; ``shared`` ones take the mean of all updates. Returns actions."""
    actions = []
    for observation, reward in zip(observations, rewards, strict=True):
        for oracle in oracles:
            oracle.fluctuate()
        told = [o.told(r) for o, r in zip(oracles, reward, strict=True)]
        for o, r in zip(oracles, told, strict=True):
            o.smooth(r)
        for o, r in zip(oracles, told, strict=True):
            peers = oracles if shared else [o]
            o.compare(told if shared else [r], [p.S for p in peers], [p.y for p in peers])
        members = len(oracles) if shared else 1
        updates = [o.updates(r, members) for o, r in zip(oracles, told, strict=True)]
        if shared:
            updates = [tuple(np.mean(part, axis=0) for part in zip(*updates, strict=True))
                       for _ in oracles]
        for oracle, update in zip(oracles, updates, strict=True):
            oracle.learn(*update)
            oracle.oscillate()
        actions.append([o.act(x) for o, x in zip(oracles, observation, strict=True)])
    return np.array(actions)
