"""Calls the numbers behind the figures to play with, in Node, as the page calls them."""

import json
import subprocess
import sys
from typing import Any

import dev

sys.path.insert(0, str(dev.ROOT / "_ext"))

import interactive
import katex_static

#: Reads [name, function, lists of arguments], answers with the results. JSON has no
#: Infinity and no NaN; the figures' numbers must not either.
_CALLS = """
process.argv.slice(1).forEach((file) => require(file));
const [name, called, calls] = JSON.parse(require("fs").readFileSync(0, "utf8"));
const results = calls.map((given) => dropoutFigures.numbers[name][called](...given));
process.stdout.write(JSON.stringify(results, (key, value) => {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new Error(`${called}: ${key} is ${value}`);
  }
  return value;
}));
"""


def call(name: str, function: str, *calls: list[Any]) -> list[Any]:
    """Return what ``dropoutFigures.numbers[name][function]`` gives for each list of
    arguments, one Node process for all of them. ``shared`` is a name too.

    Raises ``RuntimeError`` with Node's complaint."""
    figure = "drag-the-bars" if name == "shared" else name
    # The drawing is left out: numbers must not need it.
    files = [p for p in interactive.scripts(figure) if "numbers" in p.name]
    done = subprocess.run(
        [str(katex_static.node_program()), "-e", _CALLS, "--", *map(str, files)],
        input=json.dumps([name, function, calls]),
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    results: list[Any] = json.loads(done.stdout)
    return results
