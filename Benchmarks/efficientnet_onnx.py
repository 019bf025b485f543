"""EfficientNet-B0 … B7 as an ONNX model with random weights, for the engines that Nightread is measured against.

Batch norm is folded into the convolutions, as every engine does when it loads a model; swish is x · sigmoid(x).
"""
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RESOLUTION = dict(b0=224, b1=240, b2=260, b3=300, b4=380, b5=456, b6=528, b7=600)
SCALING = dict(b0=(1.0, 1.0), b1=(1.0, 1.1), b2=(1.1, 1.2), b3=(1.2, 1.4), b4=(1.4, 1.8), b5=(1.6, 2.2), b6=(1.8, 2.6), b7=(2.0, 3.1))
# expansion, channels, repeats, stride, kernel
STAGES = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]


class Graph:
    def __init__(self, seed):
        self.nodes, self.weights, self.count, self.random = [], [], 0, np.random.default_rng(seed)

    def add(self, kind, inputs, **attributes):
        self.count += 1
        name = f"v{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def weight(self, *shape):
        self.count += 1
        name = f"w{self.count}"
        fan = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        values = self.random.standard_normal(shape) * math.sqrt(1 / fan) * (1 if len(shape) > 1 else 0.01)
        self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def convolution(self, x, inputs, outputs, kernel=1, stride=1, groups=1):
        return self.add("Conv", [x, self.weight(outputs, inputs // groups, kernel, kernel), self.weight(outputs)],
                        kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4, group=groups)

    def swish(self, x):
        return self.add("Mul", [x, self.add("Sigmoid", [x])])


def build(variant, batch=1, classes=1000, seed=0):
    width, depth = SCALING[variant]

    def channels(count):
        scaled = count * width
        rounded = max(8, int(scaled + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * scaled else rounded

    graph, resolution = Graph(seed), RESOLUTION[variant]
    inputs = channels(32)
    x = graph.swish(graph.convolution("x", 3, inputs, 3, 2))
    for expansion, outputs, repeats, stride, kernel in STAGES:
        outputs = channels(outputs)
        for repeat in range(math.ceil(repeats * depth)):
            start, step, wide = x, stride if repeat == 0 else 1, inputs * expansion
            if expansion > 1:
                x = graph.swish(graph.convolution(x, inputs, wide))
            x = graph.swish(graph.convolution(x, wide, wide, kernel, step, wide))
            squeezed = graph.add("GlobalAveragePool", [x])
            squeezed = graph.swish(graph.convolution(squeezed, wide, max(1, inputs // 4)))
            scale = graph.add("Sigmoid", [graph.convolution(squeezed, max(1, inputs // 4), wide)])
            x = graph.convolution(graph.add("Mul", [x, scale]), wide, outputs)
            if step == 1 and inputs == outputs:
                x = graph.add("Add", [x, start])
            inputs = outputs
    head = channels(1280)
    x = graph.add("GlobalAveragePool", [graph.swish(graph.convolution(x, inputs, head))])
    x = graph.add("Gemm", [graph.add("Flatten", [x]), graph.weight(classes, head), graph.weight(classes)], transB=1)
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    described = helper.make_graph(graph.nodes, variant, [value("x", ["N", 3, resolution, resolution])], [value(x, ["N", classes])], graph.weights)
    return helper.make_model(described, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
