"""The project's tests grade with a secret of their own, and make none anywhere."""

import os

os.environ["DROPOUT_COURSE_SECRET"] = "the secret of the project's own tests"
