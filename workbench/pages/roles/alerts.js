// What is broken now in any project, and since when; the longest first.
import { html, useEffect, useState } from "../parts/html.js";
import { useAddress } from "../parts/address.js";
import { Away, ask } from "../parts/api.js";
import { moment, number, t } from "../parts/strings.js";
import { Table } from "../parts/table.js";
import { limitOf, shownOf } from "./promises.js";
import { all as allProjects } from "./projects.js";
import { interval } from "./quality.js";

const LOOK_MS = 10_000;
const PAGE = 500;
const ALERTS_MAX = 2_000;
// More than this are not drawn: they are the newest ones.

async function all() {
  const found = [];
  let cursor = "";
  while (found.length < ALERTS_MAX) {
    const told = await ask("metrics", "GET", `/alerts?limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    found.push(...told.alerts);
    cursor = told.next;
    if (!cursor) break;
  }
  return found;
}

const nameOf = (one) => (one.target.startsWith("drift/") ? t("alerts.drift", { measure: one.target.slice(6) }) : t(`target.${one.target}`));

export default function Alerts() {
  const [alerts, setAlerts] = useState(null);
  const [problem, setProblem] = useState("");
  const [names, setNames] = useState(new Map());
  const [{ only }, keep] = useAddress({ only: "" }, "alerts.");
  useEffect(() => {
    // Names are for the eye: without them a project goes by its id.
    allProjects().then((found) => setNames(new Map(found.map((one) => [one.project_id, one.name]))), () => { /* by its id, then */ });
    let timer = 0;
    let over = false;
    const look = async () => {
      clearTimeout(timer);
      try {
        if (!document.hidden) {
          const found = await all();
          if (over) return;
          setAlerts(found);
          setProblem("");
        }
      } catch (fault) {
        if (!over && !(fault instanceof Away)) setProblem(fault.message);
      }
      if (!over) timer = setTimeout(look, LOOK_MS);
    };
    const seen = () => document.hidden || look();
    document.addEventListener("visibilitychange", seen);
    look();
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, []);
  const rows = (alerts ?? []).filter((one) => !only || one.target === only);
  const shown = (one) => (one.found?.value === null || !one.found ? "–" : shownOf(one)(one.found.value));
  const named = (one) => names.get(one.project_id) || one.project_id;
  const columns = [
    ["since", t("alerts.since"), (one) => html`<time datetime=${one.since}>${moment(one.since)}</time>`, (one) => one.since],
    ["project", t("alerts.project"), (one) => html`<a href=${`/projects/${encodeURIComponent(one.project_id)}`} dir="auto">${named(one)}</a>`, named],
    ["target", t("alerts.broken"), (one) => html`<b>${nameOf(one)}</b>`, nameOf],
    ["found", t("alerts.found"), (one) => html`${shown(one)} ${one.found && html`<span class="quiet whole">${interval(one.found, shownOf(one))}</span>`}`, (one) => one.found?.value ?? null],
    ["limit", t("alerts.limit"), (one) => (one.limit === null ? "–" : limitOf(one)), (one) => one.limit],
  ];
  const targets = [...new Set([...(alerts ?? []).map((one) => one.target), ...(only ? [only] : [])])].sort();
  const filter = html`<label class="filter">${t("lots.only")} <select value=${only} onChange=${(event) => keep({ only: event.target.value })}>
    <option value="">${t("lots.any")}</option>${targets.map((one) => html`<option value=${one}>${nameOf({ target: one })}</option>`)}</select></label>`;
  return html`<main class="wide" id="main" tabindex="-1"><h1>${t("alerts.title")}</h1><p class="lead">${t("alerts.lead")}</p>
    <p class="problem" role="alert">${problem}</p>
    ${alerts ? html`<${Table} name="alerts" caption=${t("alerts.all")} columns=${columns} rows=${rows} empty=${t(only ? "alerts.noneSuch" : "alerts.none")} filters=${targets.length > 1 || only ? filter : null} />` : !problem && html`<p class="quiet" aria-busy="true">${t("loading")}</p>`}</main>`;
}
