"""Counts are whole numbers: of kept units, in each row, and of a byte's values."""

#: In the order of the notebook.
EXERCISES = (
    "kept_count_distribution",
    "exact_count_dropout",
    "fixed_count_dropout",
    "byte_dropout",
)
