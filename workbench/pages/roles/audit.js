// Checking blind: the auditor labels as if nobody had, and the lot comes nearer to its verdict.
import { html, useEffect, useRef, useState } from "../parts/html.js";
import { Away, ask } from "../parts/api.js";
import { Coming, usePayload } from "../parts/asked.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { KeysDialog } from "../parts/keys_dialog.js";
import { Markdown } from "../parts/markdown.js";
import { PlanPlot, usePlan } from "../parts/plan_plot.js";
import { Elsewhere, ToJudging, useReviewed } from "../parts/reviewed.js";
import { t } from "../parts/strings.js";
import { useWork, Work } from "../parts/work.js";

const PAGE = 20;
const AGAIN_MS = 3_000;

export default function Audit({ query }) {
  const only = query.get("project") ? `&project_id=${encodeURIComponent(query.get("project"))}` : "";
  const [found, setFound] = useState(null);
  const [lot, setLot] = useState(null);
  const [problem, setProblem] = useState("");
  const [count, setCount] = useState(0);
  const [help, setHelp] = useState(false);
  const done = useRef(new Set());
  const inHand = useRef("");
  const load = async () => {
    try {
      const told = await ask("audit", "GET", `/inspections?limit=${PAGE}${only}`);
      const waiting = told.inspections.filter((one) => !done.current.has(one.unit_id));
      // What is in hand stays in hand, whatever came before it meanwhile.
      const isHere = (one) => one.unit_id === inHand.current;
      setFound({ ...told, inspections: [...waiting.filter(isHere), ...waiting.filter((one) => !isHere(one))] });
      setProblem("");
    } catch (fault) {
      if (!(fault instanceof Away)) setProblem(fault.message);
    }
  };
  useEffect(() => {
    load();
  }, []);
  const unit = found?.inspections[0];
  inHand.current = unit?.unit_id;
  useReviewed(unit?.project_id);
  useEffect(() => {
    if (unit) return undefined;
    const timer = setInterval(load, AGAIN_MS);
    return () => clearInterval(timer);
  }, [unit === undefined]);
  useEffect(() => {
    if (unit) ask("audit", "GET", `/lots/${encodeURIComponent(unit.lot_id)}`).then(setLot, () => setLot(null));
  }, [unit?.unit_id]);
  useKeys({ help: () => setHelp(true) });
  const check = async (label, reason) => {
    const { results: [result] } = await ask("audit", "POST", "/inspections", { verdicts: [{ unit_id: unit.unit_id, label, reason }] });
    if (result.status === "refused") throw new Error(`${result.problem} ${result.cure ?? ""}`);
    done.current.add(unit.unit_id);
    setCount(count + 1);
    const rest = found.inspections.slice(1);
    setFound({ ...found, inspections: rest });
    // A verdict changes what is needed: the plan may be done, or an error asks for more.
    load();
  };
  return html`<main class="desk" id="main" tabindex="-1">
    <h1 class="unseen">${t("nav.audit")}</h1>
    <div class="bar"><p class="progress"><b>${t("audit.done", { count })}</b></p>
      <div class="tools"><${KeyButton} kind="small" of="help" onClick=${() => setHelp(true)} /></div></div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${unit ? html`<div class="unit-and-side"><${Inspection} key=${unit.unit_id} unit=${unit} check=${check} expired=${load} />
      <aside class="side" aria-label=${t("audit.lot")} tabindex="0"><h2>${t("audit.lot")}</h2>
        ${lot && lot.lot_id === unit.lot_id && html`<${Progress} lot=${lot} />`}
        <p><${ToJudging} project=${unit.project_id} /></p>
        ${unit.guideline && html`<h2>${t("guideline.title")} <span class="badge">${t("guideline.version", { version: unit.guideline_version })}</span></h2><${Markdown} text=${unit.guideline} />`}</aside></div>`
      : (found || !problem) && html`<section class="nothing"><div class="rest" aria-hidden="true"></div><h2>${found ? t("audit.nothing") : t("loading")}</h2>
        <p>${found?.held_back.length ? t("audit.heldBack", { count: found.held_back.length }) : t("audit.nothingText")}</p>
        ${found && html`<${Elsewhere} only=${query.get("project")} />`}</section>`}
    ${help && html`<${KeysDialog} close=${() => setHelp(false)} />`}</main>`;
}

export function Progress({ lot }) {
  const plan = usePlan(lot.plan_terms ?? null);
  return html`<p>${t("audit.progress", { inspected: lot.inspected, sample: lot.sample_size, count: lot.units })}</p>
    ${plan && html`<${PlanPlot} plan=${plan} inspected=${lot.inspected} errors=${lot.errors} />`}
    ${lot.problem && html`<p class="notice">${lot.problem}</p>`}`;
}

function Inspection({ unit, check, expired }) {
  const { found, problem } = usePayload(unit.payload_url, expired);
  if (!found) return html`<${Coming} problem=${problem} />`;
  return html`<${Blind} unit=${unit} ...${found} check=${check} />`;
}

function Blind({ unit, content, mediaType, check }) {
  const work = useWork(unit.label_schema, content, unit.unit_id);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const [tried, setTried] = useState(false);
  const [sending, setSending] = useState(false);
  const submit = async () => {
    setTried(true);
    if (work.problem || sending) return;
    setSending(true);
    try {
      await check(work.label(), reason.trim());
    } catch (fault) {
      setProblem(fault.message);
      setSending(false);
    }
  };
  useKeys({ submit });
  return html`<section class="unit" aria-label=${t("unit.title")} data-unit=${unit.unit_id}>
    <p class="quiet">${t("audit.blind")}</p>
    <${Work} work=${work} content=${content} mediaType=${mediaType} />
    <label class="writing">${t("audit.reason")}<input dir="auto" maxlength="2000" value=${reason} onInput=${(event) => setReason(event.target.value)} /></label>
    <footer class="sending"><p class="problem" role="alert">${problem || (tried && work.problem ? t(...work.problem) : "")}</p>
      <div class="tools"><${KeyButton} of="undo" disabled=${!work.canUndo} onClick=${work.undo} />
        <${KeyButton} kind="primary" of="submit" disabled=${sending} onClick=${submit}>${t("audit.check")}<//></div></footer></section>`;
}
