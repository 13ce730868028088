// The projects in which this person has reviewed: what else there is to judge in them is reached from an empty desk, too.
import { html, useEffect } from "./html.js";
import { recall, remember } from "./memory.js";
import { t } from "./strings.js";

const PROJECTS_MAX = 20;

const known = () => recall("reviewed", []);

export function useReviewed(project) {
  useEffect(() => {
    if (project && known()[0] !== project) remember("reviewed", [project, ...known().filter((one) => one !== project)].slice(0, PROJECTS_MAX));
  }, [project]);
}

export const ToJudging = ({ project, children }) => html`<a href=${`/judging/${encodeURIComponent(project)}`}>${children ?? t("judging.title")}</a>`;

// `only`: the project that the desk was opened for.
export function Elsewhere({ only }) {
  const projects = only ? [only] : known();
  return projects.length > 0 && html`<nav aria-label=${t("judging.title")}><p>${t("judging.title")}:</p>
    <ul class="cards">${projects.map((one) => html`<li key=${one}><${ToJudging} project=${one}><bdi>${one}</bdi><//></li>`)}</ul></nav>`;
}
