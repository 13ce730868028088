// Models that annotate, beside people: how right, how fast, and class by class. Shown where a project has any.
import { html, useEffect, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { number, percent, t, whole } from "../parts/strings.js";
import { Table } from "../parts/table.js";
import { interval } from "./quality.js";

const said = (label) => (typeof label === "string" ? label : JSON.stringify(label));
const share = (one) => (one.value === null ? "–" : html`<span class="whole">${percent(one.value, 0)} <span class="quiet">${interval(one, (value) => percent(value, 0))}</span></span>`);
const seconds = (ms) => (ms ? number(ms / 1_000, 1) : "–");

export function ModelsBeside({ id, field }) {
  const [found, setFound] = useState(null);
  const [chosen, choose] = useState("");
  useEffect(() => {
    // Without models, or while it cannot be asked, the page is what it is without them.
    ask("metrics", "GET", `/projects/${id}/quality/models`).then(setFound, () => setFound(null));
  }, []);
  if (!found?.models.length) return null;
  const inField = (model) => model.fields.find((one) => one.field === field) ?? model.fields[0];
  const rows = [
    { by: t("models.people"), labelling: found.people, of: null },
    ...found.models.map((model) => ({ by: model.annotator_id, labelling: model.labelling, of: inField(model) ?? null })),
  ];
  const columns = [
    ["by", t("models.by"), (one) => html`<span dir="auto">${one.by}</span>`, (one) => one.by],
    ["labels", t("models.labels"), (one) => whole(one.labelling.annotations), (one) => one.labelling.annotations],
    ["gold", t("models.gold"), (one) => share(one.labelling.gold), (one) => one.labelling.gold.value],
    ["resolved", t("models.resolved"), (one) => (one.of ? share(one.of.resolved) : "–"), (one) => one.of?.resolved.value ?? null],
    ["agreement", t("models.agreement"), (one) => (one.of ? share(one.of.agreement) : "–"), (one) => one.of?.agreement.value ?? null],
    ["speed", t("models.seconds"), (one) => seconds(one.labelling.active_ms_median), (one) => one.labelling.active_ms_median],
    ["look", "", (one) => one.of && html`<button type="button" class="link" onClick=${() => choose(one.by)}>${t("agreement.look")}</button>`, () => ""],
  ];
  const shown = found.models.find((model) => model.annotator_id === chosen);
  const classes = [
    ["label", t("models.class"), (one) => html`<span dir="auto">${said(one.label)}</span>`, (one) => said(one.label)],
    ["people", t("models.ofPeople"), (one) => share(one.of_people), (one) => one.of_people.value],
    ["model", t("models.ofModel"), (one) => share(one.of_model), (one) => one.of_model.value],
    ["units", t("agreement.units"), (one) => whole(one.of_people.units), (one) => one.of_people.units],
  ];
  return html`<section class="card models">
    <p class="quiet">${t(`models.${found.counted}`, { count: found.humans_min })} ${t("models.how")}</p>
    <${Table} name="models" caption=${t("models.title")} columns=${columns} rows=${rows} empty="" />
    ${shown && inField(shown) && html`
      <${Table} name="classes" caption=${t("models.classes", { name: shown.annotator_id })} columns=${classes} rows=${inField(shown).classes} empty="" />`}</section>`;
}
