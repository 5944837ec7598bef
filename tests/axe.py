"""What axe-core, after WCAG 2.2 AA, finds on a page."""

from pathlib import Path

import axe_playwright_python

from tests import browser

#: axe-core comes with this package.
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: What axe found, one short line for each element.
QUESTION = """async (tags) => {
  // The theme gives what scrolls a tab stop a moment after the window changed.
  await new Promise((done) => setTimeout(done, 500));
  const { violations } = await axe.run(document, {
    resultTypes: ["violations"], runOnly: tags,
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any }) => `${id}: ${target} ${any[0]?.message ?? ""}`));
}"""


def violations(visit: browser.Visit) -> list[str]:
    """Return what axe finds on the page as it is now."""
    visit.page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = visit.page.evaluate(QUESTION, RULES)
    return found


def offences(visit: browser.Visit, name: str, width: int) -> list[str]:
    """Open a page at that width, and return what axe finds on it."""
    # Before the page is there: at a change of width the theme takes its time.
    visit.page.set_viewport_size({"width": width, "height": 900})
    visit.open(name)
    visit.answer(width)
    return violations(visit)
