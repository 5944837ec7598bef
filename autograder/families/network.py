"""A network with one dropped layer: its loss and gradients, on any mask and every mask.

The student draws the mask, so the judge cannot know it. On two rows of four hidden units
there are only 256, and the answer must be that of one of them; where it is not, variants
of the calculation say what went wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.contract import facts
from autograder.contract.mistakes import Mistakes, at
from autograder.contract.student import StudentFunction
from autograder.contract.trial import CheckFailure, Trial, usual
from autograder.families import backward_pass, elementwise, kinds
from autograder.families.corners import of_all_digits
from autograder.families.ensemble import every_mask, log_softmax
from autograder.families.rivals import first

Arrays = dict[str, np.ndarray]

PARTS = ("loss", "W1", "b1", "W2", "b2")


class Wrong(Mistakes, section="back-derivation"):
    sums_over_rows = """you add up the rows; the loss is the mean over rows, so divide
        it, and the gradient, by their number."""
    divides_by_rows_twice = """you divide by the number of rows twice; when the gradient
        of the logits is divided already, weights and biases take sums over rows."""
    lacks_the_relu_gate = """your gradient passes through hidden units that the ReLU set
        to 0."""
    softmax_overflows = """the exponentials of a row's logits overflow, or all round to
        0; subtract the row's own largest logit first, for the softmax and for the
        logarithm of the sum."""
    one_maximum_for_all_rows = """you subtract one number from the logits of all rows,
        and in rows far below it every exponential rounds to 0; subtract each row's own
        largest logit."""
    clips_the_loss = """either a probability too small for a float became 0, or was kept
        from it, before you took its logarithm, or large logits are cut off; compute the
        log-probability from the logits."""
    never_drops = "loss and gradients are those of the network without dropout."
    loss_without_dropout = at(
        "back-same-mask",
        "the loss is that of the network without dropout; it belongs to the dropped "
        "forward pass, as the gradients do.",
    )
    network_forgets_to_rescale = at(
        "conv-definitions",
        "kept hidden units are not divided by keep_prob; the network uses inverted "
        "dropout.",
    )
    loss_of_another_mask = at(
        "back-same-mask",
        "the loss belongs to one mask and the gradients to another; run the forward "
        "pass once, and use its mask for both.",
    )
    undropped_layer_for_the_second_weights = """your gradient of W2 uses the hidden
        layer before dropout; W2 was multiplied with the dropped one."""
    drops_the_input = at(
        "back-mistakes",
        "you drop units of the input x; only the hidden layer is dropped.",
    )
    names_gradients_otherwise = """a gradient is missing, or stands under another name;
        grads has the same keys as params."""
    flips_the_sign = """your gradients point downhill: they are the steps to take;
        return the gradients themselves."""
    loses_digits_in_large_logits = """what is right with small logits is not quite with
        large ones: either probabilities are cut off on the way to the gradient, or digits
        are lost, in float32 for example."""
    flips_the_sign_of_the_loss = """the loss is the mean log-probability of the labels;
        it lacks the minus."""
    takes_another_logarithm = "the loss has the logarithm of another base than e."
    averages_over_classes = """you divide by the number of classes as well; the loss is
        the mean over rows."""
    forgets_the_relu = "your hidden layer is linear: it lacks the ReLU."
    forgets_a_bias = "your network leaves out a bias, b1 or b2."
    computes_another_loss = """the loss is not that of the statement even where nothing
        is dropped: either the forward pass is another (an activation, a bias), or the
        loss is (a penalty, a mean over something else, another logarithm)."""
    backpropagation_is_wrong_without_dropout = at(
        "back-gradcheck",
        "a gradient is wrong even where nothing is dropped; compare it with finite "
        "differences at keep_prob = 1 first.",
    )
    no_single_mask_explains_it = at(
        "back-same-mask",
        "either loss and gradients use different masks or scales, or a scale is "
        "not 1 / keep_prob, or dropout acts on another layer than the hidden one.",
    )
    changes_parameters = at(
        "back-mistakes",
        "your function changes the parameters that it was given; it returns "
        "gradients, and an optimiser makes the step.",
    )


def parameters(trial: Trial, d: int, h: int, c: int) -> Arrays:
    """Return random parameters; hidden units are active for about half of the inputs."""
    rng = trial.rng
    return {
        "W1": rng.normal(0, 1 / np.sqrt(d), (d, h)),
        "b1": rng.normal(0, 0.3, h),
        "W2": rng.normal(0, 1.5 / np.sqrt(h), (h, c)),
        "b2": rng.normal(0, 0.5, c),
    }


def reference(
    params: Arrays,
    x: np.ndarray,
    y: np.ndarray,
    multiplier: np.ndarray,
    back: np.ndarray | None = None,
    gate: bool = True,
    relu: bool = True,
    input_multiplier: np.ndarray | None = None,
    saved: np.ndarray | None = None,
) -> Arrays:
    """Return the loss and the gradients when hidden units are multiplied as given.

    ``multiplier`` is (..., N, H), and results have its leading axes. ``back`` multiplies
    in the backward pass (the same by default), ``gate`` is the ReLU's derivative,
    ``relu`` the ReLU itself, ``input_multiplier`` (..., N, D) multiplies x, and ``saved``
    multiplies the hidden units for the gradient of W2: variants that explain mistakes."""
    back = multiplier if back is None else back
    params = {name: value.astype(float) for name, value in params.items()}
    inputs = x if input_multiplier is None else x * input_multiplier
    z = inputs @ params["W1"] + params["b1"]
    active = np.maximum(z, 0) if relu else z
    hidden = active * multiplier
    log_probabilities = log_softmax(hidden @ params["W2"] + params["b2"])
    rows = np.arange(len(y))
    g = np.exp(log_probabilities)
    g[..., rows, y] -= 1
    g /= len(y)
    dz = g @ params["W2"].T * back * ((z > 0) if gate else 1)
    return {
        "loss": -log_probabilities[..., rows, y].mean(axis=-1),
        "W1": np.swapaxes(inputs, -1, -2) @ dz,
        "b1": dz.sum(axis=-2),
        "W2": np.swapaxes(hidden if saved is None else active * saved, -1, -2) @ g,
        "b2": g.sum(axis=-2),
    }


def loss_and_gradients(result: Any, params: Arrays, call: str) -> Arrays:
    """Return the loss and the four gradients by name, or raise ``CheckFailure``."""
    loss, grads = facts.pair(result, call, "(loss, grads)")
    if not isinstance(grads, dict):
        raise CheckFailure(
            f"{call}: grads is {facts.describe(grads)}; expected a dict.",
            facts.Wrong.returns_another_kind,
        )
    if missing := [name for name in params if name not in grads]:
        found = ", ".join(list(map(str, grads))[:8]) or "nothing"
        raise CheckFailure(
            f"{call}: grads lacks {', '.join(missing)}; it holds {found}.",
            Wrong.names_gradients_otherwise,
        )
    return {"loss": np.asarray(facts.number(loss, call, "loss"))} | {
        name: facts.float_array(grads[name], value.shape, call, f"grads[{name!r}]")
        for name, value in params.items()
    }


@dataclass(frozen=True)
class Batch:
    """Parameters, inputs, labels and a keep probability, and a call on them."""

    params: Arrays
    x: np.ndarray
    y: np.ndarray
    keep_prob: float

    @classmethod
    def random(
        cls, trial: Trial, n: int, d: int, h: int, c: int, keep_prob: float
    ) -> "Batch":
        """Return a random batch of n rows."""
        params, x = parameters(trial, d, h, c), trial.inputs(n, d)
        return cls(params, x, trial.rng.integers(c, size=n), keep_prob)

    @classmethod
    def readable(
        cls, trial: Trial, rows: int, units: int, keep_prob: float, bias: bool = True
    ) -> "Batch":
        """Return a batch whose mask (rows, units) is where the gradient of W1 is not 0;
        without ``bias`` b1 and b2 are 0.

        Row i of x is non-zero in place i alone, so row i of the gradient belongs to it;
        with positive weights every hidden unit is active. Logits stay moderate."""
        params = parameters(trial, rows, units, 3)
        params |= {"W1": np.abs(params["W1"]), "b1": np.abs(params["b1"]) + 0.1}
        params["W2"] *= keep_prob
        if not bias:
            params |= {name: np.zeros_like(params[name]) for name in ("b1", "b2")}
        x = np.diag(trial.rng.uniform(0.5, 2, rows))
        return cls(params, x, trial.rng.integers(3, size=rows), keep_prob)

    def moderate(self) -> "Batch":
        """Return the batch with weights so small that no probability is tiny: what cuts
        those off is judged by the check of large logits, always and alone."""
        hidden = np.maximum(self.x @ self.params["W1"] + self.params["b1"], 0)
        largest = np.abs(hidden @ self.params["W2"]).max()
        weights = self.params["W2"] * min(1.0, 4 / max(largest, 1.0))
        return replace(self, params={**self.params, "W2": weights})

    @property
    def call(self) -> str:
        """The call as it is shown in messages."""
        shape = f"x of shape {self.x.shape}"
        return f"dropout_mlp_gradients(params, {shape}, y, {self.keep_prob}, rng)"

    @property
    def given(self) -> tuple[Arrays, np.ndarray, np.ndarray, float]:
        return self.params, self.x, self.y, self.keep_prob

    def run(self, function: StudentFunction, rng: np.random.Generator) -> Arrays:
        """Return what the student's function finds. Raises ``CheckFailure``."""
        return loss_and_gradients(function(*self.given, rng), self.params, self.call)

    def mask(self, function: StudentFunction, rng: np.random.Generator) -> np.ndarray:
        """Return the mask of one call on a readable batch, True where kept."""
        mask: np.ndarray = self.run(function, rng)["W1"] != 0
        return mask

    def masks(
        self, function: StudentFunction, rng: np.random.Generator, calls: int
    ) -> list[np.ndarray]:
        """Return the masks of so many calls on a readable batch."""
        results = function.each([(*self.given, rng)] * calls)
        read = (loss_and_gradients(r, self.params, self.call) for r in results)
        return [found["W1"] != 0 for found in read]

    def expected(self, multiplier: Any, **variant: Any) -> Arrays:
        """Return the loss and gradients of ``reference`` on this batch."""
        return reference(self.params, self.x, self.y, multiplier, **variant)

    @property
    def slack(self) -> dict[str, float]:
        """How far off rounding may leave each part where logits are moderate.

        A gradient's entry is a sum over rows or classes. Where its terms cancel by
        chance, float32 on the way leaves few digits of it: the terms' size counts, which
        is that of one row's."""
        hidden = np.maximum(self.x @ self.params["W1"] + self.params["b1"], 0)
        x, weights = np.abs(self.x).max(), np.abs(self.params["W2"]).max()
        back = float(weights / self.keep_prob)
        sizes = {"loss": 1.0, "W1": float(x) * back, "b1": back, "b2": 1.0}
        sizes["W2"] = float(hidden.max() / self.keep_prob)
        return {name: 1e-9 + 1e-6 * size for name, size in sizes.items()}


