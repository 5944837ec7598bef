"""The means of a dropped layer's members: over all masks, in one pass, by sampling."""

#: In the order of the notebook.
EXERCISES = (
    "ensemble_means",
    "weight_scaled_prediction",
    "mc_dropout_prediction",
    "probit_prediction",
)
