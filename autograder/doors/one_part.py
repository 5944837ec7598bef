"""Names from outside as parts of paths. A platform's name of a student may hold what leads to
another place; here it becomes one part, which is a file's or a folder's own name."""

import hashlib
import os
import re
import sys
from pathlib import Path

#: Bytes that a part may have, and those of a longer one that its short form repeats.
LONGEST, _KEPT = 255, 200
#: What a part cannot hold on some system: what ends it, controls, and a dot at its start,
#: which hides it, or is all of a way to another folder.
_UNFIT = r"^\.|[/\\\x00-\x1f\x7f-\x9f\u2028\u2029]"
if os.name == "nt":  # also streams and patterns, and what stands for devices
    _UNFIT += r'|[<>:"|?*]|^(?i:con|prn|aux|nul|com\d|lpt\d)(?=\s*(?:\.|$))'
_LEADS_ON = re.compile(_UNFIT)


def is_part(name: str) -> bool:
    """Whether a name is one part of a path as it is, if it is not too long."""
    return bool(name) and not _LEADS_ON.search(name) and is_encodable(name)


def is_encodable(name: str) -> bool:
    """Whether the system's names of files can hold it: those of an old setting are ASCII."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def wants_utf_8(name: str) -> bool:
    """Whether a name is none of this system's as it is set, but may be where that is UTF-8."""
    return sys.getfilesystemencoding() != "utf-8" and (
        not is_encodable(name) or bool(re.search("[\ud800-\udfff]", name))
    )


def one_part(name: str, ending: str = "", again: int = 0) -> str:
    """Return a name, and the ending behind it, as one part of a path: as it is, where it is
    one; else what it begins with, and a digest of the whole. ``again`` numbers others, for
    one that is taken."""
    whole = f"{name}{ending}"
    if not again and is_part(whole) and len(os.fsencode(whole)) <= LONGEST:
        return whole
    return f"{abridged(name, b'%d ' % (again or 1))}{ending}"


def abridged(name: str, salt: bytes = b"") -> str:
    """Return what a name begins with, as a part, and a digest of ``salt`` and all of it."""
    whole = name.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(salt + whole).hexdigest()[:12]
    start = whole[:_KEPT].decode("utf-8", "ignore")
    return f"{_without_ways(start)}-{digest}"


def _without_ways(name: str) -> str:
    """Return the name with a stand-in for what no part can hold."""
    plain = _LEADS_ON.sub("_", name)
    if is_encodable(plain):
        return plain
    encoding = sys.getfilesystemencoding()
    return plain.encode(encoding, "replace").decode(encoding).replace("?", "_")


def below(folder: Path, part: str) -> Path:
    """Return the path of what has this name in the folder itself. Raises ``ValueError`` for
    a name that leads to another place."""
    path = folder / part
    if not is_part(part) or path.parent != folder:
        raise ValueError(f"{part!a} is no name of a file in a folder")
    return path