def differing(
    found: Arrays, expected: Arrays, slack: dict[str, float]
) -> Iterator[tuple[str, str]]:
    """Yield each part that is wrong and what messages say of it."""
    for name in PARTS:
        if not facts.close(found[name], expected[name], atol=slack[name]):
            what = "loss" if name == "loss" else f"grads[{name!r}]"
            yield name, f"{what} is wrong; {facts.worst(found[name], expected[name])}."


def plain_mistake(batch: Batch, found: Arrays, expected: Arrays) -> str:
    """Return what is behind wrong results at keep_prob = 1."""
    rows, classes = len(batch.y), len(batch.params["b2"])
    wrong = [name for name in PARTS if not facts.close(found[name], expected[name])]

    def same(parts: list[str], other: Arrays, factor: float = 1) -> bool:
        return all(facts.close(found[part], factor * other[part]) for part in parts)

    def without(bias: str) -> Arrays:
        params = {**batch.params, bias: 0 * batch.params[bias]}
        return replace(batch, params=params).expected(1.0)

    whole, linear = [*PARTS], batch.expected(1.0, relu=False, gate=False)
    nothing, base = batch.expected(0.0), (np.log(2), np.log(10))
    shown = {
        Wrong.sums_over_rows: same(wrong, expected, rows),
        Wrong.divides_by_rows_twice: same(wrong, expected, 1 / rows),
        Wrong.averages_over_classes: same(wrong, expected, 1 / classes),
        Wrong.lacks_the_relu_gate: same(whole, batch.expected(1.0, gate=False)),
        Wrong.forgets_the_relu: same(whole, linear),
        Wrong.forgets_a_bias: any(same(whole, without(b)) for b in ("b1", "b2")),
        elementwise.Wrong.takes_one_for_a_drop_probability: same(whole, nothing),
        Wrong.takes_another_logarithm: any(same(wrong, expected, 1 / b) for b in base),
        Wrong.flips_the_sign_of_the_loss: "loss" in wrong and same(wrong, expected, -1),
        Wrong.flips_the_sign: same(wrong, expected, -1),
        Wrong.computes_another_loss: "loss" in wrong,
    }
    return first(True, shown) or Wrong.backpropagation_is_wrong_without_dropout


