// Agreement in the parts of a project: by class, time, slice and group of annotators; who agrees with whom, and where two do not.
import { html, useEffect, useState } from "../parts/html.js";
import { useAddress } from "../parts/address.js";
import { ask } from "../parts/api.js";
import { useAsked } from "../parts/asked.js";
import { moment, number, percent, t, whole } from "../parts/strings.js";
import { Table } from "../parts/table.js";
import { TimePlot } from "../parts/time_plot.js";
import { ModelsBeside } from "./models_beside.js";
import { interval } from "./quality.js";

const MATRIX_PEOPLE_MAX = 10;
// Who shares the most units with others: more would be a matrix that nobody reads. The table below has every pair that is told.
const BANDS = [0.8, 0.6, 0.4, 0.2];
const PAGE = 100;

const shade = (value) => (value === null ? "" : `k${BANDS.filter((low) => value >= low).length}`);
const said = (label) => (typeof label === "string" ? label : JSON.stringify(label));

// Who is in the matrix: those whose pairs share the most units.
export function peopleOf(pairs) {
  const shared = new Map();
  for (const { first, second, units } of pairs) for (const one of [first, second]) shared.set(one, (shared.get(one) ?? 0) + units);
  return [...shared].sort(([one, some], [other, more]) => more - some || (one < other ? -1 : 1)).slice(0, MATRIX_PEOPLE_MAX).map(([one]) => one);
}

export default function AgreementInParts({ one }) {
  const id = encodeURIComponent(one);
  const [chosen, setField] = useState(null);
  const [pair, choose] = useState(null);
  const { found, problem } = useAsked(async () => {
    const asked = ["agreement", "pairs"].map((what) => ask("metrics", "GET", `/projects/${id}/quality/${what}`));
    const [parts, pairs, project] = await Promise.all([...asked, ask("ingest", "GET", `/projects/${id}`)]);
    return { parts: parts.fields, pairs: pairs.fields, project };
  }, []);
  const field = chosen ?? found?.parts[0]?.field ?? "";
  const of = (fields) => fields.find((each) => each.field === field) ?? fields[0];
  return html`<main class="wide" id="main" tabindex="-1"><p><a href=${`/projects/${id}`}>${found?.project.name || one}</a></p>
    <h1>${t("agreement.title")}</h1><p class="lead">${t("agreement.lead")}</p><p class="problem" role="alert">${problem}</p>
    ${found ? html`
      ${found.parts.length > 1 && html`<label class="filter">${t("agreement.field")} <select value=${field} onChange=${(event) => {
        setField(event.target.value);
        choose(null);
      }}>${found.parts.map((each) => html`<option value=${each.field}>${each.field}</option>`)}</select></label>`}
      <${Parts} key=${`parts ${field}`} parts=${of(found.parts)} target=${found.project.targets.alpha} />
      <${Pairs} key=${`pairs ${field}`} found=${of(found.pairs)} chosen=${pair} choose=${choose} />
      <${ModelsBeside} key=${`models ${field}`} id=${id} field=${field} />
      ${pair && html`<${Apart} key=${`${field} ${pair.first} ${pair.second}`} id=${id} field=${field} pair=${pair} />`}`
      : !problem && html`<p class="quiet" aria-busy="true">${t("loading")}</p>`}</main>`;
}

function Parts({ parts, target }) {
  const [{ only }, keep] = useAddress({ only: "" }, "parts.");
  const curve = parts.parts.filter((one) => one.by === "time" && one.alpha.value !== null);
  const points = curve.map(({ alpha, start, end }) => ({ at: (Date.parse(start) + Date.parse(end)) / 2, value: alpha.value, low: alpha.low, high: alpha.high }));
  const rest = parts.parts.filter((one) => one.by !== "time");
  const kinds = [...new Set([...rest.map((one) => one.by), ...(only ? [only] : [])])];
  const part = (one) => (one.by === "class" ? said(JSON.parse(one.part)) : one.part);
  const columns = [
    ["by", t("agreement.by"), (one) => t(`agreement.by.${one.by}`), (one) => t(`agreement.by.${one.by}`)],
    ["part", t("agreement.part"), (one) => html`<span dir="auto">${part(one)}</span>`, part],
    ["alpha", t("project.alpha"), (one) => html`<span class="whole">${one.alpha.value === null ? "–" : number(one.alpha.value)} <span class="quiet">${interval(one.alpha, number)}</span></span>`, (one) => one.alpha.value],
    ["equal", t("agreement.equal"), (one) => (one.agreement.value === null ? "–" : percent(one.agreement.value, 0)), (one) => one.agreement.value],
    ["units", t("agreement.units"), (one) => whole(one.alpha.units), (one) => one.alpha.units],
  ];
  const filter = html`<label class="filter">${t("lots.only")} <select value=${only} onChange=${(event) => keep({ only: event.target.value })}>
    <option value="">${t("lots.any")}</option>${kinds.map((one) => html`<option value=${one}>${t(`agreement.by.${one}`)}</option>`)}</select></label>`;
  return html`${points.length > 1 && html`<section class="card agreement"><h2>${t("project.overTime")}</h2><figure><${TimePlot}
      label=${t("project.alphaNow", { value: number(points.at(-1).value), target: number(target) })} points=${points}
      up=${[Math.max(-1, Math.min(0, ...points.map((one) => one.low ?? one.value))), 1]} target=${target} nameY=${t("project.alpha")} shownY=${(value) => number(value, 2)} />
      <figcaption><span class="key way">${t("project.alpha")}</span><span class="key area">${t("project.band")}</span><span class="key line">${t("project.target", { value: number(target) })}</span></figcaption></figure></section>`}
    <${Table} name="parts" caption=${t("agreement.parts")} columns=${columns} rows=${rest.filter((one) => !only || one.by === only)} empty=${parts.reason} filters=${kinds.length > 1 || only ? filter : null} />`;
}

