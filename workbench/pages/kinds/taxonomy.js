// One class out of a tree. The label is the id of its node; people read titles, and go down level by level.
import { html, useState } from "../parts/html.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { t } from "../parts/strings.js";
import { Picker } from "./pick.js";

const titleOf = (node) => node.title || node.id;

function treeOf({ nodes }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const under = Map.groupBy(nodes, (node) => node.parent ?? null);
  const path = (id) => (id === null ? [] : [...path(byId.get(id).parent ?? null), id]);
  return { byId, under, path, titles: (id) => path(id).map((one) => titleOf(byId.get(one))) };
}

function Editor({ schema, draft, change }) {
  const tree = treeOf(schema);
  const [at, go] = useState(draft === null ? null : tree.byId.get(draft)?.parent ?? null);
  const children = tree.under.get(at) ?? [];
  const isInner = (id) => tree.under.has(id);
  const pick = (id) => {
    if (!isInner(id) || schema.inner) change(id);
    go(isInner(id) ? id : tree.byId.get(id).parent ?? null);
  };
  useKeys({ cancel: () => (at === null ? false : go(tree.byId.get(at).parent ?? null)) });
  const leaves = schema.nodes.filter((node) => schema.inner || !isInner(node.id)).map((node) => node.id);
  return html`<div class="taxonomy">
    <nav class="path" aria-label=${t("taxonomy.path")}><button type="button" class="link" onClick=${() => go(null)}>${t("taxonomy.top")}</button>
      ${tree.path(at).map((id) => html`<span aria-hidden="true"> › </span><button type="button" class="link" dir="auto" onClick=${() => go(id)}>${titleOf(tree.byId.get(id))}</button>`)}
      ${at !== null && html`<${KeyButton} kind="small" of="cancel" onClick=${() => go(tree.byId.get(at).parent ?? null)}>${t("taxonomy.up")}<//>`}</nav>
    <${Picker} key=${at} names=${children.map((node) => node.id)} beyond=${leaves} picked=${new Set(draft === null ? [] : tree.path(draft))} pick=${pick}
      label=${t("choice.pick")} shownAs=${(id) => `${titleOf(tree.byId.get(id))}${isInner(id) ? " …" : ""}`} />
    <p class="said" aria-live="polite" dir="auto">${draft === null ? "" : tree.titles(draft).join(" › ")}</p></div>`;
}

export default {
  begin: () => null,
  problem: (draft) => (draft === null ? ["choice.missing", {}] : null),
  label: (draft) => draft,
  draft: (label) => label,
  pieces: (label, schema) => treeOf(schema).titles(label),
  Editor,
  Shown: ({ schema, label }) => html`<p class="said" dir="auto">${treeOf(schema).titles(label).join(" › ")}</p>`,
};
