// Ranges of the unit's text, each with a class. Offsets count code points; the end is not included.
import { html, useLayoutEffect, useMemo, useRef, useState } from "../parts/html.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { textOf, Value } from "../parts/content.js";
import { nextStop, pointsOf, stops, wordStops } from "../parts/offsets.js";
import { t, whole } from "../parts/strings.js";
import { Marked, pointAt } from "./marked.js";
import { Picker, colourOf, useInView } from "./pick.js";

const SPANS_MAX = 1_000;
const SHOWN_CHARACTERS = 40;
const ordered = (spans) => [...spans].sort((one, other) => one.start - other.start || one.end - other.end);
const same = (one, other) => one.start === other.start && one.end === other.end && one.class === other.class;
const overlap = (one, other) => one.start < other.end && other.start < one.end;
let drawn = 0;

function Editor({ schema, content, draft, change, pointed }) {
  const text = textOf(content) ?? "";
  const points = useMemo(() => pointsOf(text), [text]);
  const graphemes = useMemo(() => stops(text), [text]);
  const words = useMemo(() => wordStops(text), [text]);
  const [caret, setCaret] = useState({ anchor: 0, focus: 0 });
  const [chosen, choose] = useState(null);
  const [problem, setProblem] = useState(null);
  const place = useRef(null);
  const list = useInView(chosen);
  useLayoutEffect(() => place.current?.focus({ preventScroll: true }), []);
  useLayoutEffect(() => {
    if (pointed) choose(pointed.key);
  }, [pointed?.key]);
  const range = [Math.min(caret.anchor, caret.focus), Math.max(caret.anchor, caret.focus)];
  const selected = range[0] < range[1] ? range : null;

  const add = ([start, end], name) => {
    const span = { start, end, class: name, key: `new-${drawn += 1}` };
    if (draft.some((one) => same(one, span))) return setProblem(["spans.there", {}]);
    if (schema.overlapping === false && draft.some((one) => overlap(one, span))) return setProblem(["spans.overlap", {}]);
    if (draft.length >= SPANS_MAX) return setProblem(["spans.many", { count: SPANS_MAX }]);
    setProblem(null);
    change([...draft, span]);
    setCaret({ anchor: end, focus: end });
    return choose(span.key);
  };
  const pick = (name) => {
    if (selected) add(selected, name);
    else if (chosen !== null) change(draft.map((one) => (one.key === chosen ? { ...one, class: name } : one)));
    else setProblem(["spans.select", {}]);
  };
  const take = (next) => {
    setProblem(null);
    setCaret(next);
    if (next.anchor !== next.focus && schema.classes.length === 1) {
      add([Math.min(next.anchor, next.focus), Math.max(next.anchor, next.focus)], schema.classes[0]);
    }
  };
  const read = (event) => {
    const selection = getSelection();
    if (!selection.rangeCount || !place.current.contains(selection.anchorNode)) return;
    const anchor = pointAt(place.current, selection.anchorNode, selection.anchorOffset);
    const focus = pointAt(place.current, selection.focusNode, selection.focusOffset);
    selection.removeAllRanges();
    if (anchor !== focus) {
      choose(null);
      take({ anchor, focus });
      return;
    }
    setCaret({ anchor, focus });
    if (event?.type === "pointerup") chooseAt(anchor);
  };
  // A click chooses what lies there; another click the next one below it.
  const chooseAt = (point) => {
    const here = draft.filter((one) => one.start <= point && point <= one.end);
    const at = here.findIndex((one) => one.key === chosen);
    choose(here.length ? here[(at + 1) % here.length].key : null);
  };
  const move = (event) => {
    const isRight = getComputedStyle(place.current).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const step = { ArrowLeft: -1, ArrowRight: -1, Home: -1, End: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const forward = event.key === isRight || event.key === "End" || event.key === "ArrowDown";
    const far = event.key === "Home" || event.key === "End";
    const stopsOf = event.ctrlKey || event.metaKey || event.key.startsWith("ArrowU") || event.key.startsWith("ArrowD") ? words : graphemes;
    const focus = far ? (forward ? points.length : 0) : nextStop(stopsOf, caret.focus, forward ? 1 : -1);
    const next = { anchor: event.shiftKey ? caret.anchor : focus, focus };
    choose(null);
    setCaret(next);
    setProblem(null);
  };
  const letGo = (event) => {
    if (event.key === "Shift" && selected && schema.classes.length === 1) add(selected, schema.classes[0]);
  };
  const go = (step) => {
    const sorted = ordered(draft);
    if (!sorted.length) return false;
    const at = sorted.findIndex((one) => one.key === chosen);
    choose(sorted[at < 0 ? (step > 0 ? 0 : sorted.length - 1) : (at + step + sorted.length) % sorted.length].key);
    return true;
  };
  const remove = (key) => {
    change(draft.filter((one) => one.key !== key));
    choose(null);
    place.current?.focus();
  };
  useKeys({
    next: () => go(1), previous: () => go(-1),
    remove: () => (chosen === null ? false : remove(chosen)),
    cancel: () => {
      choose(null);
      setCaret({ anchor: caret.focus, focus: caret.focus });
    },
  });
  if (textOf(content) === null) return html`<p role="alert">${t("spans.noText")}</p><${Value} value=${content} />`;
  return html`<div class="spans">
    <div ref=${place} class="marked text" dir="auto" tabindex="0" role="application" aria-label=${t("spans.text")}
      aria-describedby="spans-how" onPointerUp=${(event) => setTimeout(() => read(event), 0)} onKeyDown=${move} onKeyUp=${letGo}>
      <${Marked} text=${text} spans=${draft} classes=${schema.classes} chosen=${chosen} selected=${selected} caret=${caret.focus} /></div>
    <p id="spans-how" class="quiet">${t("spans.how")}</p>
    <p class="unseen" aria-live="polite">${selected ? t("spans.selected", { text: points.slice(...selected).join("") }) : ""}</p>
    <${Picker} names=${schema.classes} picked=${new Set(draft.filter((one) => one.key === chosen).map((one) => one.class))}
      pick=${pick} coloured label=${t("spans.class")} />
    ${problem && html`<p class="problem" role="alert">${t(...problem)}</p>`}
    <${SpanList} spans=${draft} points=${points} classes=${schema.classes} chosen=${chosen} choose=${choose} remove=${remove} place=${list} />
  </div>`;
}

const LISTED_MAX = 200;

function SpanList({ spans, points, classes, chosen, choose, remove, place }) {
  if (!spans.length) return null;
  return html`<ul class="regions" ref=${place} tabindex="0" aria-label=${t("spans.list", { count: spans.length })}>
    ${ordered(spans).slice(0, LISTED_MAX).map((one) => html`<li key=${one.key}>
      <button type="button" class=${`region ${colourOf(one.class, classes)}`} aria-current=${String(one.key === chosen)}
        onClick=${() => choose(one.key)}><b dir="auto">${one.class}</b>
        <span dir="auto">${short(points.slice(one.start, one.end).join(""))}</span></button>
      ${one.key === chosen && html`<${KeyButton} of="remove" onClick=${() => remove(one.key)} />`}</li>`)}
    ${spans.length > LISTED_MAX && html`<li class="quiet">${t("spans.more", { count: whole(spans.length - LISTED_MAX) })}</li>`}</ul>`;
}

const short = (text) => (text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);

function Shown({ schema, content, label }) {
  const text = textOf(content) ?? "";
  const spans = label.spans.map((one, place) => ({ ...one, key: String(place) }));
  return html`<div class="marked text" dir="auto"><${Marked} text=${text} spans=${spans} classes=${schema.classes} /></div>`;
}

export default {
  showsContent: true,
  begin: () => [],
  problem: () => null,
  label: (draft) => ({ spans: ordered(draft).map(({ start, end, class: name }) => ({ start, end, class: name })) }),
  draft: (label) => label.spans.map((one) => ({ ...one, key: `old-${drawn += 1}` })),
  pieces: (label, schema, content) => label.spans.map((one) =>
    `${one.class}: “${short(pointsOf(textOf(content) ?? "").slice(one.start, one.end).join(""))}” ${one.start}–${one.end}`),
  Editor,
  Shown,
};
