#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Write actors as trainers export them (PyTorch, operator sets 9 to 17), and random graphs over all
# operators, each NAME.onnx with rows of inputs in NAME.csv; or, with 0 graphs, the two that the
# bench measures. Usage: actors.py FOLDER SEED GRAPHS
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

OBS, HIDDEN, ROWS = 6, 8, 5


# --- as PyTorch exports them --------------------------------------------------------------------
def mlp(activation, head=None):
    layers = [nn.Linear(OBS, HIDDEN), activation(), nn.Linear(HIDDEN, HIDDEN), activation(),
              nn.Linear(HIDDEN, 2)]
    return nn.Sequential(*layers, *([head] if head else []))


class Scaled(nn.Module):
    """Normalised observations, an action scaled to its bounds."""

    def __init__(self):
        super().__init__()
        self.body = mlp(nn.ReLU, nn.Tanh())
        self.register_buffer("mean", torch.randn(OBS))
        self.register_buffer("std", torch.rand(OBS) + 0.5)
        self.register_buffer("scale", torch.tensor([2.0, 0.3]))
        self.register_buffer("bias", torch.tensor([0.5, -0.1]))

    def forward(self, obs):
        obs = torch.clamp((obs - self.mean) / self.std, -5, 5)
        return self.body(obs) * self.scale + self.bias


class Sac(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(OBS, HIDDEN), nn.ReLU(),
                                  nn.Linear(HIDDEN, HIDDEN), nn.ReLU())
        self.mu, self.log_std = nn.Linear(HIDDEN, 2), nn.Linear(HIDDEN, 2)

    def forward(self, obs):
        x = self.body(obs)
        return torch.tanh(self.mu(x)), torch.exp(torch.clamp(self.log_std(x), -20, 2))


class Ppo(nn.Module):
    """Action, value and log probability of the action."""

    def __init__(self):
        super().__init__()
        self.flat = nn.Flatten()
        self.pi, self.vf = mlp(nn.Tanh), mlp(nn.Tanh)
        self.log_std = nn.Parameter(torch.randn(2) * 0.1)

    def forward(self, obs):
        obs = self.flat(obs)
        mean = self.pi(obs)
        std = torch.ones_like(mean) * self.log_std.exp()
        action = mean + 0.1 * std
        log_prob = -((action - mean) ** 2) / (2 * std ** 2) - std.log() - 0.9189385332
        return action, self.vf(obs), log_prob.sum(dim=1)


