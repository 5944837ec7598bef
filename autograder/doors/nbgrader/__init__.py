"""nbgrader's door: its commands, with our judge in place of the kernel."""
