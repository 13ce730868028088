// Where an annotator begins: the projects there is work in, or the address that somebody gave them.
import { html, useEffect, useState } from "../parts/html.js";
import { Away, ask } from "../parts/api.js";
import { recall } from "../parts/memory.js";
import { t, whole } from "../parts/strings.js";

const AGAIN_MS = 5_000;

export function Choose({ go }) {
  const [text, setText] = useState("");
  const [projects, setProjects] = useState(() => recall("projects", []).map((project_id) => ({ project_id })));
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let timer = 0;
    const load = async () => {
      try {
        const me = await ask("assign", "GET", "/me");
        const named = [...(me.projects ?? []), ...me.leases, ...recall("projects", []).map((project_id) => ({ project_id }))];
        setProjects([...new Map(named.toReversed().map((one) => [one.project_id, one])).values()].toReversed());
        setProblem("");
      } catch (fault) {
        if (!(fault instanceof Away)) setProblem(fault.message);
      }
      timer = setTimeout(load, AGAIN_MS);
    };
    load();
    return () => clearTimeout(timer);
  }, []);
  const enter = (event) => {
    event.preventDefault();
    const id = text.trim().split("/").at(-1);
    if (id) go(`/annotate/${encodeURIComponent(id)}`);
  };
  return html`<main class="narrow" id="main" tabindex="-1"><h1>${t("choose.title")}</h1>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${projects.length ? html`<ul class="cards">${projects.map((one) => html`<li key=${one.project_id}>
      <a class="card" href=${`/annotate/${encodeURIComponent(one.project_id)}`}><b dir="auto">${one.name || one.project_id}</b>
        <span class="quiet">${one.waiting === undefined ? one.project_id : t("choose.waiting", { count: whole(one.waiting) })}</span></a></li>`)}</ul>`
      : html`<p>${t("choose.none")}</p>`}
    <form class="row" onSubmit=${enter}><label>${t("choose.address")} <input value=${text} onInput=${(event) => setText(event.target.value)} /></label>
      <button type="submit" class="button primary" disabled=${!text.trim()}>${t("choose.go")}</button></form></main>`;
}
