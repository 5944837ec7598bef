// Python, away from the page: what runs too long ends with this worker.

async function bytes(address, name) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}

let python;

/** Load Python; resolve to the grader's door. */
async function start({ root, pyodide, numpy, wheel }) {
  const at = (path) => new URL(path, root).href;
  const { loadPyodide } = await import(at(`${pyodide}pyodide.mjs`));
  const grader = bytes(at(wheel), wheel);
  python = await loadPyodide({ indexURL: at(pyodide) });
  await python.loadPackage(at(numpy), { messageCallback() {} });
  python.unpackArchive(await grader, "wheel");
  return python.pyimport("autograder.doors.live");
}

/** Load what chapters import and read; resolve to what runs their cells. */
async function startChapter({ root, chapters, datasets }) {
  const names = [chapters, datasets, "_static/live/chapter.py"];
  const [archive, data, runner] = await Promise.all(
    names.map((name) => bytes(new URL(name, root).href, name)),
  );
  python.unpackArchive(archive, "zip", { extractDir: "/book" });
  python.FS.writeFile("/book/chapters/datasets.npz", new Uint8Array(data));
  python.FS.writeFile("/book/chapter.py", new Uint8Array(runner));
  python.runPython("import sys; sys.path.insert(0, '/book')");
  const chapter = python.pyimport("chapter");
  chapter.begin("/book/chapters");
  return chapter;
}

let door, chapter;

onmessage = async ({ data: { id, what, parts, args } }) => {
  try {
    door ??= start(parts);
    let asked = await door;
    if (what === "chapter" || what === "cell") asked = await (chapter ??= startChapter(parts));
    const found = args ? JSON.parse(asked[what](...args)) : null;
    postMessage({ id, found });
  } catch (error) {
    postMessage({ id, error: String(error.message ?? error).trim().split("\n").at(-1) });
  }
};
