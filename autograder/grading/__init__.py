"""Runs the checks of a submission and puts the verdict together."""
