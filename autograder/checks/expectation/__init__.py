"""The mask, and what it does to means, variances and sums: exactly, without simulation."""

#: In the order of the notebook.
EXERCISES = (
    "bernoulli_mask",
    "dropout_moments",
    "effective_count",
    "rescaled_sum_distribution",
)
