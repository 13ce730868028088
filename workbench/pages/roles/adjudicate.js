// Ruling where annotators disagree: the unit, what each side says with the differences marked, and one binding word.
import { html, useEffect, useMemo, useRef, useState } from "../parts/html.js";
import { Away, ask, payload } from "../parts/api.js";
import { Coming, useAsked } from "../parts/asked.js";
import { Key, KeyButton, useKeys } from "../parts/keys.js";
import { KeysDialog } from "../parts/keys_dialog.js";
import { Markdown } from "../parts/markdown.js";
import { Content } from "../parts/content.js";
import { letter } from "../parts/letters.js";
import { beginning, isDrawn, Objects, useObjects } from "../parts/objects.js";
import { Elsewhere, ToJudging, useReviewed } from "../parts/reviewed.js";
import { moment, percent, t, whole } from "../parts/strings.js";
import { useWork, Work } from "../parts/work.js";
import { kindOf } from "../kinds/index.js";

const PAGE = 20;
const AGAIN_MS = 3_000;
const REASON_CHARACTERS_MAX = 2_000;
const [LABEL, UNANSWERABLE, UNCLEAR] = ["label", "unanswerable", "guideline_unclear"];
// Back to annotators, which rules nothing: to those who labelled it, or to others.
const [SAME, OTHERS] = ["refer_same", "refer_others"];
const TO = { [SAME]: "same", [OTHERS]: "others" };
const KEYS = { [UNANSWERABLE]: "unanswerable", [UNCLEAR]: "unclear", [SAME]: "referSame", [OTHERS]: "referOthers" };
const SENDS = { [UNCLEAR]: "adjudicate.ask", [SAME]: "adjudicate.refer", [OTHERS]: "adjudicate.refer" };
const REASONS = {
  [SAME]: ["reason.lookAgain", "reason.readGuideline"], [OTHERS]: ["reason.readGuideline", "reason.moreEyes"],
  [LABEL]: ["reason.side", "reason.guideline"], [UNANSWERABLE]: ["reason.unanswerable", "reason.unclear"], [UNCLEAR]: ["reason.silent", "reason.both"],
};

export default function Adjudicate({ query }) {
  const only = query.get("project") ? `&project_id=${encodeURIComponent(query.get("project"))}` : "";
  const [queue, setQueue] = useState(null);
  const [at, setAt] = useState(0);
  const [done, setDone] = useState(0);
  const [problem, setProblem] = useState("");
  const [help, setHelp] = useState(false);
  const ruled = useRef(new Set());
  const unitAt = useRef("");
  const load = async () => {
    try {
      const { escalations } = await ask("adjudicate", "GET", `/escalations?limit=${PAGE}${only}`);
      const found = escalations.filter((one) => !ruled.current.has(one.unit_id));
      const shown = unitAt.current;
      setQueue(found);
      setAt(Math.max(0, found.findIndex((one) => one.unit_id === shown)));
      setProblem("");
    } catch (fault) {
      if (!(fault instanceof Away)) setProblem(fault.message);
    }
  };
  useEffect(() => {
    load();
  }, []);
  useEffect(() => {
    if (queue?.length) return undefined;
    const timer = setInterval(load, AGAIN_MS);
    return () => clearInterval(timer);
  }, [queue?.length]);
  useKeys({ help: () => setHelp(true) });
  const unit = queue?.[at];
  unitAt.current = unit?.unit_id;
  useReviewed(unit?.project_id);
  const rule = async (said) => {
    await ask("adjudicate", "POST", `/escalations/${encodeURIComponent(unit.unit_id)}/ruling`, said);
    // What waits for an answer comes again once there is one, and what went back may.
    if (said.outcome !== UNCLEAR && !said.to) ruled.current.add(unit.unit_id);
    setDone(done + 1);
    setQueue(queue.filter((one) => one !== unit));
    setAt((now) => Math.max(0, Math.min(now, queue.length - 2)));
  };
  return html`<main class="desk" id="main" tabindex="-1">
    <h1 class="unseen">${t("nav.adjudicate")}</h1>
    <div class="bar"><p class="progress"><b>${t("adjudicate.done", { count: done })}</b>
      <span class="quiet">${queue ? t("adjudicate.waiting", { count: queue.length }) : ""}</span></p>
      <div class="tools"><button type="button" class="button small" disabled=${!queue?.length || at === 0} onClick=${() => setAt(at - 1)}>${t("table.before")}</button>
        <button type="button" class="button small" disabled=${!queue?.length || at >= queue.length - 1} onClick=${() => setAt(at + 1)}>${t("table.after")}</button>
        <${KeyButton} kind="small" of="help" onClick=${() => setHelp(true)} /></div></div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${unit ? html`<${Escalation} key=${unit.unit_id} unit=${unit} rule=${rule} expired=${load} />`
      : (queue || !problem) && html`<section class="nothing"><div class="rest" aria-hidden="true"></div><h2>${queue ? t("adjudicate.nothing") : t("loading")}</h2><p>${t("adjudicate.nothingText")}</p>
        ${queue && html`<${Elsewhere} only=${query.get("project")} />`}</section>`}
    ${help && html`<${KeysDialog} close=${() => setHelp(false)} />`}</main>`;
}

