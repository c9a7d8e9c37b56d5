#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The update that tests/bench/train.c measures, as one writes it in PyTorch, on one core: 24 observations,
2 actions, networks of 64 x 64, a batch of 1,024 drawn from 5,000 steps. Prints `name value unit`; the best
of many updates. Where there is no PyTorch it says so."""
import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # before it is loaded
try:
    import torch
    from torch import nn
except ImportError:
    print("PyTorch: not measured, python3-torch is not installed", file=sys.stderr)
    sys.exit(0)

SEEN, ACTS, HIDDEN, BATCH, STEPS = 24, 2, 64, 1024, 5000
DISCOUNT, FOLLOW, RATE, MOST, LOGIT_PRICE = 0.95, 0.01, 1e-3, 0.5, 1e-3
UPDATES = 60


def network(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(),
                         nn.Linear(HIDDEN, outputs))


class Networks:
    """A network, the target that follows it, and what steps it."""

    def __init__(self, inputs, outputs):
        self.now, self.target = network(inputs, outputs), network(inputs, outputs)
        self.target.load_state_dict(self.now.state_dict())
        self.adam = torch.optim.Adam(self.now.parameters(), RATE)

    def step(self, loss):
        self.adam.zero_grad()
        loss.backward(inputs=list(self.now.parameters()))
        nn.utils.clip_grad_norm_(self.now.parameters(), MOST)
        self.adam.step()

    def follow(self):
        with torch.no_grad():
            for target, source in zip(self.target.parameters(), self.now.parameters()):
                target.lerp_(source, FOLLOW)


class Learner:
    def __init__(self, agents):
        self.agents = agents
        self.actor = [Networks(SEEN, ACTS) for _ in range(agents)]
        self.critic = [Networks(agents * (SEEN + ACTS), 1) for _ in range(agents)]
        self.seen = 2 * torch.rand(STEPS, agents, SEEN) - 1
        self.acted = 2 * torch.rand(STEPS, agents, ACTS) - 1
        self.next = 2 * torch.rand(STEPS, agents, SEEN) - 1
        self.reward = 2 * torch.rand(STEPS, agents) - 1
        self.goes_on = (torch.arange(STEPS) % 24 != 0).float()

    def update(self):
        rows = torch.randint(STEPS, (BATCH,))
        seen, acted, after = self.seen[rows], self.acted[rows], self.next[rows]
        reward, goes_on = self.reward[rows], self.goes_on[rows]
        with torch.no_grad():
            acts = torch.stack([torch.tanh(a.target(after[:, i])) for i, a in enumerate(self.actor)], 1)
            ahead = torch.cat((after, acts), 2).flatten(1)
        now = torch.cat((seen, acted), 2).flatten(1)
        for i in range(self.agents):
            with torch.no_grad():
                target = reward[:, i] + DISCOUNT * goes_on * self.critic[i].target(ahead)[:, 0]
            self.critic[i].step(nn.functional.mse_loss(self.critic[i].now(now)[:, 0], target))
            logit = self.actor[i].now(seen[:, i])
            done = acted.clone()
            done[:, i] = torch.tanh(logit)
            value = self.critic[i].now(torch.cat((seen, done), 2).flatten(1))
            self.actor[i].step(LOGIT_PRICE * logit.square().mean() - value.mean())
        for networks in self.actor + self.critic:
            networks.follow()


def milliseconds(agents):
    learner = Learner(agents)
    learner.update()
    best = float("inf")
    for _ in range(UPDATES):
        start = time.perf_counter()
        learner.update()
        best = min(best, (time.perf_counter() - start) * 1e3)
    return best


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    for agents in (3, 10):
        print(f"maddpg_update_n{agents}_torch_ms {milliseconds(agents):.3f} ms")


main()
