"""Tests this edition: ``python test_edition.py``. It needs NumPy and nothing else."""

import json
import unittest
from pathlib import Path

from autograder.contract.exercise import all_chapters, all_exercises
from autograder.grading.grade import grade

ROOT = Path(__file__).resolve().parent
SWAPPED = '''
def inverted_dropout(x, keep_prob, rng, training=True):
    """Divides by the drop probability, as many do."""
    if not training:
        return x, None
    mask = rng.random(x.shape) < keep_prob
    return x * mask / (1 - keep_prob), mask
'''


def notebook(chapter):
    return ROOT / "exercises" / chapter / f"{chapter}.ipynb"


class TestEdition(unittest.TestCase):
    def test_it_holds_no_solutions(self):
        for name in ("solutions", "tests", "answers", "course/secret", "course/source"):
            self.assertFalse((ROOT / name).exists(), name)
        for chapter in all_chapters():
            self.assertNotIn("SOLUTION", notebook(chapter).read_text(encoding="utf-8"))

    def test_every_chapter_can_be_read(self):
        for chapter in all_chapters():
            self.assertTrue((ROOT / f"chapters/{chapter}.md").is_file(), chapter)

    def test_every_exercise_has_its_cells(self):
        for exercise in all_exercises():
            text = notebook(exercise.chapter).read_text(encoding="utf-8")
            sources = ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
            self.assertIn(f'check("{exercise.name}")', sources)
            self.assertTrue(any(f"def {exercise.name}(" in each for each in sources))

    def test_what_is_not_written_yet_has_no_points(self):
        for chapter in all_chapters():
            report = grade(notebook(chapter), seed=1)
            self.assertEqual((report.error, report.score), (None, 0))
            self.assertEqual({e.status for e in report.exercises}, {"unwritten"})

    def test_a_wrong_answer_is_told_what_is_wrong(self):
        answer = ROOT / "test_answer.py"
        try:
            answer.write_text(SWAPPED, encoding="utf-8")
            report = grade(answer, exercises=["inverted_dropout"], seed=1)
        finally:
            answer.unlink()
        (found,) = report.exercises
        self.assertEqual(found.mistake, "divides_by_drop_probability")
        self.assertLess(0, report.score)
        self.assertLess(report.score, report.max_score)


if __name__ == "__main__":
    unittest.main()
