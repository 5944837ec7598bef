"""What wrong answers of ``conventions`` share."""

from collections.abc import Callable

from tests.bank import fails


def masked(x, mask, keep_prob, training):
    """Return what a correct answer of ``inverted_dropout`` does with this mask."""
    return (x * mask / keep_prob if training else x), mask


def decorators(answer: Callable):
    """Return three relatives of ``@fails`` for mutants that are written as what they do
    wrong: the mask that they draw, what they make of a right mask in training, and what
    they return at test. In all else they do what is right, which is
    ``answer(x, mask, keep_prob, training)``."""

    def draw(x, keep_prob, rng):
        return rng.random(x.shape) < keep_prob

    def draws(mask_of):
        return lambda x, keep_prob, rng, training=True: answer(
            x, mask_of(x, keep_prob, rng), keep_prob, training
        )

    def scales(out_of):
        def dropout(x, keep_prob, rng, training=True):
            mask = draw(x, keep_prob, rng)
            if training:
                return out_of(x, mask, keep_prob), mask
            return answer(x, mask, keep_prob, False)

        return dropout

    def tests(out_of):
        def dropout(x, keep_prob, rng, training=True):
            mask = draw(x, keep_prob, rng)
            if training:
                return answer(x, mask, keep_prob, True)
            return out_of(x, keep_prob), mask

        return dropout

    def marking(kind):
        def with_marks(*said):
            def mark(part):
                whole = kind(part)
                whole.__doc__ = part.__doc__
                return fails(*said)(whole)

            return mark

        return with_marks

    return map(marking, (draws, scales, tests))
