"""Makes the students' notebooks from ``solutions/``."""
