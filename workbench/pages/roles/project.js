// One project, live: how well people agree, what waits, what was accepted, who needs help, and what may leave.
import { html, useEffect, useMemo, useState, useStore } from "../parts/html.js";
import { Away, ask, session } from "../parts/api.js";
import { Plot, lineOf } from "../parts/plot.js";
import { duration, number, percent, t, whole } from "../parts/strings.js";
import { Table } from "../parts/table.js";
import { Leaving } from "./leaving.js";
import { Lots } from "./lots.js";

const LOOK_MS = 3_000;
const POINTS_MAX = 400;
const GATE_UNITS_MIN = 50;
// Under this many units no gate is passed or failed: nominal 95 % intervals do not hold there.
const BANDS = [[0.81, "almostPerfect"], [0.61, "substantial"], [0.41, "moderate"], [0.21, "fair"], [0.01, "slight"], [-2, "none"]];
// Landis and Koch 1977: a habit of speech, not a law; the number and its interval stand beside.

export const bandOf = (value) => BANDS.find(([low]) => Math.round(value * 100) / 100 >= low)[1];

export default function Project({ one }) {
  const id = encodeURIComponent(one);
  const { roles } = useStore(session);
  const [project, setProject] = useState(null);
  const [quality, setQuality] = useState(null);
  const [people, setPeople] = useState([]);
  const [stranded, setStranded] = useState(null);
  const [problem, setProblem] = useState("");
  const points = useMemo(() => [], []);
  useEffect(() => {
    let timer = 0;
    let over = false;
    const look = async () => {
      try {
        if (!document.hidden) {
          const [found, { annotators }, waits] = await Promise.all([
            ask("metrics", "GET", `/projects/${id}/quality`), ask("metrics", "GET", `/projects/${id}/annotators`),
            ask("assign", "GET", `/projects/${id}/stranded`)]);
          if (over) return;
          points.push({ at: Date.now(), alpha: found.alpha.value, rate: found.label_error_rate.value });
          if (points.length > POINTS_MAX) points.shift();
          setQuality(found);
          setPeople(annotators);
          setStranded(waits);
          setProblem("");
        }
      } catch (fault) {
        // A project that was just made is heard of by the others a moment later.
        if (!over && !(fault instanceof Away) && fault.status !== 404) setProblem(fault.message);
      }
      if (!over) timer = setTimeout(look, LOOK_MS);
    };
    ask("ingest", "GET", `/projects/${id}`).then(setProject, (fault) => setProblem(fault.message));
    look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);
  if (problem && !project) return html`<main class="narrow" id="main" tabindex="-1"><p class="problem" role="alert">${problem}</p></main>`;
  if (!project) return html`<main class="narrow" id="main" tabindex="-1"><p class="quiet" aria-busy="true">${t("loading")}</p></main>`;
  return html`<main class="wide" id="main" tabindex="-1">
    <div class="bar"><div><h1 dir="auto">${project.name || project.project_id}</h1>
      <p class="quiet">${t(`kind.${project.label_schema.kind}`)} · <code>${project.project_id}</code></p></div>
      <div class="row invites"><${Invite} id=${one} />
        ${roles.includes("client") && html`<a class="button" href=${`/new?project=${id}`}>${t("project.addUnits")}</a>`}</div></div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${quality ? html`<${Numbers} quality=${quality} targets=${project.targets} />
      <div class="pair"><${Agreement} points=${points} target=${project.targets.alpha} /><${Pace} people=${people} /></div>`
      : html`<p class="quiet">${t("project.notYet")}</p>`}
    <${Stranded} stranded=${stranded} />
    <${Lots} id=${id} audit=${project.policy.audit} />
    <${Leaving} id=${id} />
    <${People} people=${people} /></main>`;
}

function Invite({ id }) {
  const [copied, setCopied] = useState(false);
  const address = `${location.origin}/annotate/${encodeURIComponent(id)}`;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(address);
      setCopied(true);
    } catch { /* it stands beside, to be copied by hand */ }
  };
  return html`<div class="invite"><label>${t("project.invite")}<input readonly value=${address} onFocus=${(event) => event.target.select()} /></label>
    <button type="button" class="button" onClick=${copy}>${copied ? t("project.copied") : t("project.copy")}</button></div>`;
}

const interval = (one, shown) => (one.low === null || one.high === null ? "" : t("project.interval", { low: shown(one.low), high: shown(one.high) }));

