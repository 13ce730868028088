// All of several things in order, the best first. The label lists their names; what each stands for may be in the unit.
import { html, useRef, useState } from "../parts/html.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { Content, Value } from "../parts/content.js";
import { shuffled } from "../parts/seeded.js";
import { t, whole } from "../parts/strings.js";

const told = (content, name) => (content && typeof content === "object" && !Array.isArray(content) ? content[name] : null);

function moved(order, from, to) {
  const rest = order.filter((_, place) => place !== from);
  return [...rest.slice(0, to), order[from], ...rest.slice(to)];
}

function Editor({ content, mediaType, draft, change }) {
  const { order } = draft;
  const [held, hold] = useState(0);
  const dragged = useRef(null);
  const list = useRef(null);
  const settle = (next, at) => {
    hold(at);
    change({ order: next, touched: true });
  };
  const shift = (by) => {
    const to = Math.min(order.length - 1, Math.max(0, held + by));
    settle(moved(order, held, to), to);
  };
  useKeys({
    up: () => hold(Math.max(0, held - 1)), down: () => hold(Math.min(order.length - 1, held + 1)),
    farUp: () => shift(-1), farDown: () => shift(1),
    ...Object.fromEntries(order.slice(0, 10).map((_, place) => [`pick${place + 1}`, () => settle(moved(order, held, place), place)])),
  });
  const over = (event) => {
    if (dragged.current === null) return;
    const rows = [...list.current.children];
    const to = rows.findIndex((row) => event.clientY < row.getBoundingClientRect().bottom);
    const place = to < 0 ? rows.length - 1 : to;
    if (place !== dragged.current) {
      settle(moved(order, dragged.current, place), place);
      dragged.current = place;
    }
  };
  const known = order.some((name) => told(content, name) != null);
  return html`<div class="ranking">
    ${!known && html`<${Content} content=${content} mediaType=${mediaType} />`}
    <p class="quiet">${t("ranking.how")}</p>
    <ol ref=${list} class="order" onPointerMove=${over} onPointerUp=${() => { dragged.current = null; }}
      onPointerCancel=${() => { dragged.current = null; }}>
      ${order.map((name, place) => html`<li key=${name} aria-current=${String(place === held)} class="ranked"
        onPointerDown=${(event) => {
          hold(place);
          if (event.target.closest("button")) return;
          dragged.current = place;
          list.current.setPointerCapture(event.pointerId);
          event.preventDefault();
        }}>
        <span class="rank">${whole(place + 1)}</span>
        <div class="what"><strong dir="auto">${name}</strong>
          ${told(content, name) != null && html`<${Value} value=${told(content, name)} />`}</div>
        <span class="moves">
          <button type="button" class="icon" disabled=${place === 0} aria-label=${t("ranking.up", { name })}
            onClick=${() => settle(moved(order, place, place - 1), place - 1)}>↑</button>
          <button type="button" class="icon" disabled=${place === order.length - 1} aria-label=${t("ranking.down", { name })}
            onClick=${() => settle(moved(order, place, place + 1), place + 1)}>↓</button></span></li>`)}
    </ol>
    ${!draft.touched && html`<${KeyButton} of="insert" onClick=${() => change({ order, touched: true })}>${t("ranking.asIs")}<//>`}
    <${AsIs} draft=${draft} change=${change} /></div>`;
}

// The order that is shown first is nobody's word: it is taken only when somebody says so.
function AsIs({ draft, change }) {
  useKeys({ insert: () => (draft.touched ? false : change({ ...draft, touched: true })) });
  return null;
}

export default {
  showsContent: true,
  // People leave what stands first there, so each begins with an order of their own.
  begin: ({ items }, content, seed) => ({ order: shuffled(items, seed), touched: false }),
  problem: (draft) => (draft.touched ? null : ["ranking.missing", {}]),
  label: (draft) => draft.order,
  draft: (label) => ({ order: label, touched: true }),
  pieces: (label) => label.map((name, place) => `${place + 1}. ${name}`),
  Editor,
  Shown: ({ label }) => html`<ol class="said">${label.map((name) => html`<li dir="auto">${name}</li>`)}</ol>`,
};
