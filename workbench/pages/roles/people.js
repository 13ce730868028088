// Who annotates: an operator says what somebody can do, and looks it up.
import { html, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { t } from "../parts/strings.js";

const listed = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

export default function People() {
  const [name, setName] = useState("");
  const [form, setForm] = useState({ kind: "human", skills: "", languages: "", vendor: "" });
  const [credentials, setCredentials] = useState([]);
  const [problem, setProblem] = useState("");
  const [said, say] = useState("");
  const path = `/annotators/${encodeURIComponent(name.trim())}`;
  const change = (field) => (event) => setForm({ ...form, [field]: event.target.value });
  const run = (act) => async (event) => {
    event.preventDefault();
    setProblem("");
    say("");
    try {
      await act();
    } catch (fault) {
      setProblem(fault.message);
    }
  };
  const look = run(async () => {
    const found = await ask("assign", "GET", path);
    setForm({ kind: found.kind, skills: found.skills.join(", "), languages: found.languages.join(", "), vendor: found.vendor });
    // They are sent back as they are: a form that does not show them must not take them away.
    setCredentials(found.credentials);
    say(t("people.found", { name: found.annotator_id }));
  });
  const save = run(async () => {
    const body = { kind: form.kind, skills: listed(form.skills), languages: listed(form.languages), vendor: form.vendor, credentials };
    const found = await ask("assign", "PUT", path, body);
    say(t("people.saved", { name: found.annotator_id }));
  });
  return html`<main class="narrow" id="main" tabindex="-1"><h1>${t("people.title")}</h1><p class="lead">${t("people.lead")}</p>
    <form class="card form" onSubmit=${save}>
      <div class="row"><label>${t("people.name")} <input required dir="auto" value=${name} onInput=${(event) => setName(event.target.value)} /></label>
        <button type="button" class="button" disabled=${!name.trim()} onClick=${look}>${t("people.look")}</button></div>
      <label>${t("people.kind")} <select value=${form.kind} onChange=${change("kind")}><option value="human">${t("people.human")}</option><option value="model">${t("people.model")}</option></select></label>
      <label>${t("people.skills")} <input dir="auto" value=${form.skills} onInput=${change("skills")} placeholder="medicine, law" /></label>
      <label>${t("people.languages")} <input dir="auto" value=${form.languages} onInput=${change("languages")} placeholder="en, ar" /></label>
      <label>${t("people.vendor")} <input dir="auto" value=${form.vendor} onInput=${change("vendor")} /></label>
      ${credentials.length > 0 && html`<p class="quiet">${t("people.credentials", { list: credentials.map((one) => one.domain).join(", ") })}</p>`}
      <p class="problem" role="alert">${problem}</p><p role="status">${said}</p>
      <button type="submit" class="button primary" disabled=${!name.trim()}>${t("people.save")}</button></form></main>`;
}
