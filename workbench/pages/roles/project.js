// One project, live: how well people agree, what is promised and whether it holds, what waits, who needs help, what may leave.
import { html, useEffect, useRef, useState, useStore } from "../parts/html.js";
import { Away, ask, isLater, session } from "../parts/api.js";
import { Coming, useAsked } from "../parts/asked.js";
import { forgetOlder, recall, remember } from "../parts/memory.js";
import { follow } from "../parts/stream.js";
import { duration, percent, t, whole } from "../parts/strings.js";
import { Table } from "../parts/table.js";
import { Conduct } from "./conduct.js";
import { NeedHelp } from "./help.js";
import { GuidelineEditor } from "./guideline_editor.js";
import { Leaving } from "./leaving.js";
import { Life } from "./life.js";
import { Lots } from "./lots.js";
import { Alerts, Promises } from "./promises.js";
import { Questions } from "./questions.js";
import { SchemaEditor, changeable } from "./schema_editor.js";
import { Agreement, ByVersion, Numbers, Pace, interval } from "./quality.js";
import { SpentLabels } from "./spending.js";
import { FindUnit } from "./unit.js";

const LOOK_MS = 5_000;
// News come as they are made; who works and what is stuck is asked for with them, and no more often than this.
const POINTS_MAX = 400;
const POINTS_MS = 12 * 3_600_000;

// One more look at agreement. Where there are too many, every second of them goes: the hours stay, and cost less.
export function oneMore(points, point) {
  const all = [...points, point].filter((one) => one.at > point.at - POINTS_MS);
  return all.length > POINTS_MAX ? all.filter((one, place) => one.value === null || place % 2 === 0 || place === all.length - 1) : all;
}

// A project's quality as it is told, agreement over the hours, its people, and what is stuck.
function useLive(one) {
  const id = encodeURIComponent(one);
  const kept = `agreement:${one}`;
  const [live, setLive] = useState({ quality: null, people: [], stranded: null, problem: "" });
  // What was seen in this browser before, and that nobody looked since.
  const points = useRef(null);
  points.current ??= [...recall(kept, { points: [] }).points, { at: Date.now(), value: null }];
  useEffect(() => {
    forgetOlder("agreement:", Date.now() - POINTS_MS);
    let timer = 0;
    let looked = -LOOK_MS;
    let over = false;
    let again = false;
    const change = (changes) => over || setLive((now) => ({ ...now, ...changes }));
    const say = (fault) => isLater(fault) || change({ problem: fault.message });
    const look = async () => {
      timer = 0;
      looked = performance.now();
      try {
        const [people, stranded] = await Promise.all([everybody(id), ask("assign", "GET", `/projects/${id}/stranded`)]);
        change({ people, stranded });
      } catch (fault) {
        say(fault);
        again ||= isLater(fault);
      }
      // One look after the last news: people's figures may follow the project's, and a look may have found nobody there.
      if (again && !over) timer ||= setTimeout(look, LOOK_MS);
      again = false;
    };
    const take = (quality) => {
      const { value, low, high } = quality.alpha;
      if (value !== null) {
        points.current = oneMore(points.current, { at: Date.now(), value, low, high });
        remember(kept, { at: Date.now(), points: points.current });
      }
      change({ quality, problem: "" });
      again = true;
      timer ||= setTimeout(look, Math.max(0, looked + LOOK_MS - performance.now()));
    };
    const lack = (fault) => {
      say(fault);
      // No stream is to be had for now: one look, whenever it is tried again.
      if (fault instanceof Away) ask("metrics", "GET", `/projects/${id}/quality`).then(take, () => { /* said by whoever looks next */ });
    };
    const leave = follow("metrics", `/projects/${id}/quality/events`, take, lack);
    return () => {
      over = true;
      leave();
      clearTimeout(timer);
    };
  }, []);
  return { ...live, points: points.current };
}

// More than this are not drawn: the table is by id, and looked through by the filter.
const PEOPLE_MAX = 2_000;

async function everybody(id) {
  const people = [];
  let after = "";
  while (people.length < PEOPLE_MAX) {
    const told = await ask("metrics", "GET", `/projects/${id}/annotators?limit=500&after=${encodeURIComponent(after)}`);
    people.push(...told.annotators);
    if (!told.next) break;
    after = told.next;
  }
  return people;
}

