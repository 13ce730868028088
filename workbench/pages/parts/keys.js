// Every key of ours, shown where it acts and changeable; the browser's own keys stay its own.
import { html, store, useLayoutEffect, useRef, useStore } from "./html.js";
import { recall, remember } from "./memory.js";
import { t } from "./strings.js";

const PICKS = Array.from({ length: 10 }, (_, place) => [`pick${place + 1}`, String((place + 1) % 10)]);

export const DEFAULTS = {
  submit: "Enter", undo: "Ctrl+Z", redo: "Ctrl+Shift+Z", back: "B", skip: "S", flag: "F", guideline: "G", pause: "P",
  help: "?", find: "/",
  ...Object.fromEntries(PICKS),
  next: "N", previous: "Shift+N", remove: "Delete", add: "A", point: "V", insert: "I", cancel: "Escape",
  left: "ArrowLeft", right: "ArrowRight", up: "ArrowUp", down: "ArrowDown",
  farLeft: "Shift+ArrowLeft", farRight: "Shift+ArrowRight", farUp: "Shift+ArrowUp", farDown: "Shift+ArrowDown",
  narrower: "Ctrl+ArrowLeft", wider: "Ctrl+ArrowRight", shorter: "Ctrl+ArrowUp", taller: "Ctrl+ArrowDown",
  zoomIn: "+", zoomOut: "-", fit: "Z",
  panLeft: "Alt+ArrowLeft", panRight: "Alt+ArrowRight", panUp: "Alt+ArrowUp", panDown: "Alt+ArrowDown",
  tie: "T", nextField: "]", previousField: "[",
  unanswerable: "X", unclear: "Q", referSame: "U", referOthers: "O",
  takeObject: "Y", dropObject: "D", redrawObject: "R", nextObject: ".", previousObject: ",",
};

export const bindings = store({ keys: DEFAULTS });

export function loadKeys() {
  bindings.set({ keys: { ...DEFAULTS, ...recall("keys", {}) } });
}

// Give an action another key; whichever action had it gets the one that is left over.
export function rebind(action, key) {
  const keys = { ...bindings.value.keys };
  const other = Object.keys(keys).find((name) => keys[name] === key && name !== action);
  if (other) keys[other] = keys[action];
  keys[action] = key;
  bindings.set({ keys });
  const changed = Object.entries(keys).filter(([name, one]) => DEFAULTS[name] !== one);
  remember("keys", Object.fromEntries(changed));
}

export function resetKeys() {
  bindings.set({ keys: DEFAULTS });
  remember("keys", {});
}

// A key's name, the same on every layout: letters and digits by what is on the key where the layout has no Latin ones.
export function nameOf(event) {
  let { key } = event;
  const { code = "" } = event;
  if (/^Digit\d$/.test(code) && !event.shiftKey) key = code.slice(5);
  else if (/^Key[A-Z]$/.test(code) && !/^[a-z]$/i.test(key)) key = code.slice(3);
  if (key === " ") key = "Space";
  const isLetter = /^[a-z]$/i.test(key);
  const isSign = key.length === 1 && !isLetter;
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && !isSign) parts.push("Shift");
  return [...parts, isLetter ? key.toUpperCase() : key].join("+");
}

const TYPED = "textarea, select, [contenteditable], input:not([type=checkbox]):not([type=radio]):not([type=range])";
const PRESSED = "button:not([role=radio]):not([role=checkbox]), a[href], summary";
const layers = [];

function isTheirs(event, name) {
  if (document.querySelector("dialog[open]")) return true;
  const { target } = event;
  if (target.closest?.(PRESSED) && (name === "Enter" || name === "Space")) return true;
  if (!target.closest?.(TYPED)) return false;
  // In a field letters are text, arrows move the caret, and undo is the field's own.
  if (name === "Escape") return false;
  if (target.matches("textarea")) return name !== "Ctrl+Enter";
  return name !== "Enter" && name !== "Ctrl+Enter";
}

document.addEventListener("keydown", (event) => {
  // A browser that fills a field in by itself says so with a key that has no name.
  if (event.isComposing || event.defaultPrevented || !event.key) return;
  const name = nameOf(event);
  if (isTheirs(event, name)) return;
  const wanted = name === "Ctrl+Enter" ? bindings.value.keys.submit : name;
  for (const layer of [...layers].reverse()) {
    const action = Object.keys(layer.current).find((one) => bindings.value.keys[one] === wanted);
    if (!action) continue;
    if (event.repeat && (action === "submit" || action.startsWith("pick"))) return;
    if (layer.current[action](event) === false) continue;
    event.preventDefault();
    return;
  }
});

// While the component is there, its actions answer to their keys; one that returns false leaves the key to others.
export function useKeys(actions) {
  const layer = useRef(actions);
  layer.current = actions;
  // With the change of the page and not after it is painted: quick fingers are faster than a frame.
  useLayoutEffect(() => {
    layers.push(layer);
    return () => layers.splice(layers.indexOf(layer), 1);
  }, []);
}

const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Enter: "⏎", Delete: "Del", Escape: "Esc" };

export const shownKey = (key) => key.split("+").map((part) => SIGNS[part] ?? part).join(" ") || "+";

export function Key({ of }) {
  const { keys } = useStore(bindings);
  const key = keys[of] ?? "";
  return html`<kbd>${key === "+" ? "+" : shownKey(key)}</kbd>`;
}

// A button that does what a key does, and shows the key.
export function KeyButton({ of, onClick, kind = "", disabled = false, children }) {
  return html`<button type="button" class=${`button ${kind}`} disabled=${disabled} onClick=${onClick}>
    <span>${children ?? t(`key.${of}`)}</span><${Key} of=${of} /></button>`;
}
