// Candidates for known labels: what a resolved unit was settled as, and a lead's word whether it is to measure annotators.
import { html, useRef, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { Coming, useAsked, useLoaded, usePayload } from "../parts/asked.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { KeysDialog } from "../parts/keys_dialog.js";
import { Markdown } from "../parts/markdown.js";
import { Content } from "../parts/content.js";
import { percent, t, whole } from "../parts/strings.js";
import { kindOf } from "../kinds/index.js";

const PAGE = 20;
const REASON_CHARACTERS_MAX = 2_000;

export default function Candidates({ one }) {
  const id = encodeURIComponent(one);
  const [found, setFound] = useState(null);
  const { found: stock } = useAsked(() => ask("assign", "GET", `/projects/${id}/gold/stock`), []);
  const [done, setDone] = useState(0);
  const [problem, setProblem] = useState("");
  const [help, setHelp] = useState(false);
  const load = () => ask("adjudicate", "GET", `/projects/${id}/gold/candidates?limit=${PAGE}`).then((told) => {
    setFound(told);
    setProblem("");
  }, (fault) => {
    setProblem(fault.message);
    return fault;
  });
  useLoaded(load);
  useKeys({ help: () => setHelp(true) });
  const unit = found?.candidates[0];
  const decide = async (word) => {
    await ask("adjudicate", "POST", `/gold/candidates/${encodeURIComponent(unit.unit_id)}`, word);
    setDone(done + 1);
    if (found.candidates.length > 1) setFound({ ...found, candidates: found.candidates.slice(1) });
    else await load();
  };
  return html`<main class="desk" id="main" tabindex="-1">
    <div class="bar"><div><h1>${t("candidates.title")}</h1><p class="quiet">${t("candidates.lead")}</p></div>
      <div class="tools"><span class="quiet">${t("candidates.done", { count: done })}</span>
        <a class="button small" href=${`/gold/${id}`}>${t("gold.title")}</a>
        <${KeyButton} kind="small" of="help" onClick=${() => setHelp(true)} /></div></div>
    ${stock && html`<${Stock} stock=${stock} />`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${unit ? html`<${Candidate} key=${unit.unit_id} unit=${unit} project=${found} decide=${decide} expired=${load} />`
      : html`<section class="nothing"><div class="rest" aria-hidden="true"></div><h2>${found ? t("candidates.nothing") : t("loading")}</h2>
        ${found && html`<p>${t("candidates.nothingText")}</p>`}</section>`}
    ${help && html`<${KeysDialog} close=${() => setHelp(false)} />`}</main>`;
}

function Stock({ stock }) {
  return html`<p class="tools" role="status">
    <span class=${stock.units && !stock.usable ? "badge paused" : "badge"}>${t("candidates.usable", { usable: whole(stock.usable), all: whole(stock.units) })}</span>
    ${stock.stale > 0 && html`<span>${t("candidates.stale", { count: stock.stale })}</span>`}
    ${stock.spent > 0 && html`<span>${t("candidates.spent", { count: stock.spent })}</span>`}
    ${stock.days_left !== null && html`<span>${t("candidates.days", { count: Math.round(stock.days_left) })}</span>`}</p>`;
}

function Candidate({ unit, project, decide, expired }) {
  const { found, problem } = usePayload(unit.payload_url, expired);
  if (!found) return html`<${Coming} problem=${problem} />`;
  return html`<div class="unit-and-side"><${Word} unit=${unit} schema=${project.label_schema} ...${found} decide=${decide} />
    ${project.guideline && html`<aside class="side" aria-label=${t("guideline.title")} tabindex="0"><h2>${t("guideline.title")}${" "}
      <span class="badge">${t("guideline.version", { version: project.guideline_version })}</span></h2><${Markdown} text=${project.guideline} /></aside>`}</div>`;
}

function Word({ unit, schema, content, mediaType, decide }) {
  const kind = kindOf(schema);
  const pieces = kind.pieces(unit.label, schema, content);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const [sending, setSending] = useState(false);
  const field = useRef(null);
  const send = async (outcome) => {
    if (sending) return;
    if (!reason.trim()) {
      setProblem(t("gold.reasonMissing"));
      field.current?.focus();
      return;
    }
    setSending(true);
    try {
      await decide({ outcome, reason: reason.trim() });
    } catch (fault) {
      setProblem(fault.message);
      setSending(false);
    }
  };
  const submit = () => send("confirmed");
  const skip = () => send("declined");
  useKeys({ submit, skip });
  const is_ruled = unit.method === "adjudicated";
  return html`<div class="ruling">
    <section class="facts-line"><span class="badge">${is_ruled ? t("candidates.ruled") : t("candidates.agreed", { count: unit.annotations })}</span>
      <span>${is_ruled ? t("candidates.led", { value: percent(unit.confidence, 0) }) : t("candidates.sure", { value: percent(unit.confidence, 1) })}</span>
      <span>${t("candidates.alike", { count: unit.known_alike })}</span></section>
    ${unit.reason && html`<p class="notice" dir="auto">${unit.reason}</p>`}
    ${!kind.showsContent && html`<section class="content" aria-label=${t("unit.title")}><${Content} content=${content} mediaType=${mediaType} /></section>`}
    <section aria-label=${t("candidates.label")}><h2>${t("candidates.label")}</h2><article class="answer">
      ${kind.showsContent ? html`<${kind.Shown} schema=${schema} content=${content} mediaType=${mediaType} label=${unit.label} />` : null}
      <ul class=${`pieces ${schema.kind}`}>${pieces.map((piece) => html`<li dir="auto">${piece}</li>`)}
        ${!pieces.length && html`<li>${t("adjudicate.saysNothing")}</li>`}</ul></article></section>
    <section class="own" aria-label=${t("candidates.word")}><h2>${t("candidates.word")}</h2>
      <label class="writing">${t("adjudicate.reason")}<textarea ref=${field} rows="2" dir="auto" maxlength=${REASON_CHARACTERS_MAX} value=${reason}
        onInput=${(event) => setReason(event.target.value)} /></label>
      <footer class="sending"><p class="problem" role="alert">${problem}</p>
        <div class="tools"><${KeyButton} of="skip" disabled=${sending} onClick=${skip}>${t("candidates.decline")}<//>
          <${KeyButton} kind="primary" of="submit" disabled=${sending} onClick=${submit}>${t("candidates.confirm")}<//></div></footer></section></div>`;
}