export default function Project({ one, go }) {
  const id = encodeURIComponent(one);
  const { roles } = useStore(session);
  const [changed, setProject] = useState(null);
  const [editing, edit] = useState(false);
  const [changing, change] = useState(false);
  const [said, say] = useState("");
  const { quality, people, stranded, problem, points } = useLive(one);
  const { found: first, problem: fault } = useAsked(() => ask("ingest", "GET", `/projects/${id}`), []);
  const project = changed ?? first;
  if (!project) return html`<main class="narrow" id="main" tabindex="-1"><${Coming} problem=${fault} /></main>`;
  return html`<main class="wide" id="main" tabindex="-1">
    <div class="bar"><div><h1 dir="auto">${project.name || project.project_id}</h1>
      <p class="quiet">${t(`kind.${project.label_schema.kind}`)} · <code>${project.project_id}</code></p></div>
      <div class="row invites"><${Invite} id=${one} />
        <a class="button" href=${`/closing/${id}`}>${t("closing.title")}</a>
        <a class="button" href=${`/agreement/${id}`}>${t("agreement.link")}</a>
        ${roles.includes("operator") && html`<a class="button" href=${`/gold/${id}`}>${t("gold.title")}</a>`}
        ${roles.includes("client") && html`<a class="button" href=${`/new?project=${id}`}>${t("project.addUnits")}</a>`}
        ${roles.includes("client") && html`<button type="button" class="button" onClick=${() => edit(true)}>${t("edit.open", { version: project.guideline_version })}</button>`}
        ${roles.includes("client") && changeable(project.label_schema).size > 0 && html`<button type="button" class="button" onClick=${() => change(true)}>${t("change.open", { version: project.schema_version })}</button>`}</div></div>
    <${Life} project=${project} changed=${setProject} /><p role="status">${said}</p>
    ${editing && html`<${GuidelineEditor} project=${project} close=${() => edit(false)} done=${(found) => {
      edit(false);
      setProject(found);
      say(t(found.guideline_version > project.guideline_version ? "edit.done" : "edit.same", { version: found.guideline_version }));
    }} />`}
    ${changing && html`<${SchemaEditor} project=${project} close=${() => change(false)} done=${(found) => {
      change(false);
      setProject(found);
      say(t("change.done", { version: found.schema_version }));
    }} />`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${quality ? html`<${Alerts} targets=${quality.targets} /><${Numbers} quality=${quality} />
      <div class="pair"><${Agreement} points=${points} target=${project.targets.alpha} /><${Promises} targets=${quality.targets} /></div><${ByVersion} quality=${quality} />`
      : html`<p class="quiet">${t("project.notYet")}</p>`}
    <${Stranded} stranded=${stranded} /><${Conduct} id=${id} news=${people} />
    <${Questions} id=${id} version=${project.guideline_version} news=${quality && quality.units_escalated} />
    <${Lots} id=${id} news=${quality && JSON.stringify(quality.lots)} />
    <${Leaving} id=${id} ready=${Boolean(quality?.lots.accepted)} />
    <div class="pair"><${NeedHelp} people=${people} bar=${project.policy.gold.pass_accuracy} /><${Pace} people=${people} /></div>
    <${SpentLabels} id=${id} news=${quality && quality.units_consensus + quality.units_adjudicated} />
    <${People} people=${people} />
    <${FindUnit} project=${one} go=${go} /></main>`;
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

function Stranded({ stranded }) {
  if (!stranded || !(stranded.units.length || stranded.skills.length)) return null;
  return html`<section class="notice warn"><p><b>${t("project.stranded", { count: stranded.count })}</b></p>
    ${stranded.skills.map(({ skills, units }) => html`<p dir="auto">${t("project.skillsMissing", { skills: skills.join(", "), count: units })}</p>`)}</section>`;
}

function People({ people }) {
  // Without gold there is only what is assumed of everybody, which is told of nobody.
  const accuracy = (one) => one.accuracy.value;
  const columns = [
    ["who", t("people.name"), (one) => html`<span dir="auto">${one.annotator_id}</span>`, (one) => one.annotator_id],
    ["kind", t("people.kind"), (one) => t(`people.${one.kind ?? "unknown"}`), (one) => one.kind ?? ""],
    ["labels", t("people.labels"), (one) => whole(one.annotations), (one) => one.annotations],
    ["accuracy", t("people.accuracy"), (one) => (accuracy(one) === null ? t("people.notKnown") : html`<span class="whole">${percent(accuracy(one))} ${interval(one.accuracy, percent)}</span>`), accuracy],
    ["gold", t("people.gold"), (one) => html`<bdi dir="ltr">${whole(one.gold_correct)} / ${whole(one.gold_units)}</bdi>`, (one) => one.gold_units],
    ["pace", t("people.pace"), (one) => (one.active_ms_median ? duration(one.active_ms_median / 1_000) : "–"), (one) => one.active_ms_median || null],
  ];
  return html`<${Table} name="people" caption=${t("project.people")} columns=${columns} rows=${people} empty=${t("project.noPeople")} />`;
}