function Numbers({ quality, targets }) {
  const { alpha, label_error_rate: rate } = quality;
  const enough = alpha.units >= GATE_UNITS_MIN;
  // A target is missed only where the interval's better end misses it: else nobody knows yet.
  const alphaState = !enough || alpha.value === null ? "" : alpha.high < targets.alpha ? "bad" : alpha.low >= targets.alpha ? "good" : "warn";
  const rateState = rate.value === null ? "" : rate.low > targets.label_error_rate ? "bad" : rate.high <= targets.label_error_rate ? "good" : "warn";
  const shownRate = (value) => percent(value, 2);
  return html`<ul class="numbers">
    <${Figure} name=${t("project.alpha")} value=${alpha.value === null ? "–" : number(alpha.value)} state=${alphaState}
      beside=${[alpha.value === null ? alpha.reason : t(`band.${bandOf(alpha.value)}`), interval(alpha, number), alpha.units > 0 && t("project.units", { count: alpha.units }),
        enough ? t("project.target", { value: number(targets.alpha) }) : t("project.noGate", { count: GATE_UNITS_MIN })]} />
    <${Figure} name=${t("project.rate")} value=${rate.value === null ? "–" : shownRate(rate.value)} state=${rateState}
      beside=${[rate.value === null ? rate.reason : "", interval(rate, shownRate), t("project.target", { value: shownRate(targets.label_error_rate) })]} />
    <${Figure} name=${t("project.settled")} value=${whole(quality.units_consensus + quality.units_adjudicated)}
      beside=${[t("project.byConsensus", { count: quality.units_consensus }), t("project.byRuling", { count: quality.units_adjudicated })]} />
    <${Figure} name=${t("project.escalated")} value=${whole(quality.units_escalated)} beside=${[t("project.escalatedText")]} />
    <${Figure} name=${t("project.annotations")} value=${whole(quality.annotations)}
      beside=${[quality.labels_saved_share === null ? "" : t("project.saved", { value: percent(quality.labels_saved_share, 0) }),
        quality.gold_annotations ? t("project.gold", { right: quality.gold_correct, all: quality.gold_annotations }) : ""]} />
    <${Figure} name=${t("project.turnaround")} value=${quality.turnaround_p95_seconds === null ? "–" : duration(quality.turnaround_p95_seconds)}
      beside=${[quality.turnaround_p95_seconds === null ? "" : t("project.p95"), quality.freshness_p95_seconds === null ? "" : t("project.fresh", { value: duration(quality.freshness_p95_seconds) })]} /></ul>`;
}

function Figure({ name, value, beside, state = "" }) {
  return html`<li class=${`card figure ${state}`}><h2>${name}</h2><p class="value">${value}${state && html`<span class="state">${t(`state.${state}`)}</span>`}</p>
    ${beside.filter(Boolean).map((one) => html`<p class="quiet" dir="auto">${one}</p>`)}</li>`;
}

function Agreement({ points, target }) {
  const known = points.filter((one) => one.alpha !== null);
  if (known.length < 2) return html`<section class="card"><h2>${t("project.overTime")}</h2><p class="quiet">${t("project.tooFew")}</p></section>`;
  const began = known[0].at;
  const line = known.map((one) => [(one.at - began) / 1_000, one.alpha]);
  const low = Math.min(0, ...line.map(([, value]) => value));
  const last = Math.max(line.at(-1)[0], 10);
  const label = t("project.alphaNow", { value: number(known.at(-1).alpha), target: number(target) });
  return html`<section class="card"><h2>${t("project.overTime")}</h2><${Plot} label=${label} across=${[0, last]} up=${[low, 1]}
    nameX=${t("project.seconds")} nameY=${t("project.alpha")} shownX=${whole} shownY=${(value) => number(value, 2)} draw=${(x, y) => html`
      <line class="target" x1=${x(0)} x2=${x(last)} y1=${y(target)} y2=${y(target)} /><path class="line way" d=${lineOf(line, x, y)} />`} /></section>`;
}

// Throughput against accuracy, one dot a person: the table below tells who.
function Pace({ people }) {
  const dots = people.filter((one) => one.active_ms_median > 0 && (one.accuracy.value ?? one.expected_accuracy) !== null);
  if (!dots.length) return html`<section class="card"><h2>${t("project.pace")}</h2><p class="quiet">${t("project.noPace")}</p></section>`;
  const at = (one) => [3_600_000 / one.active_ms_median, one.accuracy.value ?? one.expected_accuracy];
  const most = Math.max(...dots.map((one) => at(one)[0])) * 1.1;
  return html`<section class="card"><h2>${t("project.pace")}</h2><${Plot} label=${t("project.paceLabel", { count: dots.length })} across=${[0, most]} up=${[0, 1]}
    nameX=${t("project.perHour")} nameY=${t("project.accuracy")} shownX=${whole} shownY=${(value) => percent(value, 0)} draw=${(x, y) => dots.map((one) => {
      const [u, v] = at(one);
      return html`<circle class="dot" cx=${x(u)} cy=${y(v)} r="5"><title>${one.annotator_id}</title></circle>`;
    })} /></section>`;
}

function Stranded({ stranded }) {
  if (!stranded || !(stranded.units.length || stranded.skills.length)) return null;
  return html`<section class="notice warn"><p><b>${t("project.stranded", { count: stranded.units.length })}</b></p>
    ${stranded.skills.map(({ skills, units }) => html`<p dir="auto">${t("project.skillsMissing", { skills: skills.join(", "), count: units })}</p>`)}</section>`;
}

function People({ people }) {
  const accuracy = (one) => one.accuracy.value ?? one.expected_accuracy;
  const columns = [
    ["who", t("people.name"), (one) => html`<span dir="auto">${one.annotator_id}</span>`, (one) => one.annotator_id],
    ["kind", t("people.kind"), (one) => t(`people.${one.kind ?? "unknown"}`), (one) => one.kind ?? ""],
    ["labels", t("people.labels"), (one) => whole(one.annotations), (one) => one.annotations],
    ["accuracy", t("people.accuracy"), (one) => (accuracy(one) === null ? "–" : `${percent(accuracy(one))} ${interval(one.accuracy, percent)}`), accuracy],
    ["gold", t("people.gold"), (one) => `${whole(one.gold_correct)} / ${whole(one.gold_units)}`, (one) => one.gold_units],
    ["pace", t("people.pace"), (one) => (one.active_ms_median ? duration(one.active_ms_median / 1_000) : "–"), (one) => one.active_ms_median || null],
  ];
  return html`<${Table} caption=${t("project.people")} columns=${columns} rows=${people} empty=${t("project.noPeople")} />`;
}
