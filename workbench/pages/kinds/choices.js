// Any number of classes out of several. The label lists them in the schema's order.
import { html } from "../parts/html.js";
import { t } from "../parts/strings.js";
import { Picker } from "./pick.js";

function Editor({ schema, draft, change }) {
  const toggle = (name) => change(draft.includes(name) ? draft.filter((one) => one !== name) : [...draft, name]);
  return html`<${Picker} multiple names=${schema.classes} picked=${new Set(draft)} pick=${toggle}
    label=${t("choices.pick")} />`;
}

export default {
  begin: () => [],
  problem(draft, { count_min: least = 0, count_max: most = Infinity }) {
    if (draft.length < least) return ["choices.few", { count: least }];
    return draft.length > most ? ["choices.many", { count: most }] : null;
  },
  label: (draft, schema) => schema.classes.filter((name) => draft.includes(name)),
  draft: (label) => label,
  pieces: (label) => label,
  Editor,
  Shown: ({ label }) => html`<ul class="tags">${label.length
    ? label.map((name) => html`<li dir="auto">${name}</li>`) : html`<li class="quiet">${t("choices.nothing")}</li>`}</ul>`,
};
