// Against whom the project's rules of pace and skips hold, what they say to it, and the lead's word.
import { html, useEffect, useState } from "../parts/html.js";
import { ask, isLater } from "../parts/api.js";
import { duration, moment, t } from "../parts/strings.js";

const SECOND_MS = 1_000;
const REASON_CHARACTERS_MAX = 2_000;

// What the rule looked at: the time of each label, or that it was skipped; what is under the floor stands out.
export function Evidence({ held }) {
  if (!held.times_ms?.length) return null;
  const isBroken = (ms) => (held.rule === "skips" ? ms === null : ms !== null && ms < (held.floor_ms ?? 0));
  return html`<p class="evidence" aria-label=${t("conduct.evidence")}>${held.times_ms.map((ms) => html`<span class=${`badge ${isBroken(ms) ? "paused" : ""}`}>${ms === null ? t("conduct.skipped") : duration(ms / SECOND_MS)}</span> `)}</p>`;
}

export function Conduct({ id, news }) {
  const [people, setPeople] = useState([]);
  const [said, say] = useState("");
  const look = () => ask("assign", "GET", `/projects/${id}/conduct`).then((told) => setPeople(told.annotators), (fault) => {
    if (!isLater(fault)) say(fault.message);
  });
  useEffect(() => { look(); }, [id, news]);
  const done = async (path, body, words) => {
    try {
      await ask("assign", "POST", `/projects/${id}/${path}`, body);
      say(words);
    } catch (fault) {
      say(fault.message);
    }
    await look();
  };
  const release = (name) => done("conduct", { annotator_id: name }, t("conduct.released", { name }));
  const rule = (name, held, outcome, reason) => done("conduct/rulings", { annotator_id: name, rule: held.rule, outcome, reason }, t("conduct.ruled", { name }));
  if (!people.length) return html`<p role="status">${said}</p>`;
  return html`<section class="notice warn" data-conduct=${people.length}><p><b>${t("conduct.title", { count: people.length })}</b></p>
    <ul>${people.map(({ annotator_id: name, rules }) => html`<li key=${name}><bdi>${name}</bdi>:
      ${rules.map((one) => html`<span dir="auto"> ${one.reason} (${t(`conduct.${one.then}`, { time: one.until ? moment(one.until) : "" })})</span>
        ${one.appeal && html`<${Appealed} key=${one.rule} name=${name} held=${one} rule=${rule} />`}`)}
      <button type="button" class="button small" aria-label=${`${t("conduct.release")}: ${name}`} onClick=${() => release(name)}>${t("conduct.release")}</button></li>`)}</ul>
    <p role="status">${said}</p></section>`;
}

// An appeal beside its evidence: the word on it takes a reason, which the annotator is told.
function Appealed({ name, held, rule }) {
  const [reason, setReason] = useState("");
  const { appeal } = held;
  const waits = appeal.outcome === "open";
  return html`<div class="card" data-appeal=${appeal.outcome}><p><b>${t("conduct.says")}</b> <q dir="auto">${appeal.reason}</q> <span class="quiet">${moment(appeal.at)}</span></p>
    <${Evidence} held=${held} />
    ${waits ? html`<label class="writing">${t("conduct.word")}<textarea rows="2" dir="auto" maxlength=${REASON_CHARACTERS_MAX} value=${reason} aria-label=${`${t("conduct.word")}: ${name}`}
        onInput=${(event) => setReason(event.target.value)} /></label>
      <div class="tools"><button type="button" class="button small primary" disabled=${!reason.trim()} onClick=${() => rule(name, held, "upheld", reason.trim())}>${t("conduct.uphold")}</button>
        <button type="button" class="button small" disabled=${!reason.trim()} onClick=${() => rule(name, held, "declined", reason.trim())}>${t("conduct.decline")}</button></div>`
      : html`<p><span class="badge">${t(`conduct.${appeal.outcome}`)}</span> <span dir="auto">${appeal.ruling}</span></p>`}</div>`;
}
