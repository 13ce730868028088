// One's own last labels that may still be revised: each with what it is of, and the unit again with the label to change.
import { html, useEffect, useMemo, useState } from "../parts/html.js";
import { ask, payload } from "../parts/api.js";
import { Coming, useAsked } from "../parts/asked.js";
import { textOf } from "../parts/content.js";
import { GuidelinePanel, useGuideline } from "../parts/guideline.js";
import { Key, KeyButton, useKeys } from "../parts/keys.js";
import { KeysDialog } from "../parts/keys_dialog.js";
import { recall } from "../parts/memory.js";
import { ordered } from "../parts/seeded.js";
import { moment, t } from "../parts/strings.js";
import { useWork, Work } from "../parts/work.js";
import { kindOf } from "../kinds/index.js";

const SHOWN = 10;
// As many as there are keys that pick one.
const SNIPPET_CHARACTERS = 90;

async function read(id) {
  const given = await ask("assign", "GET", `/annotations/${encodeURIComponent(id)}`);
  const { content } = given.payload_url ? await payload(given.payload_url) : { content: null };
  return { ...given, content };
}

export default function Revising({ one, query, go }) {
  const chosen = query.get("annotation");
  const [help, setHelp] = useState(false);
  const [done, setDone] = useState("");
  const home = `/revising/${encodeURIComponent(one)}`;
  const back = (word = "") => {
    setDone(word);
    go(chosen ? home : `/annotate/${encodeURIComponent(one)}`);
  };
  useKeys({ back: () => back(), help: () => setHelp(true) });
  return html`<main class="desk" id="main" tabindex="-1">
    <div class="bar"><div><h1>${t("revising.title")}</h1><p class="quiet">${t("revising.lead")}</p></div>
      <div class="tools"><${KeyButton} kind="small" of="back" onClick=${() => back()}>${t(chosen ? "revising.toList" : "revising.toWork")}<//>
        <${KeyButton} kind="small" of="help" onClick=${() => setHelp(true)} /></div></div>
    ${done && html`<p class="notice" role="status">${done}</p>`}
    ${chosen ? html`<${One} key=${chosen} project=${one} id=${chosen} done=${back} />`
      : html`<${List} project=${one} open=${(id) => {
        setDone("");
        go(`${home}?annotation=${encodeURIComponent(id)}`);
      }} />`}
    ${help && html`<${KeysDialog} close=${() => setHelp(false)} />`}</main>`;
}

function List({ project, open }) {
  const { found, problem } = useAsked(() => ask("assign", "GET", `/projects/${encodeURIComponent(project)}/annotations?limit=${SHOWN}`), []);
  const labels = found?.annotations;
  const pick = (place) => (labels?.[place] ? open(labels[place].annotation_id) : false);
  useKeys(Object.fromEntries(Array.from({ length: SHOWN }, (_, place) => [`pick${place + 1}`, () => pick(place)])));
  if (problem) return html`<p class="problem" role="alert">${problem}</p>`;
  if (!labels?.length) return html`<section class="nothing"><div class="rest" aria-hidden="true"></div><h2>${t(labels ? "revising.nothing" : "loading")}</h2></section>`;
  return html`<ol class="own-labels" aria-label=${t("revising.title")}>${labels.map((label, place) => html`
    <li key=${label.annotation_id}><${Row} label=${label} place=${place} open=${open} /></li>`)}</ol>`;
}

function Row({ label, place, open }) {
  const [given, setGiven] = useState(null);
  useEffect(() => {
    // Without it the time of the label tells it from the others.
    read(label.annotation_id).then(setGiven, () => setGiven({ label: null, content: null }));
  }, []);
  const pieces = given?.label_schema && given.label !== null ? kindOf(given.label_schema).pieces(given.label, given.label_schema, given.content) : [];
  const text = textOf(given?.content ?? null);
  return html`<button type="button" class="pick" data-annotation=${label.annotation_id} onClick=${() => open(label.annotation_id)}>
    <span class="quiet">${moment(label.submitted_at, true)}</span>
    <span dir="auto">${text === null ? "" : text.length > SNIPPET_CHARACTERS ? `${text.slice(0, SNIPPET_CHARACTERS)}…` : text}</span>
    <b dir="auto">${pieces.join(", ")}</b>
    ${label.revision > 0 && html`<span class="badge">${t("revising.times", { count: label.revision })}</span>`}
    <${Key} of=${`pick${place + 1}`} /></button>`;
}

function One({ project, id, done }) {
  const { found: given, problem } = useAsked(() => read(id), []);
  if (!given) return html`<${Coming} problem=${problem} />`;
  if (!given.revisable || given.label === null) {
    return html`<section class="nothing"><div class="rest" aria-hidden="true"></div><h2>${t("revising.tooLate")}</h2>
      <p>${t(given.too_late_from ? "revising.cameTooLate" : "revising.stands")}</p></section>`;
  }
  return html`<${Given} project=${project} given=${given} done=${done} />`;
}

function Given({ project, given, done }) {
  const schema = given.label_schema;
  const seed = useMemo(() => ordered(given.annotation_id, given.order), []);
  const work = useWork(schema, given.content, seed, kindOf(schema).draft(given.label, schema, seed));
  const guideline = useGuideline(project, given.guideline_version);
  const [problem, setProblem] = useState("");
  const [sending, setSending] = useState(false);
  const [side, setSide] = useState(recall("guideline-open", innerWidth > 1_100));
  const submit = async () => {
    if (sending) return;
    if (work.problem) {
      setProblem(t(...work.problem));
      return;
    }
    setSending(true);
    try {
      const path = `/annotations/${encodeURIComponent(given.annotation_id)}/revisions/${given.revision + 1}`;
      await ask("assign", "PUT", path, { label: work.label(), flag: given.flag ?? "" });
      done(t("revising.done"));
    } catch (fault) {
      setProblem(fault.message);
      setSending(false);
    }
  };
  const change = (draft) => {
    setProblem("");
    work.change(draft);
  };
  useKeys({ submit, guideline: () => setSide(!side) });
  return html`<div class="unit-and-side"><section class="unit" aria-label=${t("unit.title")} data-unit=${given.unit_id}>
      <${Work} work=${work} content=${given.content} mediaType=${given.media_type} change=${change} />
      <footer class="sending"><p class="problem" role="alert">${problem}</p>
        ${given.flag && html`<p class="notice">${t("flag.said", { flag: given.flag })}</p>`}
        <div class="tools"><${KeyButton} of="guideline" onClick=${() => setSide(!side)} /><${KeyButton} of="undo" disabled=${!work.canUndo} onClick=${work.undo} />
          <${KeyButton} kind="primary" of="submit" disabled=${sending} onClick=${submit}>${t("revising.send")}<//></div></footer></section>
    ${side && html`<${GuidelinePanel} guideline=${guideline} close=${() => setSide(false)} />`}</div>`;
}
