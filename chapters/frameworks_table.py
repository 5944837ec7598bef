"""What the number in a dropout call means, framework by framework.

One row for each, with the rules that its documentation or source states, in its own
names. The page shows these rules, and runs them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Framework:
    """A library, a course or a paper, and its dropout.

    In ``call``, {} stands for the number, which ``argument`` names and which ``means``
    "keep" or "drop". ``kept`` is an expression: which of the uniform numbers ``u``
    keep their unit. ``inverted`` tells whether training divides by the keep probability
    (if not, the test pass multiplies by it). ``source`` is the address of what was
    read, or the key of a reference.
    """

    name: str
    call: str
    argument: str
    means: str
    kept: str
    inverted: bool
    source: str

    @property
    def keep(self) -> str:
        """The keep probability, as an expression in the framework's argument."""
        return self.argument if self.means == "keep" else f"(1 - {self.argument})"

    @property
    def train(self) -> str:
        """The training output for activations ``x`` and a mask ``m``."""
        return f"x * m / {self.keep}" if self.inverted else "x * m"

    @property
    def test(self) -> str:
        """The test output for activations ``x``."""
        return "x" if self.inverted else f"x * {self.keep}"


#: Name; call; argument; its meaning; which u are kept; inverted or classic; source.
_ROWS = """
This book; inverted_dropout(x, {}, rng); keep_prob; keep; u < keep_prob; inverted; conventions
Srivastava 2014; p = {}; p; keep; u < p; classic; srivastava2014dropout
Baldi and Sadowski; p = {}; p; keep; u < p; classic; baldi2014dropout
CS231n since 2018; p = {}; p; keep; u < p; inverted; cs231n
deeplearning.ai; keep_prob = {}; keep_prob; keep; u < keep_prob; inverted; https://community.deeplearning.ai/t/dropout-scaling-fix-division-by-keep-prob/6843
TensorFlow 1; nn.dropout(x, keep_prob={}); keep_prob; keep; floor(keep_prob + u) == 1; inverted; https://github.com/tensorflow/tensorflow/blob/r1.5/tensorflow/python/ops/nn_ops.py
MindSpore 1; nn.Dropout(keep_prob={}); keep_prob; keep; u < keep_prob; inverted; https://www.mindspore.cn/docs/en/r1.9/note/api_mapping/pytorch_diff/Dropout.html
Deeplearning4j; new Dropout({}); p; keep; u < p; inverted; https://github.com/deeplearning4j/deeplearning4j
CS231n before 2018; p = {}; p; drop; u >= p; inverted; cs231n
Dive into Deep Learning; dropout = {}; dropout; drop; u > dropout; inverted; zhang2023dive
Understanding Deep Learning; dropout probability {}; d; drop; u >= d; classic; prince2023understanding
Wager and colleagues; δ = {}; δ; drop; u >= δ; inverted; wager2013dropout
PyTorch; torch.nn.Dropout(p={}); p; drop; u < 1 - p; inverted; pytorchdropout
Keras; layers.Dropout(rate={}); rate; drop; u >= rate; inverted; kerasdropout
TensorFlow 2; nn.dropout(x, rate={}); rate; drop; u >= rate; inverted; https://www.tensorflow.org/api_docs/python/tf/nn/dropout
Flax; flax.linen.Dropout(rate={}); rate; drop; u < 1 - rate; inverted; https://github.com/google/flax/blob/main/flax/linen/stochastic.py
MLX; mlx.nn.Dropout(p={}); p; drop; u < 1 - p; inverted; https://github.com/ml-explore/mlx/blob/main/python/mlx/nn/layers/dropout.py
Flux; Flux.Dropout({}); p; drop; u > p; inverted; https://github.com/FluxML/Flux.jl/blob/master/src/layers/normalise.jl
ONNX; Dropout(x, ratio={}); ratio; drop; u >= ratio; inverted; https://onnx.ai/onnx/operators/onnx__Dropout
MindSpore 2; nn.Dropout(p={}); p; drop; u >= p; inverted; https://www.mindspore.cn/docs/zh-CN/r2.3/api_python/nn/mindspore.nn.Dropout.html
Paddle; paddle.nn.Dropout(p={}); p; drop; u >= p; inverted; https://paddlepaddle.org.cn/documentation/docs/en/api/paddle/nn/Dropout_en.html
Paddle in its other mode; Dropout(p={}, mode=…); p; drop; u >= p; classic; https://paddlepaddle.org.cn/documentation/docs/en/api/paddle/nn/Dropout_en.html
Caffe; dropout_ratio: {}; dropout_ratio; drop; u < 1 - dropout_ratio; inverted; https://github.com/BVLC/caffe/blob/master/src/caffe/layers/dropout_layer.cpp
MatConvNet; vl_nndropout(x, 'rate', {}); rate; drop; u >= rate; inverted; https://github.com/vlfeat/matconvnet/blob/master/matlab/vl_nndropout.m
Nielsen's network3.py; p_dropout={}; p_dropout; drop; u < 1 - p_dropout; classic; https://github.com/mnielsen/neural-networks-and-deep-learning/blob/master/src/network3.py
"""  # noqa: E501


