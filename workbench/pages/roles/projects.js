// All projects of a client, or all there are for an operator.
import { html, useEffect, useState, useStore } from "../parts/html.js";
import { Away, ask, session } from "../parts/api.js";
import { t, whole } from "../parts/strings.js";
import { Table } from "../parts/table.js";

const AGAIN_MS = 10_000;

const PAGE = 200;
const PROJECTS_MAX = 2_000;
// More than this are not listed; whoever has more opens them by their address.

export async function all() {
  const found = [];
  let after = "";
  while (found.length < PROJECTS_MAX) {
    const told = await ask("ingest", "GET", `/projects?limit=${PAGE}${after && `&after=${encodeURIComponent(after)}`}`);
    found.push(...told.projects);
    if (!told.next) break;
    after = told.next;
  }
  return found;
}

export default function Projects() {
  const { roles } = useStore(session);
  const [projects, setProjects] = useState(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const load = () => all().then((found) => {
      setProjects(found);
      setProblem("");
    }, (fault) => fault instanceof Away || setProblem(fault.message));
    load();
    const timer = setInterval(load, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const columns = [
    ["name", t("projects.name"), (one) => html`<a href=${`/projects/${encodeURIComponent(one.project_id)}`} dir="auto">${one.name || one.project_id}</a>`, (one) => one.name || one.project_id],
    ["kind", t("projects.kind"), (one) => t(`kind.${one.label_schema.kind}`), (one) => t(`kind.${one.label_schema.kind}`)],
    ["overlap", t("projects.overlap"), (one) => [...new Set([one.policy.overlap.initial, one.policy.overlap.max])].map(whole).join("–"), (one) => one.policy.overlap.initial],
    ["guideline", t("projects.guideline"), (one) => whole(one.guideline_version), (one) => one.guideline_version],
    ["life", t("projects.life"), (one) => html`<span class=${`badge ${one.life}`}>${t(`life.state.${one.life}`)}</span>`, (one) => t(`life.state.${one.life}`)],
    ["id", t("projects.id"), (one) => html`<code>${one.project_id}</code>`, (one) => one.project_id],
  ];
  return html`<main class="wide" id="main" tabindex="-1"><div class="bar"><h1>${t("projects.title")}</h1>
    ${roles.includes("client") && html`<a class="button primary" href="/new">${t("nav.new")}</a>`}</div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${projects ? html`<${Table} name="projects" caption=${t("projects.all")} columns=${columns} rows=${projects} empty=${t("projects.none")} />` : html`<p class="quiet" aria-busy="true">${t("loading")}</p>`}</main>`;
}
