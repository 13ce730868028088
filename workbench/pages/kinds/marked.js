// A text with its marks, cut where any of them begins or ends; every piece knows at which code point it starts.
import { html, useMemo } from "../parts/html.js";
import { pointsBefore, pointsOf } from "../parts/offsets.js";
import { colourOf } from "./pick.js";

export function cut(points, spans, places) {
  const inside = (place) => place > 0 && place < points.length;
  const edges = new Set([0, points.length, ...places.filter(inside)]);
  for (const { start, end } of spans) {
    if (inside(start)) edges.add(start);
    if (inside(end)) edges.add(end);
  }
  const sorted = [...edges].sort((one, other) => one - other);
  // A sweep: what is open at each piece, without looking at every mark again for each.
  const begins = Map.groupBy(spans, (one) => one.start);
  const open = new Set();
  return sorted.slice(0, -1).map((start, place) => {
    const end = sorted[place + 1];
    for (const one of open) if (one.end <= start) open.delete(one);
    for (const one of begins.get(start) ?? []) open.add(one);
    return { start, text: points.slice(start, end).join(""), marks: [...open], first: begins.get(start) ?? [] };
  });
}

const shortest = (marks) => marks.reduce((best, one) => (one.end - one.start < best.end - best.start ? one : best));

export function Marked({ text, spans, classes, chosen = null, selected = null, caret = null }) {
  const points = useMemo(() => pointsOf(text), [text]);
  const places = [...(selected ?? []), ...(caret === null ? [] : [caret])];
  const pieces = cut(points, spans, places);
  return pieces.map(({ start, text: piece, marks, first }) => {
    const names = ["piece"];
    if (marks.length) names.push("mark", colourOf(shortest(marks).class, classes));
    if (marks.length > 1) names.push("nested");
    if (marks.some((one) => one.key === chosen)) names.push("chosen");
    if (selected && start >= selected[0] && start < selected[1]) names.push("selected");
    if (caret === start) names.push("caret");
    const tag = first.map((one) => one.class).join(" · ");
    return html`<span key=${start} class=${names.join(" ")} data-start=${start} data-tag=${tag || undefined}>${piece}</span>`;
  });
}

// The code point at a place of the document within the container.
export function pointAt(container, node, offset) {
  if (node === container || !container.contains(node)) {
    const after = node === container ? container.children[offset] : null;
    if (after) return Number(after.dataset.start);
    return node === container && offset === 0 ? 0 : pointsOf(container.textContent).length;
  }
  const piece = (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest("[data-start]");
  const before = node.nodeType === Node.TEXT_NODE ? pointsBefore(node.data, offset) : offset ? pointsOf(piece.textContent).length : 0;
  return Number(piece.dataset.start) + before;
}
