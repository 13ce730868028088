// Where a model and an accepted label differ: which of two sides is right, without knowing whose either is.
import { html, useEffect, useRef, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { Coming, useAsked, usePayload } from "../parts/asked.js";
import { Content } from "../parts/content.js";
import { Key, KeyButton, useKeys } from "../parts/keys.js";
import { KeysDialog } from "../parts/keys_dialog.js";
import { letter } from "../parts/letters.js";
import { Markdown } from "../parts/markdown.js";
import { t } from "../parts/strings.js";
import { kindOf } from "../kinds/index.js";

const PAGE = 20;
const REASON_CHARACTERS_MAX = 2_000;
// In the order of the keys that say them.
const SIDES = ["first", "second", "neither", "ambiguous"];

export default function Judging({ one, query, go }) {
  const id = encodeURIComponent(one);
  const { found: models, problem } = useAsked(async () => (await ask("audit", "GET", `/projects/${id}/models`)).models, []);
  const chosen = query.get("model") ?? (models?.length === 1 ? models[0].model_id : "");
  return html`<main class="desk" id="main" tabindex="-1">
    <div class="bar"><div><h1>${t("judging.title")}</h1><p class="quiet">${t("judging.lead")}</p></div>
      ${models?.length > 1 && html`<label class="filter">${t("judging.model")} <select value=${chosen}
        onChange=${(event) => go(`/judging/${id}?model=${encodeURIComponent(event.target.value)}`)}><option value=""></option>
        ${models.map((each) => html`<option value=${each.model_id}>${each.model_id}</option>`)}</select></label>`}</div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${chosen ? html`<${Review} key=${chosen} address=${`/projects/${id}/models/${encodeURIComponent(chosen)}/review`} />`
      : !problem && html`<section class="nothing"><div class="rest" aria-hidden="true"></div><h2>${!models ? t("loading") : t(models.length ? "judging.choose" : "judging.noModel")}</h2></section>`}</main>`;
}

function Review({ address }) {
  const [queue, setQueue] = useState(null);
  const [done, setDone] = useState(0);
  const [problem, setProblem] = useState("");
  const [help, setHelp] = useState(false);
  // What was judged is not listed again; those who ask have a part in some, so that a page may be empty and not the last.
  const load = async () => {
    try {
      let [found, cursor] = [[], ""];
      do {
        const told = await ask("audit", "GET", `${address}?limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
        found = told.review;
        cursor = told.next;
      } while (!found.length && cursor);
      setQueue(found);
      setProblem("");
    } catch (fault) {
      setProblem(fault.message);
    }
  };
  useEffect(() => {
    load();
  }, []);
  useKeys({ help: () => setHelp(true) });
  const unit = queue?.[0];
  const judge = async (right, reason) => {
    const { results: [result] } = await ask("audit", "POST", address, { judgements: [{ unit_id: unit.unit_id, right, reason }] });
    if (result.status === "refused") throw new Error(`${result.problem} ${result.cure}`);
    setDone(done + 1);
    if (queue.length > 1) setQueue(queue.slice(1));
    else await load();
  };
  return html`<div><div class="bar"><span class="quiet">${t("judging.done", { count: done })}</span>
      <${KeyButton} kind="small" of="help" onClick=${() => setHelp(true)} /></div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${unit ? html`<${Loaded} key=${unit.unit_id} unit=${unit} judge=${judge} expired=${load} />`
      : !problem && html`<section class="nothing"><div class="rest" aria-hidden="true"></div><h2>${queue ? t("judging.nothing") : t("loading")}</h2></section>`}
    ${help && html`<${KeysDialog} close=${() => setHelp(false)} />`}</div>`;
}

function Loaded({ unit, judge, expired }) {
  const { found, problem } = usePayload(unit.payload_url, expired);
  if (!found) return html`<${Coming} problem=${problem} />`;
  return html`<div class="unit-and-side"><${Word} unit=${unit} ...${found} judge=${judge} />
    ${unit.guideline && html`<aside class="side" aria-label=${t("guideline.title")} tabindex="0"><h2>${t("guideline.title")}${" "}
      <span class="badge">${t("guideline.version", { version: unit.guideline_version })}</span></h2><${Markdown} text=${unit.guideline} /></aside>`}</div>`;
}

function Word({ unit, content, mediaType, judge }) {
  const schema = unit.label_schema;
  const kind = kindOf(schema);
  const [right, choose] = useState("");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const [sending, setSending] = useState(false);
  const field = useRef(null);
  const submit = async () => {
    if (!right || sending) {
      if (!right) setProblem(t("judging.missing"));
      return;
    }
    setSending(true);
    try {
      await judge(right, reason.trim());
    } catch (fault) {
      setProblem(fault.message);
      setSending(false);
    }
  };
  useKeys({ submit, ...Object.fromEntries(SIDES.map((side, place) => [`pick${place + 1}`, () => choose(side)])) });
  const nameOf = (side, place) => (place < 2 ? t("judging.side", { letter: letter(place) }) : t(`judging.${side}`));
  return html`<div class="ruling">
    ${!kind.showsContent && html`<section class="content" aria-label=${t("unit.title")}><${Content} content=${content} mediaType=${mediaType} /></section>`}
    <section aria-label=${t("judging.sides")}><h2>${t("judging.sides")}</h2><div class="sides">${[unit.first, unit.second].map((label, place) => html`
      <article key=${place} class=${`answer ${right === SIDES[place] ? "picked" : ""}`} aria-label=${t("adjudicate.side", { letter: letter(place) })}>
        <header><h3>${t("adjudicate.side", { letter: letter(place) })}</h3></header>
        ${kind.showsContent ? html`<${kind.Shown} schema=${schema} content=${content} mediaType=${mediaType} label=${label} />` : null}
        <ul class=${`pieces ${schema.kind}`}>${kind.pieces(label, schema, content).map((piece) => html`<li dir="auto">${piece}</li>`)}
          ${!kind.pieces(label, schema, content).length && html`<li>${t("adjudicate.saysNothing")}</li>`}</ul></article>`)}</div></section>
    <section class="own" aria-label=${t("judging.own")}><h2>${t("judging.own")}</h2>
      <div class="picks" role="group" aria-label=${t("judging.own")}>${SIDES.map((side, place) => html`
        <button type="button" key=${side} class="pick" aria-pressed=${String(right === side)} onClick=${() => choose(side)}>${nameOf(side, place)} <${Key} of=${`pick${place + 1}`} /></button>`)}</div>
      <label class="writing">${t("judging.reason")}<textarea ref=${field} rows="2" dir="auto" maxlength=${REASON_CHARACTERS_MAX} value=${reason}
        onInput=${(event) => setReason(event.target.value)} /></label>
      <footer class="sending"><p class="problem" role="alert">${problem}</p>
        <div class="tools"><${KeyButton} kind="primary" of="submit" disabled=${sending} onClick=${submit}>${t("judging.send")}<//></div></footer></section></div>`;
}
