// Where an annotator begins: the projects there is work in, or the address that somebody gave them.
import { html, useEffect, useState } from "../parts/html.js";
import { Away, ask } from "../parts/api.js";
import { recall } from "../parts/memory.js";
import { moment, t, whole } from "../parts/strings.js";

const AGAIN_MS = 5_000;
const WAITING_SHOWN_MAX = 200;

// What waits in a project, or why nothing does, and what rule of it the person breaks; of one known here alone, its id.
export function about({ notice, ...one }) {
  return notice ? `${whatWaits(one)} · ${notice}` : whatWaits(one);
}

function whatWaits({ project_id: project, waiting, reason, why, qualification }) {
  if (waiting === undefined) return project;
  if (waiting && qualification) return t("choose.qualifying", { count: whole(qualification.about_more) });
  if (!waiting) return why ? sayWhy(why) : reason;
  return t(waiting < WAITING_SHOWN_MAX ? "choose.waiting" : "choose.waitingMore", { count: waiting });
}

const WITH_AN_END = new Set(["on_break", "annotator_paused", "cap_reached"]);

function sayWhy({ code, skills = [], ended_at: ended, until }) {
  const open = WITH_AN_END.has(code) && !until;
  return t(`why.${code}${open ? "Open" : ""}`, { skills: skills.join(", "), time: ended || until ? moment(ended || until) : "" });
}

export function Choose({ go }) {
  const [text, setText] = useState("");
  const [projects, setProjects] = useState(() => recall("projects", []).map((project_id) => ({ project_id })));
  const [problem, setProblem] = useState("");
  const [said, say] = useState("");
  useEffect(() => {
    let timer = 0;
    let over = false;
    const load = async () => {
      try {
        const me = await ask("assign", "GET", "/me");
        if (over) return;
        const named = [...(me.projects ?? []), ...me.leases, ...recall("projects", []).map((project_id) => ({ project_id }))];
        setProjects([...new Map(named.toReversed().map((one) => [one.project_id, one])).values()].toReversed());
        setProblem("");
      } catch (fault) {
        // That a session has ended stands above every page.
        if (!(fault instanceof Away) && fault.status !== 401) setProblem(fault.message);
      }
      if (!over) timer = setTimeout(load, AGAIN_MS);
    };
    load();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);
  const enter = (event) => {
    event.preventDefault();
    const id = text.trim().split("/").at(-1);
    if (id) go(`/annotate/${encodeURIComponent(id)}`);
  };
  // Whose turn it is, the service says; what was given is offered again first on the project's own desk.
  const any = async () => {
    try {
      const told = await ask("assign", "POST", "/claims", { units: 1 });
      if (told.project_id) return go(`/annotate/${encodeURIComponent(told.project_id)}`);
      say(told.reason);
    } catch (fault) {
      setProblem(fault.message);
    }
  };
  const pageOf = (one) => {
    const id = encodeURIComponent(one.project_id);
    return one.qualification?.retraining ? `/retraining/${id}` : `/annotate/${id}`;
  };
  return html`<main class="narrow" id="main" tabindex="-1"><h1>${t("choose.title")}</h1>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${projects.length > 1 && html`<p><button type="button" class="button primary" onClick=${any}>${t("choose.any")}</button></p>`}
    <p role="status">${said}</p>
    ${projects.length ? html`<ul class="cards">${projects.map((one) => html`<li key=${one.project_id}>
      <a class="card" href=${pageOf(one)}><b dir="auto">${one.name || one.project_id}</b>
        <span class="quiet">${about(one)}</span></a>
      <a class="button small" href=${`/mine/${encodeURIComponent(one.project_id)}`} aria-label=${`${t("mine.title")}: ${one.name || one.project_id}`}>${t("mine.title")}</a></li>`)}</ul>`
      : html`<p>${t("choose.none")}</p>`}
    <form class="row" onSubmit=${enter}><label>${t("choose.address")} <input value=${text} onInput=${(event) => setText(event.target.value)} /></label>
      <button type="submit" class="button primary" disabled=${!text.trim()}>${t("choose.go")}</button></form></main>`;
}
