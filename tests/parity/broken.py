#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Write files that must be refused, each NAME.onnx with what must be said in NAME.txt, and those
# with weights in a file of their own. Usage: broken.py FOLDER
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def model(nodes, weights=(), shape=(1, 4), opset=13, outputs=("y",), kind=FLOAT):
    graph = helper.make_graph(
        nodes, "broken", [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs], list(weights))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 7
    return made


def node(op, inputs=("x",), outputs=("y",), **attributes):
    return helper.make_node(op, list(inputs), list(outputs), name=f"the-{op.lower()}", **attributes)


def array(name, *shape):
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def ints(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def tensor(name, data_type, dims, **fields):
    made = TensorProto(name=name, data_type=data_type, dims=dims)
    for key, value in fields.items():
        if isinstance(value, list):
            getattr(made, key).extend(value)
        else:
            setattr(made, key, value)
    return made


def cases():
    gemm = node("Gemm", ["x", "w"])
    yield "circle", "node the-add (Add): needs what it makes itself", model(
        [node("Add", ["x", "z"]), node("Relu", ["y"], ["z"])])
    yield "operator", "node the-conv (Conv): an operator that is not known", model(
        [node("Conv", ["x", "w"])], [array("w", 4, 4)])
    yield "domain", "node the-gemm (Gemm): an operator of domain com.corp that is not known", model(
        [node("Gemm", ["x", "w"], domain="com.corp")], [array("w", 4, 4)])
    yield "attribute", "node the-gemm (Gemm): attribute broadcast is not known", model(
        [node("Gemm", ["x", "w"], broadcast=1)], [array("w", 4, 4)])
    yield "attribute-type", "node the-gemm (Gemm): attribute alpha is no number", model(
        [node("Gemm", ["x", "w"], alpha=[1.0])], [array("w", 4, 4)])
    yield "shapes", "node the-gemm (Gemm): matrices of [1, 4] and [5, 2] do not fit", model(
        [gemm], [array("w", 5, 2)])
    yield "bias", "node the-gemm (Gemm): input 2 of shape [3]", model(
        [node("Gemm", ["x", "w", "b"])], [array("w", 4, 2), array("b", 3)])
    yield "broadcast", "node the-add (Add): shapes [1, 4] and [3] do not fit", model(
        [node("Add", ["x", "w"])], [array("w", 3)])
    yield "short", "initialiser w has 12 bytes, expected 64", model(
        [gemm], [tensor("w", FLOAT, [4, 4], raw_data=bytes(12))])
    yield "short-typed", "initialiser w has 3 numbers, expected 16", model(
        [gemm], [tensor("w", FLOAT, [4, 4], float_data=[1.0, 2.0, 3.0])])
    yield "huge", "initialiser w has a shape of no use", model(
        [gemm], [tensor("w", FLOAT, [2 ** 40, 2 ** 40], raw_data=bytes(4))])
    yield "negative", "initialiser w has a shape of no use", model(
        [gemm], [tensor("w", FLOAT, [-4, 4], raw_data=bytes(64))])
    yield "huge-input", "input x has more than 4194304 numbers", model(
        [node("Relu")], shape=(4000, 4000))
    yield "huge-made", "node the-constantofshape (ConstantOfShape): its output has no shape", model(
        [node("ConstantOfShape", ["s"])], [ints("s", 2 ** 40)])
    yield "type", "initialiser w is of type 10, expected float", model(
        [gemm], [tensor("w", TensorProto.FLOAT16, [4, 4], raw_data=bytes(32))])
    yield "input-type", "input x is of type 8, expected a tensor of float", model(
        [node("Identity")], kind=TensorProto.STRING)
    yield "kinds", "node the-add (Add): inputs of float and int64", model(
        [node("Add", ["x", "w"])], [ints("w", 1)])
    yield "nan", "initialiser w holds what is no number", model(
        [gemm], [tensor("w", FLOAT, [4, 1], float_data=[1.0, float("nan"), 1.0, 1.0])])
    yield "missing", "node the-gemm (Gemm): its input w is made by no node", model([gemm])
    yield "output", "output z is made by no node", model([node("Relu")], outputs=("z",))
    yield "twice", "node the-tanh (Tanh): makes y, which is made already", model(
        [node("Relu"), node("Tanh")])
    yield "initialiser-twice", "initialiser w stands twice", model(
        [gemm], [array("w", 4, 4), array("w", 4, 4)])
    yield "opset-8", "is of operator set 8, expected 9 to 18", model([node("Relu")], opset=8)
    yield "opset-19", "is of operator set 19, expected 9 to 18", model([node("Relu")], opset=19)
    yield "opset-late", "expected since operator set 17, the file is of 13", model(
        [node("LayerNormalization", ["x", "w"])], [array("w", 4)])
    yield "reshape", "node the-reshape (Reshape): the shape it makes of [1, 4]", model(
        [node("Reshape", ["x", "s"])], [ints("s", 3, -1)])
    yield "reshape-late", "node the-reshape (Reshape): input 1 is no list of whole numbers", model(
        [node("Cast", ["x"], ["s"], to=TensorProto.INT64), node("Reshape", ["x", "s"])], shape=(2,))
    yield "axis", "node the-softmax (Softmax): axis 2, expected -2 to 1", model(
        [node("Softmax", axis=2)])
    yield "axes-twice", "node the-reducesum (ReduceSum): axis 1 stands twice", model(
        [node("ReduceSum", ["x", "s"])], [ints("s", 1, -1)])
    yield "squeeze", "node the-squeeze (Squeeze): axis 1 of 4 numbers", model(
        [node("Squeeze", ["x", "s"])], [ints("s", 1)])
    yield "perm", "node the-transpose (Transpose): attribute perm", model(
        [node("Transpose", perm=[0, 0])])
    yield "gather", "node the-gather (Gather): axis 4, expected -4 to 3", model(
        [node("Gather", ["x", "i"], axis=1)], [ints("i", 4)])
    yield "concat", "node the-concat (Concat): input 1 of float [2, 4] does not fit", model(
        [node("Concat", ["x", "w"], axis=1)], [array("w", 2, 4)])
    yield "clip", "node the-clip (Clip): its lower bound 1 lies above its upper bound -1", model(
        [node("Clip", min=1.0, max=-1.0)], opset=9)
    yield "divide", "node the-div (Div): whole numbers divided by 0", model(
        [node("Shape", ["x"], ["s"]), node("Div", ["s", "i"])], [ints("i", 1, 0)])
    yield "cast", "node the-cast (Cast): to type 10", model(
        [node("Cast", to=TensorProto.FLOAT16)])
    yield "gru", "node the-gru (GRU): activations other than Sigmoid, Tanh", model(
        [node("GRU", ["x", "w", "r"], activations=["Relu", "Tanh"], hidden_size=2)],
        [array("w", 1, 6, 4), array("r", 1, 6, 2)], shape=(1, 1, 4))
    yield "gru-shape", "node the-gru (GRU): input 2 of shape [1, 6, 3] does not fit", model(
        [node("GRU", ["x", "w", "r"], hidden_size=2)],
        [array("w", 1, 6, 4), array("r", 1, 6, 3)], shape=(1, 1, 4))
    yield "inputs", "node the-relu (Relu): 2 inputs and 1 outputs", model([node("Relu", ["x", "x"])])
    yield "work", "with it a run takes more than 67108864 multiplications", model(
        [
            node("Transpose", ["x"], ["t"], perm=[1, 0]), node("MatMul", ["t", "x"])],
        shape=(700, 700))
    graphless = model([node("Relu")])
    graphless.ClearField("graph")
    yield "graph", "has no graph", graphless


def external(location, offset=None, length=None):
    made = tensor("w", FLOAT, [2, 1], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            made.external_data.add(key=key, value=str(value))
    return model([node("Gemm", ["x", "w", "b"])], [made, array("b", 1)], shape=(1, 2))


def main():
    folder = Path(sys.argv[1])
    for name in ("broken", "external"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, said, made in cases():
        (folder / "broken" / f"{name}.onnx").write_bytes(made.SerializeToString())
        (folder / "broken" / f"{name}.txt").write_text(said + "\n")
    weights = np.array([9, 9, 3, 5], np.float32)
    (folder / "external" / "weights.data").write_bytes(weights.tobytes())
    for name, made in (("near", external("weights.data", 8, 8)), ("short", external("weights.data", 12)),
                       ("away", external("../external/weights.data", 8, 8)),
                       ("missing", external("none.data")), ("beyond", external("weights.data", -8, 8))):
        (folder / "external" / f"{name}.onnx").write_bytes(made.SerializeToString())
    # What no trainer's file shows: a NaN that reaches one number of an output only.
    (folder / "single").mkdir(exist_ok=True)
    for name, made in (("argmax", model([node("ArgMax", axis=1)])),
                       ("relu", model([node("Relu")])),
                       ("clip", model([node("Clip", min=-1.0, max=1.0)], opset=9)),
                       ("softmax", model([node("Softmax")])),
                       ("gather", model([node("ArgMax", ["x"], ["i"], axis=1),
                                         node("Gather", ["w", "i"])], [array("w", 4)])),
                       ("cast", model([node("ArgMax", ["x"], ["i"], axis=1),
                                       node("Add", ["i", "one"], ["j"]),
                                       node("Cast", ["j"], to=FLOAT)], [ints("one", 1)]))):
        (folder / "single" / f"{name}.onnx").write_bytes(made.SerializeToString())


if __name__ == "__main__":
    main()
