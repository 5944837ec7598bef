"""Gaussian, weight and channel noise, and a keep probability that grows."""

#: In the order of the notebook.
EXERCISES = (
    "gaussian_dropout",
    "dropconnect_forward",
    "spatial_dropout",
    "annealed_keep_prob",
)