function Pairs({ found, chosen, choose }) {
  const people = peopleOf(found.pairs);
  const of = (one, other) => found.pairs.find(({ first, second }) => (first === one && second === other) || (first === other && second === one));
  const kappa = (one) => (one.kappa.value === null ? "–" : number(one.kappa.value, 2));
  const open = (one) => html`<button type="button" class="button small" aria-pressed=${chosen === one} aria-label=${t("agreement.open", one)} onClick=${() => choose(one)}>${t("agreement.look")}</button>`;
  const columns = [
    ["first", t("agreement.one"), (one) => html`<span dir="auto">${one.first}</span>`, (one) => one.first],
    ["second", t("agreement.other"), (one) => html`<span dir="auto">${one.second}</span>`, (one) => one.second],
    ["kappa", t("agreement.kappa"), (one) => html`<span class="whole">${kappa(one)} <span class="quiet">${interval(one.kappa, number)}</span></span>`, (one) => one.kappa.value],
    ["equal", t("agreement.equal"), (one) => percent(one.agreement.value, 0), (one) => one.agreement.value],
    ["units", t("agreement.units"), (one) => whole(one.units), (one) => one.units],
    ["open", t("agreement.apart"), open, (one) => one.units],
  ];
  return html`${people.length > 2 && html`<section class="card"><h2>${t("agreement.matrix")}</h2><p class="quiet">${t("agreement.matrixHow")}</p>
    <div class="scroll" tabindex="0" role="group" aria-label=${t("agreement.matrix")}><table class="matrix"><thead><tr><td></td>${people.map((one) => html`<th scope="col" dir="auto">${one}</th>`)}</tr></thead>
    <tbody>${people.map((row) => html`<tr><th scope="row" dir="auto">${row}</th>${people.map((column) => {
      const one = row === column ? null : of(row, column);
      return html`<td class=${one ? shade(one.kappa.value) : ""}>${one && html`<button type="button" aria-pressed=${chosen === one} aria-label=${t("agreement.open", one)} title=${t("agreement.shared", { count: one.units })} onClick=${() => choose(one)}>${kappa(one)}</button>`}</td>`;
    })}</tr>`)}</tbody></table></div></section>`}
    <${Table} name="pairs" caption=${t("agreement.pairs")} columns=${columns} rows=${found.pairs} empty=${t("agreement.noPairs")} />`;
}

// The units on which two disagree, some at a time.
function Apart({ id, field, pair }) {
  const [told, setTold] = useState(null);
  const [problem, setProblem] = useState("");
  const more = async () => {
    const query = new URLSearchParams({ first: pair.first, second: pair.second, field, limit: PAGE, cursor: told?.next ?? "" });
    try {
      const page = await ask("metrics", "GET", `/projects/${id}/quality/pairs/units?${query}`);
      setTold({ ...page, units: [...(told?.units ?? []), ...page.units] });
      setProblem("");
    } catch (fault) {
      setProblem(fault.message);
    }
  };
  useEffect(() => {
    more();
  }, []);
  const columns = [
    ["unit", t("agreement.unit"), (one) => html`<a href=${`/units/${encodeURIComponent(one.unit_id)}`}><code>${one.unit_id}</code></a>`, (one) => one.unit_id],
    ["first", pair.first, (one) => html`<span dir="auto">${said(one.first)}</span>`, (one) => said(one.first)],
    ["second", pair.second, (one) => html`<span dir="auto">${said(one.second)}</span>`, (one) => said(one.second)],
    ["at", t("agreement.at"), (one) => html`<time class="whole" datetime=${one.at}>${moment(one.at)}</time>`, (one) => one.at],
  ];
  return html`<section class="apart" aria-live="polite"><p class="problem" role="alert">${problem}</p>
    ${told && html`<p>${t("agreement.differ", { first: pair.first, second: pair.second, apart: whole(told.disagreed), both: whole(told.both) })}
      ${told.disagreed > told.listed && html` ${t("agreement.closed", { count: told.disagreed - told.listed })}`}</p>
      <${Table} name="apart" caption=${t("agreement.apart")} columns=${columns} rows=${told.units} empty=${t("agreement.noneOpen")} />
      ${told.next && html`<button type="button" class="button" onClick=${more}>${t("agreement.more")}</button>`}`}</section>`;
}
