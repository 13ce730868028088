// Known labels in doubt: what a gold unit is known as, what most good annotators say instead, and one word on it.
import { html, useMemo, useRef, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { Coming, useLoaded, usePayload } from "../parts/asked.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { KeysDialog } from "../parts/keys_dialog.js";
import { Markdown } from "../parts/markdown.js";
import { Content } from "../parts/content.js";
import { percent, t } from "../parts/strings.js";
import { useWork, Work } from "../parts/work.js";
import { kindOf } from "../kinds/index.js";

const PAGE = 20;
const REASON_CHARACTERS_MAX = 2_000;

export default function Gold({ one }) {
  const id = encodeURIComponent(one);
  const [found, setFound] = useState(null);
  const [done, setDone] = useState(0);
  const [problem, setProblem] = useState("");
  const [help, setHelp] = useState(false);
  const load = () => ask("adjudicate", "GET", `/projects/${id}/gold?limit=${PAGE}`).then((told) => {
    setFound(told);
    setProblem("");
  }, (fault) => {
    setProblem(fault.message);
    return fault;
  });
  useLoaded(load);
  useKeys({ help: () => setHelp(true) });
  const unit = found?.gold[0];
  const rule = async (word) => {
    await ask("adjudicate", "POST", `/gold/${encodeURIComponent(unit.unit_id)}/ruling`, word);
    setDone(done + 1);
    if (found.gold.length > 1) setFound({ ...found, gold: found.gold.slice(1) });
    else await load();
  };
  return html`<main class="desk" id="main" tabindex="-1">
    <div class="bar"><div><h1>${t("gold.title")}</h1><p class="quiet">${t("gold.lead")}</p></div>
      <div class="tools"><span class="quiet">${t("adjudicate.done", { count: done })}</span>
        <a class="button small" href=${`/gold/${id}/candidates`}>${t("candidates.title")}</a>
        <${KeyButton} kind="small" of="help" onClick=${() => setHelp(true)} /></div></div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${unit ? html`<${Doubt} key=${unit.unit_id} unit=${unit} project=${found} rule=${rule} expired=${load} />`
      : !problem && html`<section class="nothing"><div class="rest" aria-hidden="true"></div><h2>${found ? t("gold.nothing") : t("loading")}</h2>
        ${found && html`<p>${t("gold.nothingText")}</p>`}</section>`}
    ${help && html`<${KeysDialog} close=${() => setHelp(false)} />`}</main>`;
}

function Doubt({ unit, project, rule, expired }) {
  const { found, problem } = usePayload(unit.payload_url, expired);
  if (!found) return html`<${Coming} problem=${problem} />`;
  return html`<div class="unit-and-side"><${Word} unit=${unit} schema=${project.label_schema} ...${found} rule=${rule} />
    ${project.guideline && html`<aside class="side" aria-label=${t("guideline.title")} tabindex="0"><h2>${t("guideline.title")}${" "}
      <span class="badge">${t("guideline.version", { version: project.guideline_version })}</span></h2><${Markdown} text=${project.guideline} /></aside>`}</div>`;
}

// What the label says decides the word: as it is known confirms it, any other corrects it.
function Word({ unit, schema, content, mediaType, rule }) {
  const kind = kindOf(schema);
  const work = useWork(schema, content, unit.unit_id, unit.closed_since ? undefined : kind.draft(unit.known_label, schema, unit.unit_id));
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const [tried, setTried] = useState(false);
  const [sending, setSending] = useState(false);
  const field = useRef(null);
  const known = useMemo(() => JSON.stringify(work.label()), []);
  // What cannot be said any more cannot be confirmed: the service says so, should the editor still show it.
  const isKept = !unit.closed_since && !work.problem && JSON.stringify(work.label()) === known;
  const send = async (outcome) => {
    if (sending) return;
    setTried(true);
    if (!reason.trim() || (outcome === "corrected" && work.problem)) {
      if (!reason.trim()) field.current?.focus();
      return;
    }
    setSending(true);
    try {
      await rule({ outcome, reason: reason.trim(), label: outcome === "corrected" ? work.label() : null });
    } catch (fault) {
      setProblem(fault.message);
      setSending(false);
    }
  };
  const submit = () => send(isKept ? "confirmed" : "corrected");
  const retire = () => send("retired");
  useKeys({ submit, skip: retire });
  return html`<div class="ruling">
    <section class="facts-line">${unit.closed_since ? html`<span class="badge">${t("gold.closed", { version: unit.closed_since })}</span>`
      : unit.standing === "appealed" ? html`<span class="badge">${t("gold.appealed")}</span>`
      : html`<span class="badge">${t("gold.disagree", { wrong: unit.disagreeing, all: unit.good })}</span>
        <span>${t("gold.share", { value: percent(unit.share_low, 0) })}</span>`}</section>
    ${unit.appeals.map((reason) => html`<p class="notice" dir="auto">${reason}</p>`)}
    ${!kind.showsContent && html`<section class="content" aria-label=${t("unit.title")}><${Content} content=${content} mediaType=${mediaType} /></section>`}
    <section aria-label=${t("adjudicate.sides")}><h2>${t("adjudicate.sides")}</h2><div class="sides">
      <${Side} title=${t("gold.known")} label=${unit.known_label} isClosed=${unit.closed_since > 0} schema=${schema} content=${content} mediaType=${mediaType} work=${work} />
      ${unit.said.map((said, place) => html`<${Side} key=${place} title=${t("gold.saidBy", { count: said.annotators })} label=${said.label}
        schema=${schema} content=${content} mediaType=${mediaType} work=${work} />`)}</div></section>
    <section class="own" aria-label=${t("gold.own")}><h2>${t("gold.own")}</h2>
      ${kind.showsContent ? html`<${Work} work=${work} content=${content} mediaType=${mediaType} />`
        : html`<${kind.Editor} schema=${schema} content=${content} draft=${work.draft} change=${work.change} seed=${unit.unit_id} />`}
      <label class="writing">${t("adjudicate.reason")}<textarea ref=${field} rows="2" dir="auto" maxlength=${REASON_CHARACTERS_MAX} value=${reason}
        onInput=${(event) => setReason(event.target.value)} /></label>
      <footer class="sending"><p class="problem" role="alert">${problem || (tried && (reason.trim() ? (work.problem ? t(...work.problem) : "") : t("gold.reasonMissing")))}</p>
        <div class="tools"><${KeyButton} of="undo" disabled=${!work.canUndo} onClick=${work.undo} />
          <${KeyButton} of="skip" disabled=${sending} onClick=${retire}>${t("gold.retire")}<//>
          <${KeyButton} kind="primary" of="submit" disabled=${sending} onClick=${submit}>${isKept ? t("gold.confirm") : t("gold.correct")}<//></div></footer></section></div>`;
}

function Side({ title, label, schema, content, mediaType, work, isClosed = false }) {
  const kind = kindOf(schema);
  const pieces = kind.pieces(label, schema, content);
  return html`<article class="answer" aria-label=${title}><header><h3>${title}</h3></header>
    ${kind.showsContent ? html`<${kind.Shown} schema=${schema} content=${content} mediaType=${mediaType} label=${label} />` : null}
    <ul class=${`pieces ${schema.kind}`}>${pieces.map((piece) => html`<li dir="auto">${piece}</li>`)}
      ${!pieces.length && html`<li>${t("adjudicate.saysNothing")}</li>`}</ul>
    ${!isClosed && html`<button type="button" class="button" onClick=${() => work.show(label)}>${t("gold.take")}</button>`}</article>`;
}
