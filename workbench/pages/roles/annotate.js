// Annotating: the unit, its label, and nothing in the way. A key sends it, and the next is there.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState, useStore } from "../parts/html.js";
import { ActiveTime } from "../parts/active.js";
import { ask } from "../parts/api.js";
import { Desk } from "../parts/desk.js";
import { Dialog } from "../parts/dialog.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { KeysDialog } from "../parts/keys_dialog.js";
import { GuidelinePanel, ReadFirst, useGuideline } from "../parts/guideline.js";
import { recall, remember } from "../parts/memory.js";
import { Outbox } from "../parts/outbox.js";
import { ordered } from "../parts/seeded.js";
import { duration, moment, t } from "../parts/strings.js";
import { useWork, Work } from "../parts/work.js";
import { kindOf } from "../kinds/index.js";
import { Choose } from "./choose.js";
import { Standing } from "./standing.js";

const SAVE_MS = 250;

export default function Annotate({ one, go }) {
  return one ? html`<${AtDesk} project=${one} go=${go} />` : html`<${Choose} go=${go} />`;
}

function AtDesk({ project }) {
  const outbox = useMemo(() => new Outbox(), []);
  const desk = useMemo(() => new Desk(project, outbox), [project]);
  const { current, reason, why, problem, count } = useStore(desk.state);
  const waiting = useStore(outbox.state);
  const [shown, show] = useState(null);
  const [paused, pause] = useState(false);
  const [later, setLater] = useState("");
  const [side, setSide] = useState(recall("guideline-open", innerWidth > 1_100));
  const [missed, setMissed] = useState(false);
  useEffect(() => {
    if (!problem || current) return;
    const isHere = (one) => one.project_id === project && one.qualification?.retraining;
    ask("assign", "GET", "/me").then((me) => setMissed(me.projects.some(isHere)), () => { /* the problem itself is said */ });
  }, [problem, current]);
  const guideline = useGuideline(project, current?.guideline_version ?? why?.guideline_version);
  const toRead = !current && why?.code === "not_acknowledged";
  useEffect(() => () => {
    desk.close();
    outbox.close();
  }, []);
  useEffect(() => remember("projects", [project, ...recall("projects", []).filter((one) => one !== project)].slice(0, 12)), []);
  useEffect(() => {
    const leave = (event) => {
      if (waiting.unkept) event.preventDefault();
    };
    addEventListener("beforeunload", leave);
    return () => removeEventListener("beforeunload", leave);
  });
  const back = () => desk.back();
  const turnGuideline = () => {
    remember("guideline-open", !side);
    setSide(!side);
  };
  useKeys({ back, help: () => show("keys"), guideline: turnGuideline, pause: () => pause(true) });
  return html`<main class=${`desk ${side ? "with-side" : ""}`} id="main" tabindex="-1">
    <h1 class="unseen">${t("nav.annotate")}</h1>
    <div class="bar">
      <p class="progress"><b>${t("desk.done", { count })}</b> <${Waiting} outbox=${outbox} /></p>
      <div class="tools">
        <${KeyButton} kind="small" of="back" disabled=${!waiting.items.length} onClick=${back} />
        <${KeyButton} kind="small" of="guideline" onClick=${turnGuideline} />
        <${KeyButton} kind="small" of="pause" onClick=${() => pause(true)} />
        <a class="button small" href=${`/revising/${encodeURIComponent(project)}`}>${t("revising.title")}</a>
        <button type="button" class="button small" onClick=${() => show("standing")}>${t("standing.title")}</button>
        <${KeyButton} kind="small" of="help" onClick=${() => show("keys")} /></div></div>
    <${RefusedWork} outbox=${outbox} />
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${problem && missed && html`<p><a class="button primary" href=${`/retraining/${encodeURIComponent(project)}`}>${t("retraining.title")}</a></p>`}
    <div class="unit-and-side">
      ${current ? html`<${Unit} key=${current.assignment_id} desk=${desk} unit=${current} paused=${paused} />`
        : toRead ? html`<${ReadFirst} guideline=${guideline} done=${() => desk.now()} />`
          : html`<${Nothing} reason=${reason} problem=${problem} />`}
      ${side && !toRead && html`<${GuidelinePanel} guideline=${guideline} close=${turnGuideline} />`}</div>
    ${guideline.fresh && current && later !== current.assignment_id && html`<${FreshGuideline} guideline=${guideline} close=${() => setLater(current.assignment_id)} />`}
    ${shown === "keys" && html`<${KeysDialog} close=${() => show(null)} />`}
    ${shown === "standing" && html`<${Standing} close=${() => show(null)} sent=${waiting.sent} project=${project} />`}
    ${paused && html`<${Break} close=${() => pause(false)} />`}</main>`;
}

