// What is known of a project's quality, in figures and over time.
import { html } from "../parts/html.js";
import { Plot } from "../parts/plot.js";
import { digitsApart, duration, number, percent, t, whole } from "../parts/strings.js";
import { Table } from "../parts/table.js";
import { TimePlot } from "../parts/time_plot.js";

const GATE_UNITS_MIN = 50;
// Under this many units no gate is passed or failed: nominal 95 % intervals do not hold there.
const BANDS = [[0.81, "almostPerfect"], [0.61, "substantial"], [0.41, "moderate"], [0.21, "fair"], [0.01, "slight"], [-2, "none"]];
// Landis and Koch 1977: a habit of speech, not a law; the number and its interval stand beside.

export const bandOf = (value) => BANDS.find(([low]) => Math.round(value * 100) / 100 >= low)[1];

// How a target stands, as metrics judges it: it is missed only where the interval's better end misses it.
const STATES = { met: "good", missed: "bad", unsure: "warn" };
export const stateOf = (target) => STATES[target?.standing] ?? "";

export const interval = (one, shown) => (one.low === null || one.high === null ? "" : t("project.interval", { low: shown(one.low), high: shown(one.high) }));

export function Numbers({ quality }) {
  const { alpha, label_error_rate: rate } = quality;
  const enough = alpha.units >= GATE_UNITS_MIN;
  const of = Object.fromEntries(quality.targets.map((one) => [one.target, one]));
  const alike = (written, found, target, digits) => (value) => written(value, digitsApart(written, [found.low, found.value, found.high], target.limit, digits));
  const shownRate = alike(percent, rate, of.label_error_rate, 2);
  const shownAlpha = alike(number, alpha, of.alpha, 3);
  const { percent_agreement: same, fleiss_kappa: kappa, gwet_ac1: ac1, prevalence_note: skew } = quality;
  return html`<ul class="numbers">
    <${Figure} name=${t("project.alpha")} value=${alpha.value === null ? "–" : shownAlpha(alpha.value)} state=${stateOf(of.alpha)}
      beside=${[alpha.value === null ? alpha.reason : t(`band.${bandOf(alpha.value)}`), interval(alpha, shownAlpha), alpha.units > 0 && t("project.units", { count: alpha.units }),
        enough ? t("project.target", { value: shownAlpha(of.alpha.limit) }) : t("project.noGate", { count: GATE_UNITS_MIN }),
        kappa.value !== null && t("project.coefficients", { kappa: number(kappa.value), ac1: number(ac1.value), share: percent(same.value, 0) })]} />
    <${Figure} name=${t("project.rate")} value=${rate.value === null ? "–" : shownRate(rate.value)} state=${stateOf(of.label_error_rate)}
      beside=${[rate.value === null ? rate.reason : "", interval(rate, shownRate), t("project.target", { value: shownRate(of.label_error_rate.limit) })]} />
    <${Figure} name=${t("project.settled")} value=${whole(quality.units_consensus + quality.units_adjudicated)}
      beside=${[t("project.byConsensus", { count: quality.units_consensus }), t("project.byRuling", { count: quality.units_adjudicated })]} />
    <${Figure} name=${t("project.escalated")} value=${whole(quality.units_escalated)} beside=${[t("project.escalatedText")]} />
    <${Figure} name=${t("project.annotations")} value=${whole(quality.annotations)}
      beside=${[quality.labels_saved_share === null ? "" : t("project.saved", { value: percent(quality.labels_saved_share, 0) }),
        quality.gold_annotations ? t("project.gold", { right: quality.gold_correct, all: quality.gold_annotations }) : ""]} />
    <${Figure} name=${t("project.turnaround")} value=${quality.turnaround_p95_seconds === null ? "–" : duration(quality.turnaround_p95_seconds)}
      beside=${[quality.turnaround_p95_seconds === null ? "" : t("project.p95"), quality.freshness_p95_seconds === null ? "" : t("project.fresh", { value: duration(quality.freshness_p95_seconds) })]} /></ul>
    ${skew && html`<p class="notice warn skew" dir="auto">${skew}</p>`}`;
}

function Figure({ name, value, beside, state = "" }) {
  return html`<li class=${`card figure ${state}`}><h2>${name}</h2><p class="value">${value}${state && html`<span class="state">${t(`state.${state}`)}</span>`}</p>
    ${beside.filter(Boolean).map((one) => html`<p class="quiet" dir="auto">${one}</p>`)}</li>`;
}

export function Agreement({ points, target }) {
  const known = points.filter((one) => one.value !== null);
  if (known.length < 2) return html`<section class="card"><h2>${t("project.overTime")}</h2><p class="quiet">${t("project.tooFew")}</p></section>`;
  const low = Math.min(0, ...known.map((one) => one.low ?? one.value));
  const label = t("project.alphaNow", { value: number(known.at(-1).value), target: number(target) });
  return html`<section class="card agreement"><h2>${t("project.overTime")}</h2><figure><${TimePlot} label=${label} points=${points} up=${[Math.max(low, -1), 1]} target=${target}
    nameY=${t("project.alpha")} shownY=${(value) => number(value, 2)} />
    <figcaption><span class="key way">${t("project.alpha")}</span><span class="key area">${t("project.band")}</span><span class="key line">${t("project.target", { value: number(target) })}</span></figcaption></figure></section>`;
}

// How far people agreed under each version of the label schema, on the units that were labelled under it alone; nothing of a schema that has had one.
export function ByVersion({ quality }) {
  if (!quality.schema_versions) return null;
  const columns = [
    ["version", t("project.schemaVersion"), (one) => whole(one.schema_version), (one) => one.schema_version],
    ["alpha", t("project.alpha"), (one) => (one.alpha.value === null ? one.alpha.reason : html`<span class="whole">${number(one.alpha.value)} ${interval(one.alpha, number)}</span>`), (one) => one.alpha.value],
    ["equal", t("project.equalPairs"), (one) => (one.percent_agreement.value === null ? "–" : percent(one.percent_agreement.value)), (one) => one.percent_agreement.value],
    ["units", t("project.unitsOf"), (one) => whole(one.alpha.units), (one) => one.alpha.units],
  ];
  return html`<${Table} name="versions" caption=${t("project.byVersion")} columns=${columns} rows=${quality.schema_versions} />
    ${quality.units_of_several_versions > 0 && html`<p class="quiet">${t("project.ofSeveral", { count: quality.units_of_several_versions })}</p>`}`;
}

// Throughput against accuracy, one dot a person: the table below tells who.
export function Pace({ people }) {
  const dots = people.filter((one) => one.active_ms_median > 0 && one.accuracy.value !== null);
  if (!dots.length) return html`<section class="card"><h2>${t("project.pace")}</h2><p class="quiet">${t("project.noPace")}</p></section>`;
  const at = (one) => [3_600_000 / one.active_ms_median, one.accuracy.value];
  const most = Math.max(...dots.map((one) => at(one)[0])) * 1.1;
  return html`<section class="card"><h2>${t("project.pace")}</h2><${Plot} label=${t("project.paceLabel", { count: dots.length })} across=${[0, most]} up=${[0, 1]}
    nameX=${t("project.perHour")} nameY=${t("project.accuracy")} shownX=${whole} shownY=${(value) => percent(value, 0)} draw=${(x, y) => dots.map((one) => {
      const [u, v] = at(one);
      return html`<circle class="dot" cx=${x(u)} cy=${y(v)} r="5"><title>${one.annotator_id}</title></circle>`;
    })} /></section>`;
}
