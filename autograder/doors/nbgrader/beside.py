"""What lies beside a student's notebook stays there."""

from collections.abc import Collection
from typing import Any

from nbgrader.converters import base


def keep_to_notebooks(converter: Any) -> None:
    """Have nbgrader copy no file but the notebook. No exercise asks for another.

    nbgrader copies all of them, follows links, opens pipes, and ends at the depth of
    Python's stack; and formgrader shows what was copied, scripts too, with the rights of
    whoever grades."""

    def none(source: str, exclude: Collection[str] | None = None) -> list[str]:
        converter.log.info("Files beside the notebook are not copied: %s", source)
        return []

    base.find_all_files = none
