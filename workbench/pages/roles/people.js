// The roster: who annotates, what they can do, and whether they are at work. A page of it at a time, as the service has it.
import { html, useEffect, useRef, useState } from "../parts/html.js";
import { useAddress } from "../parts/address.js";
import { Away, ask } from "../parts/api.js";
import { moment, t } from "../parts/strings.js";
import { Person } from "./person.js";
import { RosterFile } from "./roster_file.js";

const PAGE = 50;
const PAUSE_MS = 300;
// Between a letter that is typed and the list that follows it.
const HEARD_MS = 1_200;
// Until every process has heard of a change, and the list tells it.
const STATES = ["invited", "qualifying", "active", "paused", "retired"];
const NOTHING = { text: "", state: "", kind: "", skill: "", language: "", vendor: "" };
const FIRST = { cursor: "", page: "1" };

export default function People() {
  const [{ cursor: at, page: place, ...sought }, stand] = useAddress({ ...NOTHING, ...FIRST });
  const passed = useRef([]);
  // The pages before this one; after a reload only the first is known.
  const [page, setPage] = useState(null);
  const [problem, setProblem] = useState("");
  const [opened, open] = useState(null);
  const [said, say] = useState({ tell: () => "" });
  // A sentence as it is asked for, so that it follows the language.
  const [turns, again] = useState(0);
  const timer = useRef(0);
  const query = new URLSearchParams({ limit: PAGE, ...(at && { cursor: at }) });
  for (const [name, value] of Object.entries(sought)) if (value.trim()) query.set(name, value.trim());
  useEffect(() => {
    let over = false;
    const look = () => ask("assign", "GET", `/annotators?${query}`).then((found) => {
      if (over) return;
      setPage({ ...found, asked: `${query}` });
      setProblem("");
    }, (fault) => {
      if (over) return;
      if (fault instanceof Away) timer.current = setTimeout(look, 2_000);
      else setProblem(fault.message);
    });
    timer.current = setTimeout(look, page ? PAUSE_MS : 0);
    return () => {
      over = true;
      clearTimeout(timer.current);
    };
  }, [`${query}`, turns]);
  const change = (field) => (event) => {
    passed.current = [];
    stand({ ...FIRST, [field]: event.target.value });
  };
  const forth = () => {
    passed.current.push({ cursor: at, page: place });
    stand({ cursor: page.next, page: String((Number(place) || 1) + 1) });
  };
  const done = (tell) => {
    open(null);
    say({ tell });
    again((count) => count + 1);
    setTimeout(() => again((count) => count + 1), HEARD_MS);
  };
  const isSought = Object.values(sought).some((one) => one.trim());
  return html`<main class="wide" id="main" tabindex="-1"><div class="bar"><div><h1>${t("people.title")}</h1></div>
      <div class="tools"><button type="button" class="button" onClick=${() => open("file")}>${t("people.import")}</button>
        <button type="button" class="button primary" onClick=${() => open("new")}>${t("people.add")}</button></div></div>
    <p class="lead">${t("people.lead")}</p>
    <form class="row" role="search" aria-label=${t("people.seek")} onSubmit=${(event) => event.preventDefault()}>
      <label>${t("people.text")} <input type="search" dir="auto" value=${sought.text} onInput=${change("text")} /></label>
      <label>${t("people.state")} <select value=${sought.state} onChange=${change("state")}><option value="">${t("people.any")}</option>
        ${STATES.map((one) => html`<option value=${one}>${t(`state.${one}`)}</option>`)}</select></label>
      <label>${t("people.kind")} <select value=${sought.kind} onChange=${change("kind")}><option value="">${t("people.any")}</option>
        <option value="human">${t("people.human")}</option><option value="model">${t("people.model")}</option></select></label>
      <label>${t("people.skill")} <input dir="auto" value=${sought.skill} onInput=${change("skill")} /></label>
      <label>${t("people.language")} <input dir="auto" value=${sought.language} onInput=${change("language")} /></label>
      <label>${t("people.vendor")} <input dir="auto" value=${sought.vendor} onInput=${change("vendor")} /></label></form>
    <p class="problem" role="alert">${problem}</p><p role="status">${said.tell()}</p>
    ${page ? html`<${Listed} page=${page} open=${open} empty=${t(isSought || at ? "people.noneSuch" : "people.none")} />` : !problem && html`<p class="quiet" aria-busy="true">${t("loading")}</p>`}
    ${(at || page?.next) && html`<nav class="pages" aria-label=${t("table.pages", { caption: t("people.title") })}>
      <button type="button" class="button small" disabled=${!at} onClick=${() => stand(passed.current.pop() ?? FIRST)}>${t("table.before")}</button>
      <span>${t("people.page", { page: Number(place) || 1 })}</span>
      <button type="button" class="button small" disabled=${!page?.next || page.asked !== `${query}`} onClick=${forth}>${t("table.after")}</button></nav>`}
    ${opened === "file" && html`<${RosterFile} close=${() => open(null)} heard=${() => again((count) => count + 1)} />`}
    ${opened && opened !== "file" && html`<${Person} known=${opened === "new" ? null : opened} close=${() => open(null)} done=${done} />`}</main>`;
}

function Listed({ page, open, empty }) {
  if (!page.annotators.length && !page.next) return html`<p class="quiet">${empty}</p>`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${t("people.title")}><table class="roster"><thead><tr>
    ${["people.name", "people.state", "people.kind", "standing.skills", "standing.credentials", "people.vendor", "standing.languages"].map((name) => html`<th scope="col" class="plain">${t(name)}</th>`)}</tr></thead>
    <tbody>${page.annotators.map((one) => html`<tr key=${one.annotator_id}>
      <td><button type="button" class="link" dir="auto" onClick=${() => open(one)}>${one.annotator_id}</button></td>
      <td><span class=${`badge ${one.state}`}>${t(`state.${one.state}`)}</span>
        ${one.state_until && html`<p class="quiet">${t("standing.until", { time: moment(one.state_until) })}</p>`}
        ${one.state_reason && html`<p class="quiet" dir="auto">${one.state_reason}</p>`}</td>
      <td>${t(`people.${one.kind}`)}</td><td dir="auto">${one.skills.join(", ")}</td>
      <td>${one.credentials.map((held) => html`<p key=${held.domain}><span dir="auto">${held.domain}</span> <${Ends} at=${held.expires_at} /></p>`)}</td>
      <td dir="auto">${one.vendor}</td><td dir="auto">${one.languages.join(", ")}</td></tr>`)}</tbody></table></div>`;
}

function Ends({ at }) {
  if (!at) return null;
  const ended = Date.parse(at) <= Date.now();
  return html`<span class=${ended ? "problem" : "quiet"}>${t(ended ? "standing.ended" : "standing.until", { time: moment(at) })}</span>`;
}