function Waiting({ outbox }) {
  const { items, unkept } = useStore(outbox.state);
  if (!items.length) return html`<span class="quiet">${t("desk.allSent")}</span>`;
  return html`<span class="quiet" data-waiting=${items.length}>${t("desk.waiting", { count: items.length })}</span>
    ${unkept && html`<span class="problem">${t("desk.unkept")}</span>`}`;
}

function RefusedWork({ outbox }) {
  const { refused } = useStore(outbox.state);
  if (!refused.length) return null;
  return html`<details class="notice warn"><summary>${t("desk.refused", { count: refused.length })}</summary>
    <ul>${refused.map((one) => html`<li>${one.problem} ${one.field === "confirmed" && html`<button type="button" class="button small"
      onClick=${() => outbox.confirm(one)}>${t("desk.sure")}</button>`}</li>`)}</ul>
    <button type="button" class="button small" onClick=${() => outbox.state.set({ refused: [] })}>${t("desk.understood")}</button></details>`;
}

function Unit({ desk, unit, paused }) {
  const saved = useMemo(() => desk.draft(unit), []);
  const seed = useMemo(() => ordered(unit.assignment_id, unit.order), []);
  const work = useWork(unit.label_schema, unit.content, seed, saved?.draft ?? begunWith(unit, seed));
  const [flag, setFlag] = useState(saved?.flag ?? "");
  const [asking, ask_] = useState(null);
  const [tried, setTried] = useState(false);
  const [quick, setQuick] = useState(recall("quick", false));
  const time = useMemo(() => new ActiveTime(saved?.active_ms ?? 0), []);
  const timer = useRef(0);
  const { over } = useStore(desk.state);
  const keep = () => desk.keep(unit, { draft: work.draft, flag, active_ms: time.count() });
  const kept = useRef(keep);
  kept.current = keep;
  useEffect(() => {
    const gone = () => kept.current();
    addEventListener("pagehide", gone);
    return () => {
      removeEventListener("pagehide", gone);
      clearTimeout(timer.current);
      time.close();
    };
  }, []);
  useEffect(() => time.pause(paused), [paused]);
  useEffect(() => {
    clearTimeout(timer.current);
    if (work.touched || flag) timer.current = setTimeout(() => kept.current(), SAVE_MS);
  }, [work.draft, flag]);
  useLayoutEffect(() => painted(), []);

  const send = (label) => {
    keep();
    desk.submit(label, time.count(), flag);
  };
  const submit = (event) => {
    if (work.problem) return setTried(true);
    pressed = event?.timeStamp ?? performance.now();
    return send(work.label());
  };
  const change = (draft) => {
    work.change(draft);
    setTried(false);
    if (quick && work.kind.sendsAtOnce && !work.kind.problem(draft, unit.label_schema)) {
      pressed = performance.now();
      desk.keep(unit, { draft, flag, active_ms: time.count() });
      desk.submit(work.kind.label(draft, unit.label_schema, seed), time.count(), flag);
    }
  };
  const turnQuick = () => {
    remember("quick", !quick);
    setQuick(!quick);
  };
  useKeys({ submit, skip: () => ask_("skip"), flag: () => ask_("flag") });
  return html`<section class="unit" aria-label=${t("unit.title")} data-unit=${unit.unit_id}>
    ${over && html`<p class="notice warn">${t("desk.over")}</p>`}
    ${unit.comment && html`<p class="notice" data-comment><b>${t("desk.sentBack")}</b> <q dir="auto">${unit.comment}</q>
      ${unit.given?.label != null && html` <span class="quiet">${t("desk.begunWith")}</span>`}</p>`}
    <${Elsewhere} desk=${desk} unit=${unit} take=${(found) => {
      work.change(found.draft);
      setFlag(found.flag);
      time.atLeast(found.active_ms);
    }} />
    <${Work} work=${work} content=${unit.content} mediaType=${unit.media_type} change=${change} />
    <footer class="sending">
      <p class="problem" role="alert">${tried && work.problem ? t(...work.problem) : ""}</p>
      ${flag && html`<p class="notice">${t("flag.said", { flag })} <button type="button" class="link" onClick=${() => setFlag("")}>${t("flag.remove")}</button></p>`}
      <div class="tools">
        ${work.kind.sendsAtOnce && html`<label class="check"><input type="checkbox" checked=${quick} onChange=${turnQuick} /> ${t("desk.quick")}</label>`}
        <${KeyButton} of="undo" disabled=${!work.canUndo} onClick=${work.undo} />
        <${KeyButton} of="flag" onClick=${() => ask_("flag")} />
        <${KeyButton} of="skip" onClick=${() => ask_("skip")} />
        <${KeyButton} kind="primary" of="submit" onClick=${submit}>${t("desk.send")}<//></div></footer>
    ${asking === "skip" && html`<${Reason} title=${t("skip.title")} send=${(reason, name) => desk.skip(reason, SKIP_CODES[name] ?? "other")} close=${() => ask_(null)}
      choices=${["skip.unreadable", "skip.guideline", "skip.language", "skip.knowledge", "skip.harm"]} />`}
    ${asking === "flag" && html`<${Reason} title=${t("flag.title")} send=${setFlag} close=${() => ask_(null)}
      choices=${["flag.unclear", "flag.guideline", "flag.several"]} />`}</section>`;
}

