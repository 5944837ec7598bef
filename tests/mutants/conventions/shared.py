"""What wrong answers of ``conventions`` share."""


def masked(x, mask, keep_prob, training):
    """Return what a correct answer does with this mask."""
    return (x * mask / keep_prob if training else x), mask
