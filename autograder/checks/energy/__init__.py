"""The energy of a dropped layer, the variance that it leaves, and AlphaDropout."""

#: In the order of the notebook.
EXERCISES = (
    "expected_energy",
    "batchnorm_variance_ratio",
    "alpha_dropout",
)
