"""Classic and inverted dropout, and the settings that make them train alike."""

#: In the order of the notebook.
EXERCISES = (
    "classic_dropout",
    "inverted_dropout",
    "classic_settings",
)
