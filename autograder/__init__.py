"""Statistical grading of dropout exercises."""

__version__ = "1.0.0"
