// The guideline beside the work: always at hand, its version known, a change acknowledged before one goes on.
import { html, useEffect, useState } from "./html.js";
import { Away, ask, isLater } from "./api.js";
import { Content } from "./content.js";
import { KeyButton, useKeys } from "./keys.js";
import { Markdown } from "./markdown.js";
import { recall, remember } from "./memory.js";
import { t } from "./strings.js";

const AGAIN_MS = 3_000;

export function useGuideline(project, version) {
  const [told, tell] = useState({ text: "", version: 0, examples: [] });
  const [seen, setSeen] = useState(recall(`guideline:${project}`, 0));
  const [problem, setProblem] = useState("");
  const [turns, again] = useState(0);
  useEffect(() => {
    let timer = 0;
    let over = false;
    const load = async () => {
      try {
        const found = await ask("assign", "GET", `/projects/${encodeURIComponent(project)}/guideline`);
        if (over) return;
        tell({ text: found.guideline, version: found.guideline_version, examples: found.examples ?? [] });
        // The first one is read like any other text; only a change asks to be noticed.
        if (!recall(`guideline:${project}`, 0)) acknowledge(found.guideline_version);
      } catch (fault) {
        if (isLater(fault) && !over) timer = setTimeout(load, AGAIN_MS);
      }
    };
    load();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [project, turns, version !== undefined && told.version > 0 && version > told.version]);
  const acknowledge = (which) => {
    remember(`guideline:${project}`, which);
    setSeen(which);
  };
  // Told to assign, too: a project may give units only to who has read the version in force. Said twice it is one.
  const say = async () => {
    setProblem("");
    try {
      await ask("assign", "POST", `/projects/${encodeURIComponent(project)}/guidelines/${told.version}/acknowledgement`);
      acknowledge(told.version);
      return true;
    } catch (fault) {
      setProblem(fault instanceof Away ? t("guideline.unsaid") : fault.message);
      // Another version came into force meanwhile: that one is to be read.
      if (fault.status === 409) again(turns + 1);
      return false;
    }
  };
  return { ...told, problem, fresh: seen > 0 && told.version > seen, acknowledge: say };
}

// Read before the first unit, where the project wants it: the text itself, and that one has read it.
export function ReadFirst({ guideline, done }) {
  const [busy, setBusy] = useState(false);
  const acknowledge = async () => {
    if (busy || !guideline.version) return;
    setBusy(true);
    if (await guideline.acknowledge()) done();
    setBusy(false);
  };
  useKeys({ submit: acknowledge });
  return html`<section class="unit first" aria-label=${t("guideline.title")}><h2>${t("guideline.first")}
      ${guideline.version > 0 && html`<span class="badge">${t("guideline.version", { version: guideline.version })}</span>`}</h2>
    <${Told} guideline=${guideline} />
    <footer class="sending"><p class="problem" role="alert">${guideline.problem}</p><div class="tools">
      <${KeyButton} kind="primary" of="submit" disabled=${busy || !guideline.version} onClick=${acknowledge}>${t("guideline.acknowledge")}<//></div></footer></section>`;
}

// Markdown, and examples of classes beneath it.
export function Told({ guideline }) {
  return html`${guideline.text ? html`<${Markdown} text=${guideline.text} />` : html`<p class="quiet">${t("guideline.none")}</p>`}
    ${guideline.examples.length > 0 && html`<h3>${t("guideline.examples")}</h3><dl class="fields">${guideline.examples.map((one) => html`
      <div><dt dir="auto">${one.field ? `${one.field}: ${one.class}` : one.class}</dt><dd>
        ${one.uri ? html`<${Content} content=${{ uri: one.uri }} mediaType="image/*" />` : html`<p class="text" dir="auto">${one.text}</p>`}
        ${one.note && html`<p class="quiet" dir="auto">${one.note}</p>`}</dd></div>`)}</dl>`}`;
}

export function GuidelinePanel({ guideline, close }) {
  return html`<aside class="side" aria-label=${t("guideline.title")} tabindex="0">
    <header><h2>${t("guideline.title")}</h2>${guideline.version > 0 && html`<span class="badge">${t("guideline.version", { version: guideline.version })}</span>`}
      <${KeyButton} kind="small" of="guideline" onClick=${close}>${t("close")}<//></header>
    <${Told} guideline=${guideline} /></aside>`;
}
