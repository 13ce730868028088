// What holds against oneself by the project's rules of pace and skips: the evidence, until when, and one's answer, given once.
import { html, useEffect, useState } from "../parts/html.js";
import { Away, ask } from "../parts/api.js";
import { moment, t } from "../parts/strings.js";
import { Evidence } from "./conduct.js";

const REASON_CHARACTERS_MAX = 2_000;

export function OwnConduct({ id }) {
  const [mine, setMine] = useState(null);
  const [problem, setProblem] = useState("");
  const say = (fault) => setProblem(fault instanceof Away ? t("notice.away") : fault.message);
  const look = () => ask("assign", "GET", `/projects/${id}/conduct/mine`).then(setMine, say);
  useEffect(() => { look(); }, []);
  const appeal = async (rule, reason) => {
    try {
      await ask("assign", "POST", `/projects/${id}/conduct/appeals`, { rule, reason });
      setProblem("");
    } catch (fault) {
      say(fault);
    }
    await look();
  };
  if (!mine?.rules.length && !mine?.answers.length) return problem && html`<p class="problem" role="alert">${problem}</p>`;
  return html`<section class="card" aria-label=${t("conduct.mine")}><h2>${t("conduct.mine")}</h2>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${mine.rules.map((one) => html`<${Held} key=${`${one.rule} ${one.since}`} held=${one} appeal=${appeal} />`)}
    ${mine.answers.length > 0 && html`<h3>${t("conduct.answers")}</h3><ul>${mine.answers.map((one) => html`<li><span dir="auto">${one.reason}</span> <span class="quiet">${moment(one.since)}</span>
      <${Answer} appeal=${one.appeal} /></li>`)}</ul>`}</section>`;
}

function Held({ held, appeal }) {
  const [reason, setReason] = useState("");
  const send = async (event) => {
    event.preventDefault();
    await appeal(held.rule, reason.trim());
  };
  return html`<div class="notice warn"><p><b dir="auto">${held.reason}</b> ${t(`conduct.you.${held.then}`, { time: held.until ? moment(held.until) : "" })}</p>
    <${Evidence} held=${held} />
    ${held.appeal ? html`<${Answer} appeal=${held.appeal} />` : html`<form onSubmit=${send}><label class="writing">${t("conduct.appeal")}
      <textarea rows="2" dir="auto" maxlength=${REASON_CHARACTERS_MAX} value=${reason} onInput=${(event) => setReason(event.target.value)} /></label>
      <p class="quiet">${t("conduct.once")}</p><button type="submit" class="button" disabled=${!reason.trim()}>${t("conduct.send")}</button></form>`}</div>`;
}

function Answer({ appeal }) {
  return html`<p role="status"><span class="badge">${t(`conduct.${appeal.outcome}`)}</span> <q dir="auto">${appeal.reason}</q></p>
    ${appeal.ruling && html`<p>${t("conduct.ruling")} <span dir="auto">${appeal.ruling}</span></p>`}`;
}
