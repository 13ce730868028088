// One annotator: what they can do, with the ends of their credentials; and whether they are at work, why, and until when.
import { html, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { Dialog } from "../parts/dialog.js";
import { moment, t, zone } from "../parts/strings.js";

const LEADS_TO = {
  invited: ["qualifying", "active", "paused", "retired"], qualifying: ["active", "paused", "retired"], active: ["qualifying", "paused", "retired"],
  paused: ["qualifying", "active", "retired"], retired: ["invited", "qualifying", "active"],
};
// Which state may follow which, as assign has it; the present one stands for another reason or end.
const REASON_CHARACTERS_MAX = 500;
const NEW = { annotator_id: "", kind: "human", skills: [], languages: [], vendor: "", credentials: [] };

const listed = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);
const pathOf = (name) => `/annotators/${encodeURIComponent(name.trim())}`;

// A time as a field for it has it: the clock of whoever looks, to the minute.
function local(time) {
  if (!time) return "";
  const at = new Date(time);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function Person({ known, close, done }) {
  return html`<${Dialog} title=${known ? known.annotator_id : t("people.add")} close=${close} wide>
    <div class="pair">${known && html`<${State} known=${known} done=${done} />`}<${Definition} known=${known} done=${done} /></div><//>`;
}

// What runs when a form is sent: once at a time, with what was wrong beside it.
function useSending(act) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const send = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem("");
    try {
      await act();
    } catch (fault) {
      setProblem(fault.message);
    }
    setBusy(false);
  };
  return { busy, problem, send };
}

function State({ known, done }) {
  const [state, setState] = useState(known.state);
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("");
  const { busy, problem, send } = useSending(async () => {
    const wish = { state, reason, ...(state === "paused" && until && { until: new Date(until).toISOString() }) };
    const found = await ask("assign", "PATCH", pathOf(known.annotator_id), wish);
    done(() => t("people.isNow", { name: found.annotator_id, state: t(`state.${found.state}`) }));
  });
  return html`<form class="form person-state" onSubmit=${send}><h3>${t("people.atWork")}</h3>
    <p><span class=${`badge ${known.state}`}>${t(`state.${known.state}`)}</span>
      ${known.state_since && html` <span class="quiet">${t("people.since", { time: moment(known.state_since) })}</span>`}</p>
    <label>${t("people.next")} <select value=${state} onChange=${(event) => setState(event.target.value)}>
      ${[known.state, ...LEADS_TO[known.state]].map((one) => html`<option value=${one}>${t(`state.${one}`)}</option>`)}</select></label>
    <label>${t("people.reason")} <input dir="auto" maxlength=${REASON_CHARACTERS_MAX} value=${reason} onInput=${(event) => setReason(event.target.value)} /></label>
    ${state === "paused" && html`<label>${t("people.until")} (<bdi>${zone()}</bdi>) <input type="datetime-local" value=${until} onInput=${(event) => setUntil(event.target.value)} /></label>`}
    <p class="quiet">${t(`people.means.${state}`)}</p>
    <p class="problem" role="alert">${problem}</p>
    <button type="submit" class="button primary" disabled=${busy}>${t("people.put")}</button></form>`;
}

function Definition({ known, done }) {
  const before = known ?? NEW;
  const [name, setName] = useState(before.annotator_id);
  const [form, setForm] = useState({ ...before, skills: before.skills.join(", "), languages: before.languages.join(", ") });
  const change = (field) => (event) => setForm({ ...form, [field]: event.target.value });
  const { busy, problem, send } = useSending(async () => {
    const credentials = form.credentials.filter((one) => one.domain.trim()).map((one) => ({ ...one, domain: one.domain.trim() }));
    const wish = { kind: form.kind, skills: listed(form.skills), languages: listed(form.languages), vendor: form.vendor, credentials };
    const found = await ask("assign", "PUT", pathOf(name), wish);
    done(() => t("people.saved", { name: found.annotator_id }));
  });
  return html`<form class="form" onSubmit=${send}><h3>${t("people.can")}</h3>
    ${!known && html`<label>${t("people.name")} <input required dir="auto" value=${name} onInput=${(event) => setName(event.target.value)} /></label><p class="quiet">${t("people.nameIs")}</p>`}
    <label>${t("people.kind")} <select value=${form.kind} onChange=${change("kind")}><option value="human">${t("people.human")}</option><option value="model">${t("people.model")}</option></select></label>
    <label>${t("people.skills")} <input dir="auto" value=${form.skills} onInput=${change("skills")} placeholder="medicine, law" /></label>
    <label>${t("people.languages")} <input dir="auto" value=${form.languages} onInput=${change("languages")} placeholder="en, ar" /></label>
    <label>${t("people.vendor")} <input dir="auto" value=${form.vendor} onInput=${change("vendor")} /></label>
    <${Credentials} held=${form.credentials} change=${(credentials) => setForm({ ...form, credentials })} />
    <p class="problem" role="alert">${problem}</p>
    <button type="submit" class="button primary" disabled=${busy || !name.trim()}>${t("people.save")}</button></form>`;
}

function Credentials({ held, change }) {
  const put = (place, changes) => change(held.map((one, at) => (at === place ? { ...one, ...changes } : one)));
  return html`<fieldset class="card"><legend>${t("standing.credentials")}</legend>
    ${held.map((one, place) => html`<div class="credential" key=${place}>
      <label>${t("people.domain")} <input dir="auto" value=${one.domain} onInput=${(event) => put(place, { domain: event.target.value })} /></label>
      <label>${t("people.expires")} (<bdi>${zone()}</bdi>) <input type="datetime-local" value=${local(one.expires_at)}
        onChange=${(event) => put(place, { expires_at: event.target.value ? new Date(event.target.value).toISOString() : null })} /></label>
      <button type="button" class="button small" aria-label=${t("people.without", { domain: one.domain || t("people.domain") })} onClick=${() => change(held.filter((_, at) => at !== place))}>×</button></div>`)}
    <p class="quiet">${t("people.forGood")}</p>
    <button type="button" class="button small" onClick=${() => change([...held, { domain: "", expires_at: null }])}>${t("people.another")}</button></fieldset>`;
}
