"""What counts as right: a folder for each chapter, a module for each exercise.

A chapter's package lists its exercises; both lists are in the order of the book."""

CHAPTERS = (
    "expectation",
    "conventions",
    "energy",
    "backward",
    "quantization",
    "ensembles",
    "noise",
    "practice",
    "judging",
)