def _framework(row: str) -> Framework:
    name, call, argument, means, kept, kind, source = row.split("; ")
    return Framework(name, call, argument, means, kept, kind == "inverted", source)


FRAMEWORKS = {f.name: f for f in map(_framework, _ROWS.strip().splitlines())}

#: Kernels with few random bits: the bits, and which u on the lattice k / 2**bits are
#: kept. Rate and keep are float32 in the kernels, the products are float64.
KERNELS = {
    "FlashAttention": (8, "floor(256 * u) <= floor(255 * keep)"),
    "Transformer Engine": (8, "floor(256 * u) >= floor(256 * rate)"),
    "TensorFlow, bfloat16 on CPU": (7, "u >= bfloat16(rate)"),
}
#: And one that was replaced: it refused a rate that is no whole number of 2**-bits.
PAST_KERNELS = {
    "Transformer Engine, 1st version": (8, "floor(256 * u) > 256 * rate"),
}


def keep_prob_from(framework: str, value: float) -> float:
    """Return the keep probability that a framework means by ``value``.

    The result is in (0, 1]. Raises ``KeyError`` for a framework that is not in
    ``FRAMEWORKS``, and ``ValueError`` for a number that keeps nothing or is no
    probability.
    """
    if framework not in FRAMEWORKS:
        raise KeyError(f"{framework!r} is none of: {', '.join(FRAMEWORKS)}")
    keep_prob = value if FRAMEWORKS[framework].means == "keep" else 1 - value
    if not 0 < keep_prob <= 1:
        raise ValueError(f"{framework} cannot be given {value}")
    return keep_prob


def number_for(framework: str, keep_prob: float) -> float:
    """Return what to write in a framework to keep with probability ``keep_prob``.

    Raises ``KeyError`` and ``ValueError`` as ``keep_prob_from`` does."""
    if not 0 < keep_prob <= 1:
        raise ValueError(f"keep_prob is in (0, 1], not {keep_prob}")
    if framework not in FRAMEWORKS:
        raise KeyError(f"{framework!r} is none of: {', '.join(FRAMEWORKS)}")
    return keep_prob if FRAMEWORKS[framework].means == "keep" else 1 - keep_prob


def run_rule(
    framework: str, value: float, x: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mask, training output and test output, all of the shape of ``x``.

    ``u`` are uniform numbers in [0, 1) of that shape. The rules are the strings of the
    table; ``keep_prob_from`` plays no part in it."""
    row = FRAMEWORKS[framework]
    names: dict[str, Any] = {row.argument: value, "x": x, "u": u}
    names["m"] = _evaluate(row.kept, names)
    return names["m"], _evaluate(row.train, names), _evaluate(row.test, names)


def effective_keep_prob(kernel: str, rate: float) -> float:
    """Return the probability with which a kernel of ``KERNELS`` or ``PAST_KERNELS`` keeps a
    unit.

    It is exact: the rule is asked about every point of the lattice. ``rate`` is the drop
    rate. The result is NaN if the kernel refuses it. Raises ``KeyError`` for other
    kernels.
    """
    bits, kept = (KERNELS | PAST_KERNELS)[kernel]
    drop = np.float32(rate)
    if kernel in PAST_KERNELS and float(drop) * 2**bits % 1:
        return float("nan")
    lattice = np.arange(2**bits) / 2**bits
    names = {"u": lattice, "rate": float(drop), "keep": float(np.float32(1) - drop)}
    return float(np.mean(_evaluate(kept, names)))


def bfloat16(x: np.ndarray | float) -> np.ndarray:
    """Return numbers >= 0 rounded to bfloat16, as float32 of the shape of ``x``.

    bfloat16 has 16 bits, 8 of them significant; ties go to the even neighbour."""
    bits = np.asarray(x, dtype=np.float32).view(np.uint32)
    odd = (bits >> 16) & 1
    return ((bits + 0x7FFF + odd) & 0xFFFF0000).view(np.float32)


def table(keep_prob: float) -> str:
    """Return the dictionary as a MyST table; each call keeps with ``keep_prob``."""
    lines = ["| Where | Write | Number | Kept if |", "|---|---|---|---|"]
    for row in FRAMEWORKS.values():
        call = row.call.format(f"{number_for(row.name, keep_prob):.4g}")
        where = _link(row) if row.inverted else f"{_link(row)}, classic"
        lines.append(f"| {where} | `{call}` | **{row.means}s** | `{row.kept}` |")
    return "\n".join(lines)


def _link(row: Framework) -> str:
    if row.source.startswith("https:"):
        return f"[{row.name}]({row.source})"
    page = "conventions" if row.source == "conventions" else "references"
    return f"{{doc}}`{row.name} <{page}>`"


def _evaluate(expression: str, names: dict[str, Any]) -> np.ndarray:
    """Return the value of one of this module's own expressions."""
    known = {"floor": np.floor, "bfloat16": bfloat16, "__builtins__": {}}
    return eval(expression, known, names)
