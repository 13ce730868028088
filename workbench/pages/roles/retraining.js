// After one has not qualified: what one got wrong beside what is right, a word against it where one was right, and another try.
import { html, useEffect, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { Coming, usePayload } from "../parts/asked.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { Markdown } from "../parts/markdown.js";
import { Content } from "../parts/content.js";
import { t } from "../parts/strings.js";
import { kindOf } from "../kinds/index.js";

const REASON_CHARACTERS_MAX = 2_000;
const AGAIN_MS = 3_000;

export default function Retraining({ one, go }) {
  const id = encodeURIComponent(one);
  const path = `/projects/${id}/retraining`;
  const [found, setFound] = useState(null);
  const [at, setAt] = useState(0);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const say = (fault) => setProblem(fault.message);
  const load = () => ask("adjudicate", "GET", path).then((told) => {
    setFound(told);
    setProblem("");
  }, (fault) => (fault.status === 404 ? setFound({ units: [] }) : say(fault)));
  useEffect(() => {
    load();
  }, []);
  const unit = found?.units[at];
  // That somebody has failed is heard of here a moment after their own page says so.
  useEffect(() => {
    if (unit) return undefined;
    const timer = setInterval(load, AGAIN_MS);
    return () => clearInterval(timer);
  }, [unit === undefined]);
  const isLast = !found || at >= found.units.length - 1;
  const ends = isLast && found?.last;
  const on = async () => {
    if (!unit || busy || ends) return;
    if (!isLast) {
      setAt(at + 1);
      return;
    }
    setBusy(true);
    try {
      await ask("adjudicate", "POST", path, { attempt: found.attempt });
      go(`/annotate/${id}`);
    } catch (fault) {
      say(fault);
      setBusy(false);
    }
  };
  const appeal = async (reason) => {
    const told = await ask("adjudicate", "POST", `${path}/appeals`, { unit_id: unit.unit_id, reason });
    setFound({ ...found, units: found.units.map((one) => (one === unit ? { ...one, appeal: told.appeal } : one)) });
  };
  const back = () => setAt(Math.max(0, at - 1));
  useKeys({ submit: on, back });
  return html`<main class="desk" id="main" tabindex="-1">
    <div class="bar"><div><h1>${t("retraining.title")}</h1><p class="quiet">${t(found?.last ? "retraining.last" : "retraining.lead")}</p></div>
      ${unit && html`<div class="tools"><span class="quiet" role="status">${t("retraining.at", { at: at + 1, all: found.units.length })}</span>
        <${KeyButton} of="back" disabled=${at === 0} onClick=${back}>${t("table.before")}<//>
        <${KeyButton} kind="primary" of="submit" disabled=${ends} onClick=${on}>${isLast && !ends ? t("retraining.again") : t("table.after")}<//></div>`}</div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${unit ? html`<div class="unit-and-side"><${Missed} key=${unit.unit_id} unit=${unit} schema=${found.label_schema} appeal=${appeal} expired=${load} />
      ${found.guideline && html`<aside class="side" aria-label=${t("guideline.title")} tabindex="0"><h2>${t("guideline.title")}</h2><${Markdown} text=${found.guideline} /></aside>`}</div>`
      : (found || !problem) && html`<section class="nothing"><div class="rest" aria-hidden="true"></div><h2>${found ? t("retraining.nothing") : t("loading")}</h2>
        ${found && html`<p><a href=${`/annotate/${id}`}>${t("nav.annotate")}</a></p>`}</section>`}</main>`;
}

function Missed({ unit, schema, appeal, expired }) {
  const { found: told, problem: unread } = usePayload(unit.payload_url, expired);
  const [problem, setProblem] = useState("");
  const [reason, setReason] = useState("");
  const kind = kindOf(schema);
  const send = async (event) => {
    event.preventDefault();
    try {
      await appeal(reason.trim());
    } catch (fault) {
      setProblem(fault.message);
    }
  };
  if (!told) return html`<${Coming} problem=${unread} />`;
  return html`<div class="ruling">
    ${!kind.showsContent && html`<section class="content" aria-label=${t("unit.title")}><${Content} ...${told} /></section>`}
    <div class="sides"><${Side} title=${t("retraining.right")} label=${unit.known_label} schema=${schema} told=${told} />
      <${Side} title=${t("retraining.yours")} label=${unit.given_label} schema=${schema} told=${told} /></div>
    ${unit.reason && html`<p class="notice" dir="auto">${unit.reason}</p>`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${unit.appeal ? html`<p class="notice" role="status">${t(`retraining.${unit.appeal}`)}</p>`
      : html`<section class="own" aria-label=${t("retraining.send")}><form onSubmit=${send}><label class="writing">${t("retraining.appeal")}<textarea rows="2" dir="auto" maxlength=${REASON_CHARACTERS_MAX}
          value=${reason} onInput=${(event) => setReason(event.target.value)} /></label>
        <footer class="sending"><div class="tools"><button type="submit" class="button" disabled=${!reason.trim()}>${t("retraining.send")}</button></div></footer></form></section>`}</div>`;
}

function Side({ title, label, schema, told }) {
  const kind = kindOf(schema);
  const pieces = kind.pieces(label, schema, told.content);
  return html`<article class="answer" aria-label=${title}><header><h2>${title}</h2></header>
    ${kind.showsContent ? html`<${kind.Shown} schema=${schema} ...${told} label=${label} />` : null}
    <ul class=${`pieces ${schema.kind}`}>${pieces.map((piece) => html`<li dir="auto">${piece}</li>`)}
      ${!pieces.length && html`<li>${t("adjudicate.saysNothing")}</li>`}</ul></article>`;
}
