// The guideline beside the work: always at hand, its version known, a change acknowledged before one goes on.
import { html, useEffect, useState } from "./html.js";
import { Away, ask } from "./api.js";
import { KeyButton } from "./keys.js";
import { Markdown } from "./markdown.js";
import { recall, remember } from "./memory.js";
import { t } from "./strings.js";

const AGAIN_MS = 3_000;

export function useGuideline(project, version) {
  const [told, tell] = useState({ text: "", version: 0 });
  const [seen, setSeen] = useState(recall(`guideline:${project}`, 0));
  useEffect(() => {
    let timer = 0;
    const load = async () => {
      try {
        const found = await ask("assign", "GET", `/projects/${encodeURIComponent(project)}/guideline`);
        tell({ text: found.guideline, version: found.guideline_version });
        // The first one is read like any other text; only a change asks to be noticed.
        if (!recall(`guideline:${project}`, 0)) acknowledge(found.guideline_version);
      } catch (fault) {
        if (fault instanceof Away) timer = setTimeout(load, AGAIN_MS);
      }
    };
    load();
    return () => clearTimeout(timer);
  }, [project, version !== undefined && told.version > 0 && version > told.version]);
  const acknowledge = (which) => {
    remember(`guideline:${project}`, which);
    setSeen(which);
  };
  return { ...told, fresh: seen > 0 && told.version > seen, acknowledge: () => acknowledge(told.version) };
}

export function GuidelinePanel({ guideline, close }) {
  return html`<aside class="side" aria-label=${t("guideline.title")} tabindex="0">
    <header><h2>${t("guideline.title")}</h2>${guideline.version > 0 && html`<span class="badge">${t("guideline.version", { version: guideline.version })}</span>`}
      <${KeyButton} kind="small" of="guideline" onClick=${close}>${t("close")}<//></header>
    ${guideline.text ? html`<${Markdown} text=${guideline.text} />` : html`<p class="quiet">${t("guideline.none")}</p>`}</aside>`;
}
