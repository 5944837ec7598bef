"""Notebooks as no Jupyter writes them: damaged by chance, the same for the same seed."""

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

Node = Any

#: What stands where something else should.
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**400, 1e308, float("nan"), float("-inf"), "", "\x00"),
    *("\ud800", "\u202e" + "x" * 50, "\r\n\r", [], {}, [[]], [None], {"": None}),
    *(["a", 1, None], {"source": {}}, "x" * 100_000, [0] * 5_000, "4", "code"),
)
FORMATS: tuple[Any, ...] = (3, 5, 99, 0, -4, "4", 4.0, 4.5, None, True, [4], 10**30)
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-7", "utf-8-sig", "cp037")


def places(node: Node) -> Iterator[tuple[Any, Any]]:
    """Yield every container in a tree of JSON with each of its keys."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


# ---- Damage to what the JSON says ---------------------------------------------------


def another_value(tree: Node, chance: random.Random) -> None:
    node, key = chance.choice(list(places(tree)))
    node[key] = copy.deepcopy(chance.choice(ODD_VALUES))


def another_format(tree: Node, chance: random.Random) -> None:
    tree[chance.choice(["nbformat", "nbformat_minor"])] = chance.choice(FORMATS)


def something_gone(tree: Node, chance: random.Random) -> None:
    node, key = chance.choice(list(places(tree)))
    del node[key]


def something_twice(tree: Node, chance: random.Random) -> None:
    lists = [node for node, _ in places(tree) if isinstance(node, list)]
    node = chance.choice(lists)
    again = copy.deepcopy(chance.choice(node))
    node.insert(chance.randrange(len(node) + 1), again)


def something_elsewhere(tree: Node, chance: random.Random) -> None:
    found = list(places(tree))
    (node, key), (other, there) = chance.choice(found), chance.choice(found)
    # A copy, for a tree that holds itself is no JSON.
    node[key] = json.loads(json.dumps(other[there]))


def deep(tree: Node, chance: random.Random) -> None:
    node, key = chance.choice(list(places(tree)))
    node[key] = f"{chance.choice([50, 400, 900, 1_100, 50_000])} levels"


def nest_of(depth: int) -> str:
    return "[" * depth + "]" * depth


# ---- Damage to its bytes ------------------------------------------------------------


def cut_off(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 10, 200]) if data else 0):
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def spliced(data: bytes, chance: random.Random) -> bytes:
    at, to = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    piece = chance.choice([b"", data[at:to], chance.randbytes(20), b"\0" * 4096])
    return data[:at] + piece + data[chance.choice([at, to]) :]


def in_another_encoding(data: bytes, chance: random.Random) -> bytes:
    return data.decode("utf-8", "replace").encode(chance.choice(ENCODINGS), "replace")


def with_other_line_ends(data: bytes, chance: random.Random) -> bytes:
    return data.replace(b"\n", chance.choice([b"\r\n", b"\r", b"\xe2\x80\xa8"]))


def nested(data: bytes, chance: random.Random) -> bytes:
    depth, at = chance.choice([1_000, 100_000]), data.find(b":") + 1
    return data[:at] + chance.choice([b"[", b'{"a":']) * depth + data[at:]


def nothing_of_it(data: bytes, chance: random.Random) -> bytes:
    return chance.choice([b"", b" \n", b"null", b"[]", b'"x"', b"\xff\xfe", b"1e999"])


OF_JSON: tuple[Callable[[Node, random.Random], None], ...] = (
    *(another_value, another_value, another_format, something_gone, something_twice),
    *(something_elsewhere, deep),
)
OF_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(cut_off, flipped, flipped, spliced, in_another_encoding, with_other_line_ends),
    *(nested, nothing_of_it),
)


def damaged(notebook: dict[str, Any], seed: int) -> bytes:
    """Return the notebook after one to three accidents, most of them of one kind."""
    chance = random.Random(seed)
    tree, accidents = json.loads(json.dumps(notebook)), chance.choice([1, 1, 1, 2, 3])
    both = chance.random() < 0.1
    of_json = chance.random() < 0.6
    for _ in range(accidents if of_json or both else 0):
        if any(True for _ in places(tree)):
            _try(chance.choice(OF_JSON), tree, chance)
    data = json.dumps(tree, indent=1, ensure_ascii=chance.random() < 0.5)
    # Python would not write what it may not be able to read.
    data = re.sub(r'"(\d+) levels"', lambda m: nest_of(int(m[1])), data)
    found = data.encode("utf-8", "surrogatepass")
    for _ in range(0 if of_json and not both else accidents):
        found = chance.choice(OF_BYTES)(found, chance)
    return found


def _try(accident: Any, tree: Node, chance: random.Random) -> None:
    """Have the accident happen, unless the tree holds no place for it by now."""
    try:
        accident(tree, chance)
    except IndexError:
        return
