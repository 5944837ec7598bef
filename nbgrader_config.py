"""nbgrader's settings; its commands read them when run in this folder."""

import os
from pathlib import Path

from autograder.course.settings import configure

c = get_config()  # noqa: F821

# ---- Where students read the book, for the links in verdicts: its address on the web, as
# "https://example.org/dropout". Without one, verdicts name the page.
os.environ.setdefault("DROPOUT_BOOK", "")

# ---- All else; set below what is to be otherwise.
configure(c, Path(__file__).resolve().parent)
