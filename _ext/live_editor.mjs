// What the pages' editor takes from CodeMirror; esbuild makes one file of it (live.py).
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

/** Return an editor in `parent`: `text()`, `replace(text)`, `focus()`. `changed` is called
 * after every change, and `keys` maps keys such as "Shift-Enter" to functions. */
export function openEditor(parent, { text, label, changed, keys }) {
  const own = Object.entries(keys).map(([key, run]) => ({ key, run: () => (run(), true) }));
  const view = new EditorView({
    parent,
    doc: text,
    extensions: [
      keymap.of(own),
      lineNumbers(),
      history(),
      drawSelection(),
      bracketMatching(),
      indentUnit.of("    "),
      EditorState.tabSize.of(4),
      python(),
      syntaxHighlighting(classHighlighter),
      EditorView.lineWrapping,
      keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
      EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
      EditorView.updateListener.of((update) => update.docChanged && changed()),
    ],
  });
  return {
    text: () => view.state.doc.toString(),
    replace: (insert) =>
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert } }),
    focus: () => view.focus(),
  };
}
