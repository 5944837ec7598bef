"""Pages that must run do so side by side, before Sphinx reads them one by one.

MyST-NB then finds their outputs in its cache. A page that fails is not cached, so
MyST-NB runs it again and reports it as it always does.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from myst_nb.core.read import is_myst_markdown_notebook, myst_nb_reader_plugin
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def must_run(cache: JupyterCacheAbstract, notebook: NotebookNode) -> bool:
    """Tell whether the cache lacks the notebook's outputs."""
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return True
    return False


def run(timeout: int, page: tuple[Path, NotebookNode]) -> ExecutionResult:
    """Run a page's cells in the page's folder; the notebook receives the outputs."""
    path, notebook = page
    folder = str(path.parent)
    return single_nb_execution(notebook, folder, timeout, allow_errors=False)


def join_streams(notebook: NotebookNode) -> None:
    """Put together what a cell wrote to one stream. A kernel may send a line in parts,
    and MyST-NB would end each part with a line break of its own."""
    for cell in notebook.cells:
        outputs: list[NotebookNode] = []
        for output in cell.get("outputs", []):
            last = outputs[-1] if outputs else {}
            if "name" in output and last.get("name") == output["name"]:
                last["text"] += output["text"]
            else:
                outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs


def execute_ahead(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Fill MyST-NB's cache with the outputs of the pages that Sphinx will read."""
    config = env.mystnb_config
    if config.execution_mode != "cache":
        return
    cache = get_cache(config.execution_cache_path)
    pages = []
    for path in (Path(env.doc2path(docname)) for docname in docnames):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".md" and is_myst_markdown_notebook(text):
            notebook = myst_nb_reader_plugin(str(path))
            if must_run(cache, notebook):
                pages.append((path, notebook))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(partial(run, config.execution_timeout), pages)
        for (path, notebook), result in zip(pages, results, strict=True):
            if result.err is None:
                join_streams(notebook)
                seconds = {"execution_seconds": result.time}
                bundle = CacheBundleIn(notebook, str(path), data=seconds)
                cache.cache_notebook_bundle(
                    bundle, check_validity=False, overwrite=True
                )


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-before-read-docs", execute_ahead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