function Escalation({ unit, rule, expired }) {
  const { found, problem } = useAsked(async () => {
    // What was drawn is matched by the service: the same objects, by the same quorum, as consensus goes by.
    const drawn = isDrawn(unit.label_schema) ? ask("adjudicate", "GET", `/escalations/${encodeURIComponent(unit.unit_id)}/objects`) : null;
    const [told, objects] = await Promise.all([payload(unit.payload_url), drawn]);
    return { ...told, drawn: objects };
  }, [unit.payload_url], expired);
  if (!found) return html`<${Coming} problem=${problem} />`;
  // Its sides are in the order to which the objects refer.
  return html`<${Ruling} unit=${{ ...unit, sides: found.drawn?.sides ?? unit.sides }} ...${found} rule=${rule} />`;
}

function Ruling({ unit, content, mediaType, drawn, rule }) {
  const schema = unit.label_schema;
  const begun = useMemo(() => (drawn ? beginning(unit, drawn.objects) : undefined), []);
  const work = useWork(schema, content, unit.unit_id, begun);
  const objects = useObjects(unit, drawn?.objects ?? [], work);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const [tried, setTried] = useState(false);
  const [sending, setSending] = useState(false);
  const [taken, take] = useState(null);
  const [outcome, setOutcome] = useState(LABEL);
  const turn = (one) => setOutcome((now) => (now === one ? LABEL : one));
  const unruled = objects.open ? ["objects.left", { count: objects.open }] : null;
  const missing = outcome === LABEL ? unruled ?? work.problem : null;
  const field = useRef(null);
  const choose = (place) => {
    take(place);
    setOutcome(LABEL);
    if (drawn) objects.side(unit.sides[place].label);
    else work.show(unit.sides[place].label);
  };
  const submit = async () => {
    if (sending) return;
    setTried(true);
    if (missing || !reason.trim()) {
      if (!missing) field.current?.focus();
      return;
    }
    setSending(true);
    try {
      const word = outcome === LABEL ? { label: work.label() } : outcome in TO ? { outcome: "refer_back", to: TO[outcome] } : { outcome };
      await rule({ ...word, reason: reason.trim() });
    } catch (fault) {
      setProblem(fault.message);
      setSending(false);
    }
  };
  const outcomes = [UNANSWERABLE, UNCLEAR, ...(unit.referrals_left ? [SAME, OTHERS] : [])];
  useKeys({ submit, ...Object.fromEntries(outcomes.map((one) => [KEYS[one], () => turn(one)])) });
  return html`<div class="unit-and-side"><div class="ruling">
    <section class="facts-line"><span class="badge">${becauseOf(unit.reason)}</span>
      <span>${t("adjudicate.confidence", { value: percent(unit.confidence, 0) })}</span>
      ${unit.rework > 0 && html`<span class="badge">${t("adjudicate.rework", { count: unit.rework })}</span>`}
      <a href=${`/gold/${encodeURIComponent(unit.project_id)}`}>${t("gold.title")}</a>
      <${ToJudging} project=${unit.project_id} /></section>
    ${!work.kind.showsContent && html`<section class="content" aria-label=${t("unit.title")}><${Content} content=${content} mediaType=${mediaType} /></section>`}
    <${Before} unit=${unit} content=${content} />
    <${Sides} unit=${unit} content=${content} mediaType=${mediaType} taken=${taken} choose=${choose} />
    ${outcome === LABEL && html`<${Objects} unit=${unit} content=${content} mediaType=${mediaType} ruling=${objects} />`}
    <section class="own" aria-label=${t("adjudicate.own")}><h2>${t("adjudicate.own")}</h2>
      <div class="picks outcomes" role="group" aria-label=${t("adjudicate.outcome")}>${outcomes.map((one) => html`
        <button type="button" class="pick" aria-pressed=${String(outcome === one)} onClick=${() => turn(one)}>${t(`outcome.${one}`)}
          <${Key} of=${KEYS[one]} /></button>`)}</div>
      ${outcome !== LABEL ? html`<p class="notice">${t(`outcome.${outcome}.text`)}</p>` : work.kind.showsContent ? html`<${Work} work=${work} content=${content} mediaType=${mediaType} pointed=${objects.pointed} />`
        : html`<${work.kind.Editor} schema=${schema} content=${content} draft=${work.draft} change=${work.change} seed=${unit.unit_id} />`}
      <label class="writing">${t(outcome in TO ? "adjudicate.comment" : "adjudicate.reason")}<textarea ref=${field} rows="2" dir="auto" maxlength=${REASON_CHARACTERS_MAX} value=${reason}
        onInput=${(event) => setReason(event.target.value)} /></label>
      <div class="picks reasons">${REASONS[outcome].map((name) => html`
        <button type="button" class="pick small" onClick=${() => setReason(t(name))}>${t(name)}</button>`)}</div>
      <footer class="sending"><p class="problem" role="alert">${problem || (tried && (missing ? t(...missing) : reason.trim() ? "" : t(outcome in TO ? "adjudicate.commentMissing" : "adjudicate.reasonMissing")))}</p>
        <div class="tools"><${KeyButton} of="undo" disabled=${!work.canUndo} onClick=${work.undo} />
          <${KeyButton} kind="primary" of="submit" disabled=${sending} onClick=${submit}>${t(SENDS[outcome] ?? "adjudicate.rule")}<//></div></footer></section></div>
    ${unit.guideline && html`<aside class="side" aria-label=${t("guideline.title")} tabindex="0"><h2>${t("guideline.title")} <span class="badge">${t("guideline.version", { version: unit.guideline_version })}</span></h2>
      <${Markdown} text=${unit.guideline} /></aside>`}</div>`;
}

