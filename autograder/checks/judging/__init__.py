"""Grade the graders: the student's test of inverted dropout, itself under test."""

#: In the order of the notebook.
EXERCISES = ("is_inverted_dropout",)
