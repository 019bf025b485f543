"""EfficientNet-B0 … B7, Lite0 … Lite4 and V2-S as an ONNX model with random weights, for the engines that Nightread is measured against.

Batch norm is folded into the convolutions, as every engine does when it loads a model; swish is x · sigmoid(x),
ReLU6 a Clip.
"""
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RESOLUTION = dict(b0=224, b1=240, b2=260, b3=300, b4=380, b5=456, b6=528, b7=600, lite0=224, lite1=240, lite2=260, lite3=280, lite4=300,
                  **{"v2-s": 384})
SCALING = dict(b0=(1.0, 1.0), b1=(1.0, 1.1), b2=(1.1, 1.2), b3=(1.2, 1.4), b4=(1.4, 1.8), b5=(1.6, 2.2), b6=(1.8, 2.6), b7=(2.0, 3.1))
# expansion, channels, repeats, stride, kernel
STAGES = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]
# The same of V2-S; its first stage is plain convolutions, the next two are fused.
V2_STAGES = [(1, 24, 2, 1, 3), (4, 48, 4, 2, 3), (4, 64, 4, 2, 3), (4, 128, 6, 2, 3), (6, 160, 9, 1, 3), (6, 256, 15, 2, 3)]
V2_FUSED = 3


class Graph:
    def __init__(self, seed, is_lite):
        self.is_lite, self.nodes, self.count, self.random = is_lite, [], 0, np.random.default_rng(seed)
        # ReLU6's limits.
        self.weights = [numpy_helper.from_array(np.float32(limit), name) for name, limit in (("zero", 0), ("six", 6))] if is_lite else []

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

    def activated(self, x):
        if not self.is_lite:
            return self.add("Mul", [x, self.add("Sigmoid", [x])])
        return self.add("Clip", [x, "zero", "six"])


def build(variant, batch=1, classes=1000, seed=0):
    is_lite, is_v2 = variant.startswith("lite"), variant.startswith("v2-")
    width, depth = (1.0, 1.0) if is_v2 else SCALING[variant.replace("lite", "b")]

    def channels(count):
        scaled = count * width
        rounded = max(8, int(scaled + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * scaled else rounded

    graph, resolution = Graph(seed, is_lite), RESOLUTION[variant]
    inputs = 24 if is_v2 else 32 if is_lite else channels(32)
    x = graph.activated(graph.convolution("x", 3, inputs, 3, 2))
    stages = V2_STAGES if is_v2 else STAGES
    for index, (expansion, outputs, repeats, stride, kernel) in enumerate(stages):
        outputs, is_end = channels(outputs), index in (0, len(stages) - 1)
        for repeat in range(repeats if is_lite and is_end else math.ceil(repeats * depth)):
            start, step, wide = x, stride if repeat == 0 else 1, inputs * expansion
            if is_v2 and index < V2_FUSED:
                x = graph.activated(graph.convolution(x, inputs, outputs if expansion == 1 else wide, kernel, step))
                if expansion > 1:
                    x = graph.convolution(x, wide, outputs)
            else:
                if expansion > 1:
                    x = graph.activated(graph.convolution(x, inputs, wide))
                x = graph.activated(graph.convolution(x, wide, wide, kernel, step, wide))
                if not is_lite:
                    squeezed = graph.add("GlobalAveragePool", [x])
                    squeezed = graph.activated(graph.convolution(squeezed, wide, max(1, inputs // 4)))
                    scale = graph.add("Sigmoid", [graph.convolution(squeezed, max(1, inputs // 4), wide)])
                    x = graph.add("Mul", [x, scale])
                x = graph.convolution(x, wide, outputs)
            if step == 1 and inputs == outputs:
                x = graph.add("Add", [x, start])
            inputs = outputs
    head = 1280 if is_lite else channels(1280)
    x = graph.add("GlobalAveragePool", [graph.activated(graph.convolution(x, inputs, head))])
    x = graph.add("Gemm", [graph.add("Flatten", [x]), graph.weight(classes, head), graph.weight(classes)], transB=1)
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    described = helper.make_graph(graph.nodes, variant, [value("x", ["N", 3, resolution, resolution])], [value(x, ["N", classes])], graph.weights)
    return helper.make_model(described, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
