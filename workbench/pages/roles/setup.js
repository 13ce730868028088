// Setting up a project: what is asked, how it is decided and checked, and what that comes to; then its units.
import { html, useEffect, useMemo, useState, useStore } from "../parts/html.js";
import { ask, planOf, session } from "../parts/api.js";
import { language, percent, t, whole } from "../parts/strings.js";
import { useWork, Work } from "../parts/work.js";
import { SCHEMAS, SchemaFields } from "./schema_fields.js";
import { Upload } from "./upload.js";

const START = {
  name: "", slug: "", kind: "choice", guideline: "", initial: 2, max: 5, confidence: 0.95, gold: 0.1, lot: 500,
  plan: "sequential", fraction: 0.05, aql: 0.01, ltpd: 0.05, alpha: 0.05, beta: 0.1,
};
const SLUG_MAX = 40;
const slugOf = (name) => name.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, SLUG_MAX).replace(/-+$/, "");

export function definitionOf(form, schema) {
  const { plan, fraction, aql, ltpd, alpha, beta } = form;
  return {
    label_schema: schema, name: form.name, guideline: form.guideline,
    policy: {
      overlap: { initial: form.initial, max: form.max }, consensus: { confidence: form.confidence },
      gold: { rate: form.gold }, lot: { size: form.lot }, audit: { plan, fraction, aql, ltpd, alpha, beta },
    },
  };
}

export default function Setup({ query, go }) {
  const existing = query.get("project");
  return existing ? html`<main class="narrow" id="main" tabindex="-1"><h1>${t("upload.title")}</h1><${Upload} project=${existing} />
    <p><a class="button" href=${`/projects/${encodeURIComponent(existing)}`}>${t("setup.toProject")}</a></p></main>`
    : html`<${Form} go=${go} />`;
}

function Form() {
  const [form, setForm] = useState(START);
  const [parts, setParts] = useState(SCHEMAS.choice.parts);
  const [problem, setProblem] = useState(null);
  const [made, setMade] = useState(null);
  const schema = useMemo(() => SCHEMAS[form.kind].schema(parts), [form.kind, parts]);
  const set = (field) => (event) => {
    const { target } = event;
    setForm({ ...form, [field]: target.type === "number" ? target.valueAsNumber : target.value });
  };
  const slug = form.slug || slugOf(form.name);
  const create = async (event) => {
    event.preventDefault();
    setProblem(null);
    try {
      setMade(await ask("ingest", "PUT", `/projects/${encodeURIComponent(slug)}`, definitionOf(form, schema.spec)));
    } catch (fault) {
      setProblem(fault);
    }
  };
  if (made) {
    return html`<main class="narrow" id="main" tabindex="-1"><h1>${t("setup.made")}</h1><p class="lead" dir="auto">${made.name || made.project_id}</p>
      <p>${t("setup.invite")} <code>${`${location.origin}/annotate/${made.project_id}`}</code></p><${Upload} project=${made.project_id} />
      <p><a class="button primary" href=${`/projects/${encodeURIComponent(made.project_id)}`}>${t("setup.toProject")}</a></p></main>`;
  }
  const field = (name, type, extra = {}) => html`<label>${t(`setup.${name}`)} <input type=${type} value=${form[name]} onInput=${set(name)} ...${extra} /></label>`;
  const share = (name) => field(name, "number", { min: 0.0001, max: 0.9999, step: "any", required: true });
  return html`<main class="wide setup" id="main" tabindex="-1"><h1>${t("setup.title")}</h1>
    <div class="pair"><form class="form" onSubmit=${create}>
      <fieldset class="card"><legend>${t("setup.what")}</legend>
        ${field("name", "text", { required: true, maxlength: 200, dir: "auto" })}
        <label>${t("setup.slug")} <input value=${form.slug} placeholder=${slug} required=${!slug} pattern="[a-z0-9]+(-[a-z0-9]+)*" maxlength=${SLUG_MAX} onInput=${set("slug")} /></label>
        <label>${t("setup.kind")} <select value=${form.kind} onChange=${(event) => {
          setForm({ ...form, kind: event.target.value });
          setParts(SCHEMAS[event.target.value].parts);
        }}>${Object.keys(SCHEMAS).map((kind) => html`<option value=${kind}>${t(`kind.${kind}`)}</option>`)}</select></label>
        <${SchemaFields} kind=${form.kind} parts=${parts} change=${setParts} />
        ${schema.problem && html`<p class="problem" role="alert">${t(schema.problem)}</p>`}
        <label class="writing">${t("setup.guideline")}<textarea rows="5" dir="auto" value=${form.guideline} onInput=${set("guideline")} /></label></fieldset>
      <fieldset class="card"><legend>${t("setup.decided")}</legend>
        <div class="row">${field("initial", "number", { min: 1, max: 100, required: true })}${field("max", "number", { min: form.initial, max: 100, required: true })}</div>
        <div class="row">${field("confidence", "number", { min: 0.5, max: 1, step: "any", required: true })}${field("gold", "number", { min: 0, max: 1, step: "any", required: true })}</div></fieldset>
      <fieldset class="card"><legend>${t("setup.checked")}</legend>
        <div class="row">${field("lot", "number", { min: 1, max: 5000, required: true })}
          <label>${t("setup.plan")} <select value=${form.plan} onChange=${set("plan")}>${["sequential", "single", "iso_2859_1", "fraction"].map((one) => html`<option value=${one}>${t(`plan.${one}`)}</option>`)}</select></label></div>
        ${form.plan === "fraction" ? share("fraction") : form.plan === "iso_2859_1" ? share("aql") : html`<div class="row">${share("aql")}${share("ltpd")}</div><div class="row">${share("alpha")}${share("beta")}</div>`}</fieldset>
      ${problem && html`<div class="problem" role="alert"><p>${problem.message}</p>${problem.errors?.length > 1 && html`<ul>${problem.errors.map((one) => html`<li><code>${one.field}</code> ${one.problem}; ${one.cure}</li>`)}</ul>`}</div>`}
      <button type="submit" class="button primary" disabled=${Boolean(schema.problem)}>${t("setup.create")}</button></form>
    <div class="aside"><${Consequences} form=${form} /><${Preview} kind=${form.kind} schema=${schema} /></div></div></main>`;
}

