// One unit being labelled: its draft with undo and redo, and the editor of its kind. Alike for every role that labels.
import { html, useReducer } from "./html.js";
import { Content } from "./content.js";
import { useKeys } from "./keys.js";
import { kindOf } from "../kinds/index.js";

const STEPS_MAX = 200;

function step(state, action) {
  const { past, now, future } = state;
  if (action.kind === "change") return { past: [...past, now].slice(-STEPS_MAX), now: action.draft, future: [] };
  if (action.kind === "undo" && past.length) {
    return { past: past.slice(0, -1), now: past.at(-1), future: [now, ...future] };
  }
  if (action.kind === "redo" && future.length) {
    return { past: [...past, now], now: future[0], future: future.slice(1) };
  }
  return action.kind === "start" ? { past: [], now: action.draft, future: [] } : state;
}

// The draft of one unit; make the component anew (by its key) for another.
export function useWork(schema, content, seed, saved) {
  const kind = kindOf(schema);
  const [state, act] = useReducer(step, null, () => ({ past: [], now: saved ?? kind.begin(schema, content, seed), future: [] }));
  const draft = state.now;
  useKeys({
    undo: () => (state.past.length ? act({ kind: "undo" }) : false),
    redo: () => (state.future.length ? act({ kind: "redo" }) : false),
  });
  return {
    kind,
    schema,
    draft,
    seed,
    touched: state.past.length > 0 || saved !== undefined,
    problem: kind.problem(draft, schema, content),
    label: () => kind.label(draft, schema, seed),
    change: (next) => act({ kind: "change", draft: next }),
    show: (label) => act({ kind: "change", draft: kind.draft(label, schema, seed) }),
    canUndo: state.past.length > 0,
    undo: () => act({ kind: "undo" }),
  };
}

// `pointed`: the field and the key of a region that somebody points at from elsewhere on the page.
export function Work({ work, content, mediaType, change = work.change, pointed = null }) {
  const { kind, schema, draft, seed } = work;
  return html`<div class=${`work kind-${schema.kind}`}>
    ${!kind.showsContent && html`<div class="content"><${Content} content=${content} mediaType=${mediaType} /></div>`}
    <div class="answering"><${kind.Editor} schema=${schema} content=${content} mediaType=${mediaType} draft=${draft}
      change=${change} seed=${seed} pointed=${pointed} /></div></div>`;
}
