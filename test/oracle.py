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
A second implementation of the equations in slow, plain NumPy: the oracle for the learner.

It is written from the paper (Wei & Webb 2018) and the decisions on gaps in it, not from the
package: one learner, weights as matrices, sines computed in each step, no kernels.
"""

import numpy as np


class Oracle:
    """One learner, from its sizes, an initial state and a stream of standard normal numbers."""

    def __init__(self, layout, config, start, normals):
        self.layout, self.config, self.normals = layout, config, normals
        self.C, self.A = start['centre'].copy(), start['amplitude'].copy()
        self.t, self.T = start['phase'].copy(), start['period'].copy()
        self.e = np.zeros_like(self.C)
        self.g = start['gain'].copy()
        self.v, self.w = np.zeros(layout.oscillators), np.zeros(layout.oscillators)
        self.drive = np.zeros(layout.oscillators)
        self.rbar, self.D, self.n, self.X = 0.0, 0.0, 0, 0.0
        self.theta = np.zeros(layout.inputs + 2 * layout.oscillators)
        self.z, self.features = np.zeros_like(self.theta), np.zeros_like(self.theta)
        self.ybar = np.zeros_like(self.theta)
        self.A0 = self.A.copy()
        self.recent, self.long_term, self.m, self.H = 0.0, 0.0, 0, 0.0

    def fluctuate(self):
        """Eq. 1-2: advance time, and draw a new period at each upward crossing of the centre."""
        s = self.config.synapses
        self.t = self.t + self.config.time_step
        for j in np.flatnonzero(self.t >= self.T):
            self.t[j] = self.t[j] % self.T[j]
            draw = s.period_mean + s.period_sd * next(self.normals)
            self.T[j] = max(draw, 0.1 * s.period_mean)
        self.x = self.A * np.sin(2 * np.pi * self.t / self.T)
        p = self.config.prediction
        keep = np.exp(-self.config.time_step / p.eligibility_time_constant) if p else 0.0
        self.e = keep * self.e + (1 - keep) * self.x

    def shape(self, reward, fell):
        """Price a fall by the mean reward of a step."""
        f = self.config.fall
        if not fell:
            return reward
        steps = (1 - self.settled()) * f.horizon / self.config.time_step
        return -f.penalty - steps * max(self.rbar, 0.0)

    def predict(self, reward, fell, moved):
        """Compute the prediction error, and the update of the critic by it."""
        p, dt = self.config.prediction, self.config.time_step
        gamma = np.exp(-dt / p.discount_time_constant)
        decay = min(np.exp(-dt / 300.0), gamma)
        first = not self.features.any()
        before = self.theta @ self.features
        self.z = decay * self.z + self.features
        size = max(self.features @ self.features, 1.0)
        keep = np.exp(-dt / p.eligibility_time_constant)
        self.ybar = keep * self.ybar + (1 - keep) * self.encoded
        self.features = self.encoded - self.ybar
        error = reward - self.rbar + gamma * self.theta @ self.features - before
        if first or (moved and not fell):
            error = 0.0
        dtheta = p.critic_rate * (1 - decay) * error * self.z / size
        if moved or fell:
            self.z = np.zeros_like(self.z)
        return error, dtheta

    def follow(self, rewards, fell):
        """Update the means over all learners that share the critic; they start as plain means."""
        elapsed = len(rewards) * self.config.time_step
        gain = max(1 - np.exp(-elapsed / 1e7), 1 / (1 + self.n))
        self.n += 1
        walking = [abs(reward - self.rbar)
                   for reward, down in zip(rewards, fell, strict=True) if not down]
        self.rbar += gain * (np.mean(rewards) - self.rbar)
        if walking:
            self.D += gain * (np.mean(walking) - self.D)

    def modulation(self, error, fell):
        m = error / max(self.D, 1e-6)
        return m if fell else np.clip(m, -10, 10)

    def centre_update(self, m):
        """Eq. 3."""
        s, a = self.config.synapses, self.config.annealing
        if not s.repulsion:
            m = max(m, 0.0)
        alpha = s.centre_rate
        if a:
            slower = self.settled() / np.sqrt(1 + a.centre_rate_decay * self.X)
            alpha = alpha * slower ** (1 - self.H)
        return np.clip(alpha * m * self.e * self.config.time_step, -self.A, self.A)

    def narrow(self, rewards, fell):
        """Eq. 4, or annealing, by the rewards of all learners that share the amplitudes."""
        n, a, dt = self.config.narrowing, self.config.annealing, self.config.time_step
        if a:
            earned = sum(r for r, down in zip(rewards, fell, strict=True) if not down)
            self.X = max(self.X + earned, 0.0)
            self.H = self.heat(np.mean(rewards), len(rewards) * dt)
            narrower = (1 + a.amplitude_decay * self.X) ** -0.25
            self.A = self.A0 * self.settled() * narrower ** (1 - self.H)
        elif self.config.amplitude_law == 'multiplicative':
            self.A = self.A * np.exp(-n.amplitude_rate * np.sum(rewards) * dt)
        else:
            for reward in rewards:
                self.A = np.maximum(self.A - n.amplitude_rate * reward * dt, 0.0)

    def settled(self):
        """The factor s of annealing: 1 at first, then less."""
        a = self.config.annealing
        return a.settling**2 / (a.settling**2 + self.X**2) if a else 1.0

    def heat(self, reward, elapsed):
        """Update the short and the long mean of the reward; returns the heat H."""
        c = self.config.reheating
        if not c:
            return 0.0
        quick, slow = (1 - np.exp(-elapsed / tau) for tau in (c.time_constant, 3e7))
        if 1 / (1 + self.m) > quick:
            self.recent = self.long_term = (self.m * self.recent + reward) / (1 + self.m)
            self.m += 1
        else:
            self.recent = (1 - quick) * self.recent + quick * reward
            self.long_term = (1 - slow) * self.long_term + slow * reward
        if self.long_term <= 0:
            return 0.0
        return np.clip(1 - self.recent / ((1 - c.tolerance) * self.long_term), 0, 1)

    def swing(self):
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

    def encode(self, observation, sent):
        """Layer 1 of Fig. 5, and the oscillators."""
        lay = self.layout
        z = observation * lay.normalisation
        states, ranges = z[:lay.states], z[lay.states:]
        negated = (np.maximum(-states, 0) if self.config.network.negated_inputs
                   else np.zeros(lay.states))
        self.o1 = np.tanh(np.hstack([np.maximum(states, 0), negated, ranges, 1.0, sent]))
        self.encoded = np.hstack([self.o1, self.v, self.w])

    def act(self, observation, members):
        """Layers 2 to 4 of Fig. 5 and Eq. 5-6; gains adapt in the time of all members."""
        lay, net = self.layout, self.config.network
        n2, n3, _ = lay.layer_sizes
        W2 = self.W[:n2].reshape(lay.hidden, lay.inputs)
        W3 = self.W[n2:n2 + n3].reshape(lay.oscillators, lay.hidden + 1)
        W4 = self.W[n2 + n3:].reshape(lay.actions, lay.output_inputs)
        o2 = np.maximum(np.tanh(self.g * (W2 @ self.o1)), 0)
        dg = (net.gain_target - np.abs(o2)) * net.gain_rate * self.config.time_step * members
        if net.gain_rule == 'nonlinear':
            dg = dg * (2 - np.log10(self.g)) * (np.log10(self.g) + 2) / 4
        if net.gain_rule != 'none':
            self.g = np.clip(self.g + dg, 0.01, 100)
        self.drive = np.tanh(W3 @ np.hstack([o2, 1.0]))
        raw = observation[:lay.states]
        return np.tanh(W4 @ np.hstack([self.v, self.w, raw, 1.0]))


def run(oracles, observations, rewards, sent, moved, fell, shared):
    """Run oracles in parallel; ``shared`` ones add up their updates. Returns their actions."""
    actions = []
    for step in zip(observations, rewards, sent, moved, fell, strict=True):
        for oracle, observation, reward, action, *rest in zip(oracles, *step, strict=True):
            oracle.oscillate()
            oracle.encode(observation, action)
            oracle.fluctuate()
            oracle.given = (reward, *rest)
        for group in [oracles] if shared else [[oracle] for oracle in oracles]:
            learn(group)
        actions.append([oracle.act(observation, len(oracles) if shared else 1)
                        for oracle, observation in zip(oracles, step[0], strict=True)])
    return np.array(actions)


def learn(group):
    """Let oracles that share centres, amplitudes and a critic learn from one step."""
    rewards, moved, fell = zip(*(oracle.given for oracle in group), strict=True)
    if group[0].config.modulation == 'prediction_error':
        shaped = [o.shape(r, down) for o, r, down in zip(group, rewards, fell, strict=True)]
        errors, dthetas = zip(*(
            oracle.predict(*each)
            for oracle, *each in zip(group, shaped, fell, moved, strict=True)), strict=True)
        for oracle in group:
            oracle.follow(shaped, fell)
            oracle.theta = oracle.theta + np.sum(dthetas, axis=0)
        signals = [oracle.modulation(error, down)
                   for oracle, error, down in zip(group, errors, fell, strict=True)]
    else:
        signals = rewards
    dC = np.sum([oracle.centre_update(m)
                 for oracle, m in zip(group, signals, strict=True)], axis=0)
    for oracle in group:
        oracle.C = oracle.C + dC
        oracle.narrow(rewards, fell)
        oracle.swing()
