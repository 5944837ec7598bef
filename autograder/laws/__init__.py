"""Exact tests, their power and sample sizes; imports nothing of ours."""
