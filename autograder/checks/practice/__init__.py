"""Masks that a whole sequence, or a whole example, has in common."""

#: In the order of the notebook.
EXERCISES = (
    "sequence_dropout",
    "stochastic_depth",
)