class Discrete(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = mlp(nn.Tanh)

    def forward(self, obs):
        return torch.argmax(self.body(obs), dim=1)


class Gelu(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(OBS, HIDDEN), nn.LayerNorm(HIDDEN)
        self.last = nn.Linear(HIDDEN, 2)

    def forward(self, obs):
        return self.last(nn.functional.gelu(self.norm(self.first(obs))))


class Gru(nn.Module):
    def __init__(self, directions):
        super().__init__()
        self.gru = nn.GRU(OBS, HIDDEN, batch_first=True, bidirectional=directions == 2)
        self.last = nn.Linear(HIDDEN * directions, 2)

    def forward(self, obs):
        y, _ = self.gru(obs)
        return torch.tanh(self.last(y))


ACTORS = {
    "relu": (lambda: mlp(nn.ReLU, nn.Tanh()), (1, OBS)),
    "flat": (lambda: mlp(nn.ReLU, nn.Tanh()), (OBS,)),
    "cube": (lambda: mlp(nn.Tanh), (1, 2, OBS)),
    "leaky": (lambda: mlp(nn.LeakyReLU), (1, OBS)),
    "elu": (lambda: mlp(nn.ELU), (1, OBS)),
    "silu": (lambda: mlp(nn.SiLU), (1, OBS)),
    "sigmoid": (lambda: mlp(nn.Sigmoid), (1, OBS)),
    "softmax": (lambda: mlp(nn.ReLU, nn.Softmax(dim=-1)), (1, OBS)),
    "scaled": (Scaled, (1, OBS)),
    "sac": (Sac, (1, OBS)),
    "ppo": (Ppo, (1, OBS)),
    "discrete": (Discrete, (1, OBS)),
    "gelu": (Gelu, (1, OBS)),
    "gru": (lambda: Gru(1), (1, 4, OBS)),
    "gru2": (lambda: Gru(2), (1, 3, OBS)),
}


def export_actors(folder):
    for name, (make, shape) in ACTORS.items():
        for opset in (9, 11, 13, 14, 17):
            path = folder / f"{name}-{opset}.onnx"
            names = ["action", "value", "log_prob"][:3 if name == "ppo" else 2 if name == "sac" else 1]
            torch.onnx.export(make().eval(), torch.zeros(shape), str(path), opset_version=opset,
                              input_names=["obs"], output_names=names,
                              dynamic_axes={"obs": {0: "batch"}} if shape[0] == 1 else None)
            write_rows(path, int(np.prod(shape)))


def export_bench(folder):
    """The sizes that are measured: 24-64-64-2, as MADDPG has it and with tanh throughout."""
    for name, activation in (("relu", nn.ReLU), ("tanh", nn.Tanh)):
        actor = nn.Sequential(nn.Linear(24, 64), activation(), nn.Linear(64, 64), activation(),
                              nn.Linear(64, 2), nn.Tanh())
        torch.onnx.export(actor.eval(), torch.zeros((1, 24)), str(folder / f"{name}-24-64-64-2.onnx"),
                          opset_version=17, input_names=["obs"], output_names=["action"])


# --- random graphs ------------------------------------------------------------------------------
class Graph:
    """Tensors by name and shape; a node at a time."""

    def __init__(self, opset):
        self.opset, self.nodes, self.weights, self.pool = opset, [], [], []
        self.count = 0

    def name(self):
        self.count += 1
        return f"t{self.count}"

    def weight(self, array):
        name = self.name()
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def reals(self, shape):
        return self.weight(np.random.uniform(-1, 1, shape).astype(np.float32))

    def ints(self, *values):
        return self.weight(np.array(values, np.int64))

    def node(self, op, inputs, outputs=1, **attributes):
        names = [self.name() for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=f"n{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def axes(self, op, x, axes, since, **attributes):
        if self.opset >= since:
            return self.node(op, [x, self.ints(*axes)], **attributes)
        return self.node(op, [x], axes=list(axes), **attributes)


def broadcastable(shape):
    """A shape that broadcasts with it, without making it larger."""
    cut = list(shape[random.randint(0, len(shape)):])
    return [1 if random.random() < 0.3 else d for d in cut]


def op_binary(g, x, s):
    op = random.choice(["Add", "Sub", "Mul", "Div"])
    y = g.reals(broadcastable(s))
    if op == "Div":
        y = g.node("Add", [g.node("Mul", [y, y]), g.weight(np.float32(1))])
    return (g.node(op, [x, y]) if op == "Div" or random.random() < 0.5
            else g.node(op, [y, x])), s


def op_join(g, x, s):
    y, t = random.choice(g.pool)
    if s == t:
        return g.node(random.choice(["Add", "Sub", "Mul"]), [x, y]), s
    return op_binary(g, x, s)


def op_unary(g, x, s):
    op = random.choice(["Relu", "LeakyRelu", "Elu", "Tanh", "Sigmoid", "Neg", "Erf", "Identity"])
    more = {"alpha": random.choice([0.1, 0.5, 1.5])} if op in ("LeakyRelu", "Elu") else {}
    return g.node(op, [x], **more), s


def op_exp(g, x, s):
    return g.node("Exp", [g.node("Tanh", [x])]), s


def op_root(g, x, s):
    y = g.node("Add", [g.node("Pow", [x, g.weight(np.float32(2))]), g.weight(np.float32(0.5))])
    if random.random() < 0.3:
        return g.node("Pow", [g.node("Sigmoid", [y]), g.weight(np.float32(1.5))]), s
    return g.node(random.choice(["Sqrt", "Log"]), [y]), s


def op_clip(g, x, s):
    if g.opset < 11:
        return g.node("Clip", [x], min=-0.5, max=0.75), s
    low = "" if random.random() < 0.3 else g.weight(np.float32(-0.5))
    return g.node("Clip", [x, low, g.weight(np.float32(0.75))]), s


def op_softmax(g, x, s):
    return (g.node("Softmax", [x], axis=random.randrange(len(s))) if random.random() < 0.7
            else g.node("Softmax", [x])) if len(s) > 1 else g.node("Softmax", [x], axis=0), s


def op_gemm(g, x, s):
    if len(s) != 2:
        return op_matmul(g, x, s)
    turn_a, turn_b = random.randint(0, 1), random.randint(0, 1)
    m, k = (s[1], s[0]) if turn_a else s
    n = random.randint(1, 19)
    inputs = [x, g.reals((n, k) if turn_b else (k, n))]
    if random.random() < 0.8 or g.opset < 11:
        inputs.append(g.reals(random.choice([(n,), (1, n), (m, n), (m, 1), (1,)])))
    return g.node("Gemm", inputs, transA=turn_a, transB=turn_b, alpha=random.choice([1.0, 0.5]),
                  beta=random.choice([1.0, 0.25])), [m, n]


def op_matmul(g, x, s):
    n = random.randint(1, 19)
    if len(s) == 1:
        return g.node("MatMul", [x, g.reals((s[0], n))]), [n]
    if len(s) == 3 and random.random() < 0.5:
        return g.node("MatMul", [x, g.reals((random.choice([1, s[0]]), s[2], n))]), [s[0], s[1], n]
    if len(s) == 2 and random.random() < 0.3:
        return g.node("MatMul", [g.reals((n, s[0])), x]), [n, s[1]]
    return g.node("MatMul", [x, g.reals((s[-1], n))]), [*s[:-1], n]


def op_reduce(g, x, s):
    op, since = random.choice([("ReduceMean", 18), ("ReduceSum", 13)])
    axes = sorted(random.sample(range(len(s)), random.randint(1, len(s))))
    keep = random.randint(0, 1)
    y = g.axes(op, x, [a - len(s) if random.random() < 0.3 and g.opset >= 11 else a for a in axes],
               since, keepdims=keep)
    return y, [1 if i in axes else d for i, d in enumerate(s) if keep or i not in axes]


def op_norm(g, x, s):
    if g.opset < 17:
        return op_unary(g, x, s)
    axis = random.randrange(len(s))
    return g.node("LayerNormalization", [x, g.reals(s[axis:]), g.reals(s[axis:])], axis=axis,
                  epsilon=1e-3), s


def op_shape(g, x, s):
    size = int(np.prod(s))
    what = random.randrange(4)
    if what == 0:
        axis = random.randint(0, len(s))
        a = int(np.prod(s[:axis]))
        return g.node("Flatten", [x], axis=axis), [a, size // a]
    if what == 1:
        first = random.choice([d for d in range(1, size + 1) if size % d == 0])
        return g.node("Reshape", [x, g.ints(first, -1)]), [first, size // first]
    if what == 2 and len(s) < 4:
        axis = random.randint(0, len(s))
        return g.axes("Unsqueeze", x, [axis], 13), [*s[:axis], 1, *s[axis:]]
    ones = [i for i, d in enumerate(s) if d == 1]
    if not ones:
        return g.node("Identity", [x]), s
    return g.axes("Squeeze", x, ones[:1], 13), [d for i, d in enumerate(s) if i != ones[0]]


def op_shape_made(g, x, s):
    """What exporters make of sizes: Shape, Gather, ConstantOfShape, Cast, Expand."""
    shape = g.node("Shape", [x])
    ones = g.node("ConstantOfShape", [shape],
                  value=helper.make_tensor("v", TensorProto.FLOAT, [1], [0.5]))
    if random.random() < 0.5:
        first = g.node("Cast", [g.node("Gather", [shape, g.weight(np.int64(0))], axis=0)],
                       to=TensorProto.FLOAT)
        ones = g.node("Div", [ones, first])
    more = g.node("Expand", [g.reals(broadcastable(s) or [1]), shape])
    return g.node("Add", [g.node("Mul", [x, ones]), more]), s


def op_move(g, x, s):
    what = random.randrange(3)
    if what == 0:
        perm = random.sample(range(len(s)), len(s))
        return g.node("Transpose", [x], perm=perm), [s[i] for i in perm]
    axis = random.randrange(len(s))
    if what == 1:
        index = [random.randrange(s[axis]) for _ in range(random.randint(1, 4))]
        return g.node("Gather", [x, g.ints(*index)], axis=axis), [*s[:axis], len(index), *s[axis + 1:]]
    other = list(s)
    other[axis] = random.randint(1, 3)
    y = g.reals(other)
    s = list(s)
    s[axis] += other[axis]
    return g.node("Concat", [x, y], axis=axis), s


def op_argmax(g, x, s):
    axis = random.randrange(len(s))
    # Numbers that would be equal but for the last bit are told apart: which is larger would be luck.
    y = g.node("ArgMax", [g.node("Add", [x, g.reals(s)])], axis=axis, keepdims=1)
    one = [1 if i == axis else d for i, d in enumerate(s)]
    back = g.node("Mul", [g.node("Cast", [y], to=TensorProto.FLOAT),
                          g.node("Constant", [], value=helper.make_tensor(
                              "v", TensorProto.FLOAT, [1], [0.1]))])
    return back, one


def op_gru(g, x, s):
    if len(s) != 3:
        return op_unary(g, x, s)
    way = random.choice(["forward", "reverse", "bidirectional"])
    d, n = 2 if way == "bidirectional" else 1, random.randint(1, 9)
    inputs = [x, g.reals((d, 3 * n, s[2])), g.reals((d, 3 * n, n))]
    if random.random() < 0.7:
        inputs.append(g.reals((d, 6 * n)))
    if random.random() < 0.5:
        inputs += [""] * (5 - len(inputs)) + [g.reals((d, s[1], n))]
    y, last = g.node("GRU", inputs, 2, hidden_size=n, direction=way,
                     linear_before_reset=random.randint(0, 1))
    return (y, [s[0], d, s[1], n]) if random.random() < 0.5 else (last, [d, s[1], n])


OPS = [op_binary, op_join, op_unary, op_exp, op_root, op_clip, op_softmax, op_gemm, op_matmul,
       op_reduce, op_norm, op_shape, op_shape_made, op_move, op_argmax, op_gru]


def random_graph(opset):
    g = Graph(opset)
    inputs = []
    for _ in range(random.randint(1, 2)):
        shape = [random.randint(1, 6) for _ in range(random.randint(1, 3))]
        inputs.append((g.name(), shape))
    g.pool = list(inputs)
    for _ in range(random.randint(3, 14)):
        x, s = random.choice(g.pool[-3:])
        y, t = random.choice(OPS)(g, x, list(s))
        if 0 < len(t) <= 4 and np.prod(t) <= 200:
            g.pool.append((y, list(t)))
        elif len(t) == 0:
            g.pool.append((g.node("Reshape", [y, g.ints(1)]), [1]))
    # Sums to be told apart, and within what float can tell.
    outputs = [(g.node("Tanh", [y]), s) for y, s in [g.pool[-1], random.choice(g.pool)]]

    def info(pairs):
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in pairs]

    model = helper.make_model(helper.make_graph(g.nodes, "random", info(inputs), info(outputs),
                                                g.weights),
                              opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8 if opset >= 15 else 7
    return model, sum(int(np.prod(s)) for _, s in inputs)


def write_graphs(folder, count):
    for i in range(count):
        model, numbers = random_graph(9 + i % 10)
        path = folder / f"graph-{i:03}.onnx"
        path.write_bytes(model.SerializeToString())
        write_rows(path, numbers)


def write_rows(path, numbers):
    rows = np.random.uniform(-2, 2, (ROWS, numbers)).astype(np.float32)
    lines = [",".join(f"{x:.9g}" for x in row) for row in rows]
    path.with_suffix(".csv").write_text("\n".join(lines) + "\n")


def main():
    folder, seed, graphs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    if graphs == 0:
        export_bench(folder)
        return
    write_graphs(folder, graphs)
    export_actors(folder)


if __name__ == "__main__":
    main()
