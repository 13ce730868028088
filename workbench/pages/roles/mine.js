// One's own quality in a project: where one stands and what comes next, hidden gold over time, by class and by pace, and one's days.
import { html } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { useAsked } from "../parts/asked.js";
import { useKeys } from "../parts/keys.js";
import { Plot, lineOf } from "../parts/plot.js";
import { duration, moment, percent, t, whole } from "../parts/strings.js";
import { bandOf } from "../parts/time_plot.js";
import { about } from "./choose.js";
import { OwnAppeals } from "./own_appeals.js";
import { OwnConduct } from "./own_conduct.js";
import { interval } from "./quality.js";

const SECOND_MS = 1_000;
const DAYS_SHOWN = 31;
const said = (label) => {
  const value = JSON.parse(label);
  return typeof value === "string" ? value : label;
};
// A day reads the same whichever way the words around it run.
const dayOf = (day) => `\u2068${day}\u2069`;
const share = (one) => (one.value === null ? "–" : percent(one.value));

export default function Mine({ one, go }) {
  const id = encodeURIComponent(one);
  const { found, problem } = useAsked(async () => {
    const [own, me] = await Promise.all([ask("metrics", "GET", `/projects/${id}/quality/mine`), ask("assign", "GET", "/me")]);
    return { own, mine: me.projects.find((each) => each.project_id === one) };
  }, []);
  useKeys({ back: () => go(`/annotate/${id}`) });
  return html`<main class="wide stacked" id="main" tabindex="-1"><p><a href=${`/annotate/${id}`}>${t("mine.toWork")}</a></p>
    <h1>${t("mine.title")} <span class="quiet" dir="auto">${found?.mine?.name || one}</span></h1><p class="lead">${t("mine.lead")}</p>
    <p class="problem" role="alert">${problem}</p>
    ${found ? html`<${Where} mine=${found.mine} id=${id} /><${OwnConduct} id=${id} /><${OwnAppeals} id=${id} /><${Figures} own=${found.own} /><${OverTime} periods=${found.own.periods} />
      ${found.own.confusion.map((each) => html`<${Pairs} key=${each.field} pairs=${each} />`)}
      <${Paces} paces=${found.own.paces} /><${Days} days=${found.own.days} />`
      : !problem && html`<p class="quiet" aria-busy="true">${t("loading")}</p>`}</main>`;
}

function Where({ mine, id }) {
  if (!mine) return null;
  const toQualify = mine.qualification;
  return html`<section class="card" aria-label=${t("mine.where")}><h2>${t("mine.where")}</h2>
    <p>${about(mine)}</p>
    ${mine.reason && mine.why && html`<p class="quiet" dir="auto">${mine.reason}</p>`}
    ${toQualify?.about_more > 0 && html`<p>${t("mine.more", { count: toQualify.about_more })}</p>`}
    ${toQualify?.retraining && html`<p><a class="button primary" href=${`/retraining/${id}`}>${t("retraining.title")}</a></p>`}</section>`;
}

function Figure({ title, value, children }) {
  return html`<li class="card figure"><h2>${title}</h2><p class="value">${value}</p>${children}</li>`;
}