def holds_nan(result: Any) -> bool:
    """Return whether NaN stands anywhere in the gradients of the returned tuple."""
    _, grads = result if isinstance(result, tuple) and len(result) == 2 else (0, {})
    values = grads.values() if isinstance(grads, dict) else ()
    arrays = [np.asarray(v) for v in values if isinstance(v, float | np.ndarray)]
    return any(a.dtype.kind == "f" and bool(np.isnan(a).any()) for a in arrays)


def fitting(
    found: Arrays, candidates: Arrays, slack: dict[str, float]
) -> dict[str, np.ndarray]:
    """Return, by part, which of the candidates equal what was found, as ``differing``
    has it."""
    fits: Arrays = {}
    for name in PARTS:
        value = candidates[name].reshape(-1, found[name].size)
        equal = np.isclose(found[name].reshape(-1), value, 1e-5, slack[name])
        fits[name] = np.all(equal, axis=1)
    return fits


def together(fits: dict[str, np.ndarray], parts: tuple[str, ...] = PARTS) -> np.ndarray:
    """Return which candidates fit all of these parts at once; a part with one value
    stands for every candidate."""
    result = np.ones(1, dtype=bool)
    for name in parts:
        result = result & fits[name]
    return result


def explanations_of(
    batch: Batch, found: Arrays, kept: np.ndarray, scales: dict[str, np.ndarray]
) -> dict[str, bool]:
    """Return whether each mistake explains results which no mask does; the most
    particular first: a mask drawn anew may happen to keep all. ``scales`` holds wrong
    factors of the masks."""
    scaled, one, p = kept / batch.keep_prob, np.ones((1, 1, 1)), batch.keep_prob
    passes, slack = backward_pass.Wrong, batch.slack

    def explains(
        multiplier: np.ndarray, parts: tuple[str, ...] = PARTS, **variant: Any
    ) -> bool:
        fits = fitting(found, batch.expected(multiplier, **variant), slack)
        return bool(together(fits, parts).any())

    fits = fitting(found, batch.expected(scaled), slack)
    forward = together(fits, ("loss", "W2", "b2"))
    if forward.any():
        mask = scaled[forward][:1]
        backs = {
            passes.drops_in_the_forward_pass_only: np.concatenate([one, one / p]),
            passes.backward_lacks_the_scale: (mask != 0).astype(float),
            passes.backward_scales_twice: mask / p,
            passes.another_mask_in_the_backward_pass: scaled,
        }
        return {name: explains(mask, back=back) for name, back in backs.items()}
    gradients = explains(scaled, PARTS[1:])
    shown = {
        Wrong.never_drops: explains(one),
        Wrong.network_forgets_to_rescale: explains(kept),
        **{name: explains(kept * scale) for name, scale in scales.items()},
        Wrong.loss_without_dropout: gradients and explains(one, ("loss",)),
        Wrong.loss_of_another_mask: gradients and explains(scaled, ("loss",)),
        Wrong.undropped_layer_for_the_second_weights: explains(scaled, saved=one),
        passes.drops_in_the_backward_pass_only: explains(one, back=scaled),
    }
    inputs = every_mask(*batch.x.shape)[:, None] / p
    each = [explains(h, input_multiplier=inputs) for h in (one, scaled)]
    return shown | {Wrong.drops_the_input: any(each)}


def tall(rng: np.random.Generator, number: int) -> Batch:
    """Return a batch of about so many hidden units in all its rows, which are many. All
    are active and logits moderate: each mask has gradients of its own."""
    (h, n), c = sorted(kinds.sides(rng, number, 2)), int(rng.integers(2, 6))
    d = int(rng.integers(1, 6))
    (keep_prob,) = of_all_digits(rng, [rng.uniform(0.1, 0.9)])
    params = {
        "W1": rng.uniform(0.1, 1, (d, h)),
        "b1": rng.uniform(0.1, 1, h),
        "W2": rng.uniform(-0.02, 0.02, (h, c)) / np.sqrt(h),
        "b2": rng.uniform(-1, 1, c),
    }
    return Batch(params, np.abs(usual(rng, (n, d))), rng.integers(c, size=n), keep_prob)


def hidden_mask(
    function: StudentFunction,
    trial: Trial,
    rows: int,
    units: int,
    keep_prob: float,
    rng: np.random.Generator,
    bias: bool = True,
) -> np.ndarray:
    """Return the mask (rows, units) of one call, True where kept; see ``Batch.readable``."""
    return Batch.readable(trial, rows, units, keep_prob, bias).mask(function, rng)