// What its annotator had said of a unit that was sent back, if it reads as it did.
function begunWith({ given, schema_version: version, label_schema: schema }, seed) {
  return given?.label != null && given.schema_version === version ? kindOf(schema).draft(given.label, schema, seed) : undefined;
}

// The unit is open in another window, too, and something was changed there that is not here.
function Elsewhere({ desk, unit, take }) {
  const { elsewhere } = useStore(desk.drafts.state);
  if (elsewhere?.assignment !== unit.assignment_id) return null;
  const close = () => desk.drafts.state.set({ elsewhere: null });
  return html`<div class="notice warn" role="status" data-elsewhere=${elsewhere.revision}><p>${t("draft.elsewhere", { time: moment(elsewhere.saved_at) })}</p>
    <p class="tools"><button type="button" class="button small" onClick=${() => { take(elsewhere); close(); }}>${t("draft.take")}</button>
      <button type="button" class="button small" onClick=${close}>${t("draft.stay")}</button></p></div>`;
}

// From the key to the second frame after it: what a person sees of the wait, told to whoever measures the page.
let pressed = null;

function painted() {
  if (pressed === null) return;
  const start = pressed;
  pressed = null;
  requestAnimationFrame(() => requestAnimationFrame(() => performance.measure("next-unit", { start, end: performance.now() })));
}

const REASON_CHARACTERS_MAX = 500;
const SKIP_CODES = {
  "skip.unreadable": "payload_broken", "skip.guideline": "guideline_unclear", "skip.language": "language", "skip.knowledge": "knowledge",
  "skip.harm": "harm",
};

function Reason({ title, choices, send, close }) {
  const [text, setText] = useState("");
  const say = (reason, name) => {
    close();
    send(reason, name);
  };
  return html`<${Dialog} title=${title} close=${close}>
    <div class="picks">${choices.map((name) => html`<button type="button" class="pick" onClick=${() => say(t(name), name)}>${t(name)}</button>`)}</div>
    <form onSubmit=${(event) => {
      event.preventDefault();
      if (text.trim()) say(text.trim());
    }}><label>${t("reason.own")} <input dir="auto" maxlength=${REASON_CHARACTERS_MAX} value=${text} onInput=${(event) => setText(event.target.value)} /></label>
      <button type="submit" class="button primary" disabled=${!text.trim()}>${t("reason.send")}</button></form><//>`;
}

function Nothing({ reason, problem }) {
  useEffect(() => { pressed = null; }, []);
  return html`<section class="nothing" aria-live="polite"><div class="rest" aria-hidden="true"></div>
    <h2>${problem ? t("nothing.cannot") : t("nothing.title")}</h2>
    <p>${problem || reason || t("nothing.text")}</p><p class="quiet">${problem ? "" : t("nothing.again")}</p></section>`;
}

// Closing it is no word that it was read: it comes again with the next unit.
function FreshGuideline({ guideline, close }) {
  return html`<${Dialog} title=${t("guideline.fresh", { version: guideline.version })} close=${close}>
    <p>${t("guideline.freshText")}</p>
    <p class="problem" role="alert">${guideline.problem}</p>
    <button type="button" class="button primary" autofocus onClick=${guideline.acknowledge}>${t("guideline.acknowledge")}</button><//>`;
}

function Break({ close }) {
  const began = useRef(Date.now());
  const [now, tick] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => tick(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return html`<${Dialog} title=${t("break.title")} close=${close}>
    <p>${t("break.text")}</p><p class="clock" role="timer">${duration(Math.round((now - began.current) / 1_000))}</p>
    <button type="button" class="button primary" onClick=${close}>${t("break.end")}</button><//>`;
}
