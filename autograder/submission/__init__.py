"""Reads what a student handed in."""
