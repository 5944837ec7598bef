"""The backward pass of dropout, a network that uses it, and the ridge that it equals."""

#: In the order of the notebook.
EXERCISES = (
    "inverted_dropout_backward",
    "classic_dropout_backward",
    "dropout_mlp_gradients",
    "dropout_ridge",
)