// What a policy comes to, in plain words. How often people agree is not known before they work: it is said what was taken.
const RIGHT = 0.85;

export function labelsExpected({ initial, max }) {
  // Two who are each right so often agree at least so often; every disagreement is taken to go on to the cap.
  const agree = RIGHT ** initial + (1 - RIGHT) ** initial;
  return initial + (1 - agree) * (max - initial) / 2;
}

function Consequences({ form }) {
  useStore(language);
  const [plan, setPlan] = useState({});
  const { aql, ltpd, alpha, beta, fraction } = form;
  const isWhole = [form.initial, form.max, form.lot, form.gold, aql, ltpd, alpha, beta, fraction].every(Number.isFinite);
  useEffect(() => {
    if (!isWhole) return undefined;
    let over = false;
    const timer = setTimeout(() => planOf({ plan: form.plan, aql, ltpd, alpha, beta, fraction }, form.lot).then(
      (found) => over || setPlan({ found }), (fault) => over || setPlan({ problem: fault.message })), 300);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [form.plan, aql, ltpd, alpha, beta, fraction, form.lot]);
  // A field that is empty for a moment comes to nothing yet.
  if (!isWhole) return html`<section class="card consequences" aria-live="polite"><h2>${t("setup.comesTo")}</h2><p class="quiet">–</p></section>`;
  return html`<section class="card consequences" aria-live="polite"><h2>${t("setup.comesTo")}</h2>
    <p>${t("setup.labels", { count: Math.round(labelsExpected(form) * 10) / 10, right: percent(RIGHT, 0), initial: form.initial, max: form.max })}</p>
    ${plan.found && html`<p>${t("setup.audited", { count: whole(Math.round(plan.found.mean_at_aql)), lot: whole(form.lot), most: whole(plan.found.sample_max) })}</p>
      <p>${form.plan === "fraction" ? t("setup.noPromise") : form.plan === "iso_2859_1" ? t("setup.standard") : t("setup.promise", { ltpd: percent(ltpd), beta: percent(beta), aql: percent(aql), alpha: percent(alpha) })}</p>`}
    ${plan.problem && html`<p class="problem">${plan.problem}</p>`}
    <p>${t("setup.goldSays", { gold: percent(form.gold, 0) })}</p></section>`;
}

function Preview({ kind, schema }) {
  const { code } = useStore(language);
  return html`<section class="card preview" aria-label=${t("setup.preview")}><h2>${t("setup.preview")}</h2>
    ${schema.problem ? html`<p class="quiet">${t("setup.noPreview")}</p>` : html`<${Tried} key=${`${code} ${kind} ${JSON.stringify(schema.spec)}`} kind=${kind} schema=${schema.spec} />`}</section>`;
}

// A picture made here, so that a preview asks nobody for one.
const PICTURE = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="640" height="400"><rect width="640" height="400" fill="#cfe3e0"/><rect y="280" width="640" height="120" fill="#7d9b8f"/><circle cx="520" cy="90" r="44" fill="#f4d58d"/><rect x="120" y="190" width="210" height="120" rx="18" fill="#2f5d73"/><circle cx="170" cy="315" r="26" fill="#22333b"/><circle cx="282" cy="315" r="26" fill="#22333b"/></svg>`)}`;

function sampleOf(kind, schema) {
  if (kind === "boxes" || kind === "polygons") return { content: { uri: PICTURE }, mediaType: "image/svg+xml" };
  if (kind === "preference") return { content: { question: t("sample.question"), a: t("sample.a"), b: t("sample.b") }, mediaType: "application/json" };
  if (kind === "ranking") return { content: Object.fromEntries(schema.items.map((name) => [name, t("sample.answer", { name })])), mediaType: "application/json" };
  return { content: t("sample.text"), mediaType: "text/plain" };
}

function Tried({ kind, schema }) {
  const { content, mediaType } = useMemo(() => sampleOf(kind, schema), []);
  const work = useWork(schema, content, "preview");
  return html`<${Work} work=${work} content=${content} mediaType=${mediaType} />
    <p class="quiet">${work.problem ? t(...work.problem) : html`${t("setup.says")} <code dir="ltr">${JSON.stringify(work.label())}</code>`}</p>`;
}
