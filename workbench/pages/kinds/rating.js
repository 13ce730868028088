// A whole number from the lowest to the highest. The label is that number.
import { html } from "../parts/html.js";
import { useKeys } from "../parts/keys.js";
import { t, whole } from "../parts/strings.js";
import { Picker } from "./pick.js";

const pointsOf = ({ lowest, highest }) => Array.from({ length: highest - lowest + 1 }, (_, step) => lowest + step);

function Editor({ schema, draft, change }) {
  const step = (by) => change(Math.min(schema.highest, Math.max(schema.lowest, (draft ?? schema.lowest - by) + by)));
  useKeys({ left: () => step(-1), right: () => step(1) });
  return html`<div class="scale"><${Picker} names=${pointsOf(schema)} picked=${new Set(draft === null ? [] : [draft])}
    pick=${change} label=${t("rating.pick")} shownAs=${whole} /></div>`;
}

export default {
  sendsAtOnce: true,
  begin: () => null,
  problem: (draft) => (draft === null ? ["rating.missing", {}] : null),
  label: (draft) => draft,
  draft: (label) => label,
  pieces: (label) => [String(label)],
  Editor,
  Shown: ({ schema, label }) => html`<p class="said">${t("rating.of", { value: label, highest: schema.highest })}</p>`,
};
