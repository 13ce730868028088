// A number from low to high. The label is that number; a draft is what stands in the field.
import { html, useLayoutEffect, useRef } from "../parts/html.js";
import { number, t } from "../parts/strings.js";

const read = (text) => (text.trim() === "" ? NaN : Number(text.trim().replace(",", ".")));

function Editor({ schema, draft, change }) {
  const field = useRef(null);
  // With the change of the page and not after it is painted: who types at once types here.
  useLayoutEffect(() => field.current?.focus(), []);
  const value = read(draft);
  return html`<div class="number">
    <label>${t("number.enter", { low: schema.low, high: schema.high })}
      <input ref=${field} type="text" inputmode="decimal" autocomplete="off" value=${draft}
        onInput=${(event) => change(event.target.value)} /></label>
    <input type="range" min=${schema.low} max=${schema.high} step="any" value=${Number.isFinite(value) ? value : schema.low}
      aria-label=${t("number.slide")}
      onInput=${(event) => change(String(Number(Number(event.target.value).toPrecision(4))))} /></div>`;
}

export default {
  begin: () => "",
  problem(draft, { low, high }) {
    const value = read(draft);
    if (!Number.isFinite(value)) return ["number.missing", {}];
    return value < low || value > high ? ["number.range", { low, high }] : null;
  },
  label: read,
  draft: (label) => String(label),
  pieces: (label) => [String(label)],
  Editor,
  Shown: ({ label }) => html`<p class="said">${number(label, 10)}</p>`,
};
