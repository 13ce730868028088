// What a project's labels were spent on, what a fixed overlap would have taken, and what was expected of those asked for by price.
import { html, useEffect, useState } from "../parts/html.js";
import { ask, isLater } from "../parts/api.js";
import { number, percent, t, whole } from "../parts/strings.js";
import { interval } from "./quality.js";

export function SpentLabels({ id, news }) {
  const [told, tell] = useState(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    ask("adjudicate", "GET", `/projects/${id}/spending`).then((found) => {
      tell(found);
      setProblem("");
    }, (fault) => isLater(fault) || setProblem(fault.message));
  }, [news]);
  if (problem) return html`<p class="problem" role="alert">${problem}</p>`;
  if (!told?.units) return null;
  const { ledger } = told;
  return html`<section class="spending" aria-label=${t("spent.title")}><h2>${t("spent.title")}</h2><div class="pair">
    <dl class="facts"><${Fact} name=${t("spent.labels")} value=${spent(told)} />
      <${Fact} name=${t("spent.most")} value=${t("spent.fewer", { count: told.labels_saved, share: percent(told.saved_share, 0) })} />
      ${ledger && html`<${Fact} name=${t("spent.sure")} value=${known(ledger.certainty, (value) => percent(value))} />
      <${Fact} name=${t("spent.fixed")} value=${ledger.fixed_overlap.value === null ? t("spent.none") : known(ledger.fixed_overlap, number)} />
      ${ledger.saved_at_fixed.value !== null && html`<${Fact} name=${t("spent.saved")} value=${known(ledger.saved_at_fixed, (value) => whole(Math.round(value)))} />`}`}</dl>
    <dl class="facts">${told.reasons.map((one) => html`<${Fact} key=${one.reason} name=${t(`spent.${one.reason}`)}
        value=${spent(one)} />`)}
      ${ledger?.units_bought > 0 && html`<${Fact} name=${t("spent.expected", { count: ledger.units_bought })} value=${number(ledger.expected_gain)} />
      <${Fact} name=${t("spent.real")} value=${number(ledger.real_gain)} />
      <${Fact} name=${t("spent.over")} value=${known(ledger.gain_over_expected, number)} />`}</dl></div>
    <p class="quiet">${t("spent.how")}</p></section>`;
}

const spent = ({ labels, units }) => t("spent.ofUnits", { count: labels, units: t("project.units", { count: units }) });
const Fact = ({ name, value }) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
const known = (one, shown) => (one.value === null ? "–" : html`${shown(one.value)} ${one.low !== null && one.high !== null && html`<span class="quiet whole">${interval(one, shown)}</span>`}`);
