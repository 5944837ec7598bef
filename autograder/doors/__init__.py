"""The ways to the grader: notebooks, pytest, a folder of files, nbgrader."""