function Figures({ own }) {
  const { accuracy, fatigue } = own;
  const resolved = own.resolved_same + own.resolved_other;
  return html`<ul class="numbers"><${Figure} title=${t("mine.accuracy")} value=${share(accuracy)}>
      <p class="quiet">${interval(accuracy, percent)}</p>
      <p class="quiet">${own.stated_until ? t("mine.rests", { correct: own.gold_correct, count: own.gold_units, day: dayOf(own.stated_until) }) : t("mine.notYet", { count: own.step })}</p><//>
    <${Figure} title=${t("mine.pace")} value=${own.active_ms_median ? duration(own.active_ms_median / SECOND_MS) : "–"}>
      ${own.others_active_ms_median !== null && html`<p class="quiet">${t("mine.others", { time: duration(own.others_active_ms_median / SECOND_MS) })}</p>`}<//>
    <${Figure} title=${t("mine.resolved")} value=${resolved ? t("mine.of", { some: own.resolved_same, all: resolved }) : "–"}><p class="quiet">${t("mine.resolvedHow")}</p><//>
    <${Figure} title=${t("mine.streak")} value=${whole(own.days_in_a_row)}><p class="quiet">${t("mine.labels", { count: own.labels })}</p>
      <p class="quiet">${t("mine.row", { count: own.right_in_a_row })}</p><//>
    ${fatigue && html`<${Figure} title=${t("mine.rest")} value=${t(fatigue.slower ? "mine.slower" : "mine.steady")}>
      ${fatigue.asked && html`<p class="quiet">${t(`mine.${fatigue.asked}`, { time: moment(fatigue.until) })}</p><p class="quiet" dir="auto">${fatigue.reason}</p>`}<//>`}</ul>
    <p class="quiet">${t("mine.steps", { count: own.step })}</p>`;
}

function OverTime({ periods }) {
  if (!periods.length) return null;
  const points = periods.map(({ until, accuracy }) => ({ at: Date.parse(until), value: accuracy.value, low: accuracy.low, high: accuracy.high }));
  const across = [points[0].at, points.at(-1).at];
  return html`<section class="card agreement"><h2>${t("mine.overTime")}</h2>
    ${points.length > 1 && html`<figure><${Plot} label=${t("mine.overTime")} across=${across} up=${[Math.min(0.5, ...points.map((each) => each.low)), 1]} ticks=${across}
      shownX=${(at) => new Date(at).toISOString().slice(0, 10)} shownY=${(value) => percent(value, 0)} nameX="" nameY=${t("mine.accuracy")} draw=${(x, y) => html`
        <path class="area way" d=${bandOf(points, x, y)} /><path class="line way" d=${lineOf(points.map(({ at, value }) => [at, value]), x, y)} />
        ${points.map(({ at, value }) => html`<circle class="dot" cx=${x(at)} cy=${y(value)} r="4" />`)}`} /></figure>`}
    <div class="scroll" tabindex="0" role="group" aria-label=${t("mine.overTime")}><table><thead><tr>${["mine.until", "mine.gold", "mine.right", "mine.accuracy"].map((name) => html`<th scope="col" class="plain">${t(name)}</th>`)}</tr></thead>
      <tbody>${periods.toReversed().map((each) => html`<tr><td class="whole">${each.until}</td><td>${whole(each.gold_units)}</td><td>${whole(each.gold_correct)}</td>
        <td class="whole">${share(each.accuracy)} <span class="quiet">${interval(each.accuracy, percent)}</span></td></tr>`)}</tbody></table></div></section>`;
}

// What is known as what, down, and what one gave, across; it is told in threes, so no cell says which unit was gold.
function Pairs({ pairs }) {
  if (!pairs.cells.length) return null;
  const known = [...new Set(pairs.cells.map((cell) => cell.known))];
  const given = [...new Set(pairs.cells.map((cell) => cell.given))];
  const of = (one, other) => pairs.cells.find((cell) => cell.known === one && cell.given === other);
  return html`<section class="card"><h2>${t("mine.matrix")}${pairs.field && html` <bdi>${pairs.field}</bdi>`}</h2><p class="quiet">${t("mine.matrixHow", { count: pairs.others })}</p>
    <div class="scroll" tabindex="0" role="group" aria-label=${t("mine.matrix")}><table class="matrix plain"><thead><tr><td></td>${given.map((one) => html`<th scope="col" dir="auto">${said(one)}</th>`)}</tr></thead>
    <tbody>${known.map((row) => html`<tr><th scope="row" dir="auto">${said(row)}</th>${given.map((column) => {
      const cell = of(row, column);
      return html`<td>${cell ? (row === column ? whole(cell.units) : html`<b class="problem">${whole(cell.units)}</b>`) : html`<span class="quiet">·</span>`}</td>`;
    })}</tr>`)}</tbody></table></div></section>`;
}

function Paces({ paces }) {
  if (!paces.length) return null;
  return html`<section class="card"><h2>${t("mine.paces")}</h2><p class="quiet">${t("mine.pacesHow")}</p>
    <div class="scroll" tabindex="0" role="group" aria-label=${t("mine.paces")}><table><thead><tr>${["mine.seconds", "mine.gold", "mine.accuracy"].map((name) => html`<th scope="col" class="plain">${t(name)}</th>`)}</tr></thead>
    <tbody>${paces.map((each) => html`<tr><td>${t("mine.between", { from: each.seconds_from, to: each.seconds_to })}</td><td>${whole(each.gold_units)}</td>
      <td class="whole">${share(each.accuracy)} <span class="quiet">${interval(each.accuracy, percent)}</span></td></tr>`)}</tbody></table></div></section>`;
}

function Days({ days }) {
  if (!days.length) return null;
  return html`<section class="card"><h2>${t("mine.days")}</h2><p class="quiet">${t("mine.daysHow")}</p>
    <div class="scroll" tabindex="0" role="group" aria-label=${t("mine.days")}><table><thead><tr>${["mine.day", "mine.labelled", "mine.time", "mine.untold"].map((name) => html`<th scope="col" class="plain">${t(name)}</th>`)}</tr></thead>
    <tbody>${days.slice(-DAYS_SHOWN).toReversed().map((each) => html`<tr><td class="whole">${each.day ?? t("mine.earlier")}</td><td>${whole(each.labels)}</td>
      <td>${duration(each.active_ms / SECOND_MS)}</td><td>${whole(each.labels_untold)}</td></tr>`)}</tbody></table></div></section>`;
}
