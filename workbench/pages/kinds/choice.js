// One class out of several. The label is its name.
import { html } from "../parts/html.js";
import { t } from "../parts/strings.js";
import { Picker } from "./pick.js";

function Editor({ schema, draft, change }) {
  return html`<${Picker} names=${schema.classes} picked=${new Set(draft === null ? [] : [draft])} pick=${change}
    label=${t("choice.pick")} />`;
}

export default {
  sendsAtOnce: true,
  begin: () => null,
  problem: (draft) => (draft === null ? ["choice.missing", {}] : null),
  label: (draft) => draft,
  draft: (label) => label,
  pieces: (label) => [label],
  Editor,
  Shown: ({ label }) => html`<p class="said" dir="auto">${label}</p>`,
};