// A reason that this page has no words for yet is shown as the service names it.
const becauseOf = (reason) => (t(`escalated.${reason}`) === `escalated.${reason}` ? reason : t(`escalated.${reason}`));

// How often it was sent back to annotators, why, and what had been said by then: that counts no more.
function Before({ unit, content }) {
  if (!unit.referrals?.length) return null;
  const kind = kindOf(unit.label_schema);
  const words = (side) => kind.pieces(side.label, unit.label_schema, content).join(", ") || t("adjudicate.saysNothing");
  return html`<section aria-label=${t("adjudicate.before")}><h2>${t("adjudicate.before")}</h2><ol class="referrals">
    ${unit.referrals.map((one) => html`<li><p>${t(`adjudicate.sentTo.${one.to}`, { time: moment(one.at, true) })} <q dir="auto">${one.comment}</q></p>
      <ul class="quiet">${one.sides.map((side) => html`<li><span dir="auto">${words(side)}</span> <span class="badge">${t("adjudicate.annotators", { count: side.annotations })}</span></li>`)}</ul></li>`)}
  </ol></section>`;
}

// Sides come in random order from the service; what one says and another does not is marked.
function Sides({ unit, content, mediaType, taken, choose }) {
  const kind = kindOf(unit.label_schema);
  const pieces = useMemo(() => unit.sides.map((side) => kind.pieces(side.label, unit.label_schema, content)), []);
  const shared = (piece) => pieces.every((all) => all.includes(piece));
  return html`<section aria-label=${t("adjudicate.sides")}><h2>${t("adjudicate.sides")}</h2><div class="sides">
    ${unit.sides.map((side, place) => html`<article key=${place} class=${`answer ${taken === place ? "picked" : ""}`} aria-label=${t("adjudicate.side", { letter: letter(place) })}>
      <header><h3>${t("adjudicate.side", { letter: letter(place) })}</h3><span class="badge">${t("adjudicate.annotators", { count: side.annotations })}</span></header>
      ${kind.showsContent ? html`<${kind.Shown} schema=${unit.label_schema} content=${content} mediaType=${mediaType} label=${side.label} />` : null}
      <ul class=${`pieces ${unit.label_schema.kind}`}>${pieces[place].map((piece) => html`<li class=${shared(piece) ? "" : "only"} dir="auto">${piece}
        ${!shared(piece) && html`<span class="unseen"> ${t("adjudicate.only")}</span>`}</li>`)}
        ${!pieces[place].length && html`<li class="only">${t("adjudicate.saysNothing")}</li>`}</ul>
      ${side.flags.map((flag) => html`<p class="notice" dir="auto">${t("flag.said", { flag })}</p>`)}
      <button type="button" class="button" aria-pressed=${String(taken === place)} onClick=${() => choose(place)}>${t("adjudicate.take", { letter: letter(place) })}</button></article>`)}
  </div></section>`;
}
