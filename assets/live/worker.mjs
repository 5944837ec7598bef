// Python, away from the page: what runs too long ends with this worker.

async function start({ root, pyodide, numpy, wheel }) {
  const at = (path) => new URL(path, root).href;
  const { loadPyodide } = await import(at(`${pyodide}pyodide.mjs`));
  const fetched = fetch(at(wheel));
  const python = await loadPyodide({ indexURL: at(pyodide) });
  await python.loadPackage(at(numpy), { messageCallback() {} });
  const grader = await fetched;
  if (!grader.ok) throw new Error(`${wheel}: ${grader.status} ${grader.statusText}`);
  python.unpackArchive(await grader.arrayBuffer(), "wheel");
  return python.pyimport("autograder.doors.live");
}

let door;

onmessage = async ({ data: { id, what, parts, args } }) => {
  try {
    door ??= start(parts);
    const live = await door;
    if (what === "start") postMessage({ id, found: null });
    else postMessage({ id, found: JSON.parse(live[what](...args)) });
  } catch (error) {
    postMessage({ id, error: String(error.message ?? error).trim().split("\n").at(-1) });
  }
};
