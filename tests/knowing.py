"""Writes submissions whose author knows every line of the grader, but not the secret.

The file carries the grader's own modules as text. In the worker it runs the checks of
``judging`` on itself, for seeds that it holds possible, and notes for each question the
state of the generator and the right answer. Asked by the judge, it looks the state up and
never at a dropout.
"""

import base64
import json
import zlib
from pathlib import Path

import autograder

#: What a check of ``judging`` needs, and what of the checks is carried with it.
_WINGS = ("laws", "wire", "contract", "families", "checks/judging")

_ATTACK = '''
import base64, hashlib, hmac, json, linecache, random, sys, types, zlib
import numpy as np
OWN = linecache.getlines(sys._getframe().f_code.co_filename)
BYTES = "".join(OWN).encode()
WORLDS = json.loads(zlib.decompress(base64.b64decode("""{modules}""")))

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        import importlib.machinery
        if name in WORLDS:
            return importlib.machinery.ModuleSpec(
                name, Finder, is_package=any(w.startswith(name + ".") for w in WORLDS))
    @staticmethod
    def create_module(spec):
        return None
    @staticmethod
    def exec_module(module):
        exec(WORLDS[module.__name__], vars(module))

sys.meta_path.insert(0, Finder)
from copied.checks.judging.is_inverted_dropout import exercise
from copied.families.specimens import Defect
from copied.contract.trial import Trial

ANSWERS, RIGHT = {{}}, Defect()
def state(rng):
    return rng.bit_generator.state["state"]["state"]
def oracle(dropout, rng):
    answer = getattr(dropout, "lent", dropout).answer
    truth = getattr(answer, "_defect", RIGHT) == RIGHT
    ANSWERS[state(rng)] = truth
    dropout(np.ones((2, 2)), 0.7, rng)
    return truth

{seeds}
for seed in SEEDS:
    notes = {{}}
    for check in exercise.checks:
        try:
            trial = Trial(check, seed, notes)
            check.function(is_inverted_dropout=oracle, trial=trial)
        except Exception as error:
            pass

def is_inverted_dropout(dropout, rng):
    answer = ANSWERS.get(state(rng), False)
    dropout(np.ones((2, 2)), 0.7, rng)
    return answer
'''


def answers_by_seed(seeds: str) -> str:
    """Return a submission to ``judging`` that answers for the seeds in ``SEEDS``, a list
    that the Python code ``seeds`` makes; ``BYTES`` there holds the file's own source."""
    package = Path(autograder.__file__).parent
    worlds = {"copied": '__version__ = "' + autograder.__version__ + '"'}
    worlds["copied.checks"] = 'CHAPTERS = ("judging",)'
    for wing in _WINGS:
        for path in sorted((package / wing).glob("*.py")):
            parts = path.relative_to(package).with_suffix("").parts
            name = ".".join(["copied", *parts]).removesuffix(".__init__")
            source = path.read_text(encoding="utf-8")
            worlds[name] = source.replace("autograder", "copied")
    packed = base64.b64encode(zlib.compress(json.dumps(worlds).encode(), 9)).decode()
    return _ATTACK.format(modules=packed, seeds=seeds).lstrip()
