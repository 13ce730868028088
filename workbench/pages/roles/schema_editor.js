// What becomes of a project's classes while people label: each stays, or is renamed, merged, split or retired, and new ones come.
import { html, useState } from "../parts/html.js";
import { Dialog } from "../parts/dialog.js";
import { t } from "../parts/strings.js";
import { defined } from "./defining.js";

const CLASSED = new Set(["choice", "choices", "spans", "boxes", "polygons"]);
const FATES = ["keep", "rename", "merge", "split", "retire"];
const KEPT = { what: "keep", into: "" };
const lines = (text) => text.split("\n").map((one) => one.trim()).filter(Boolean);

// The schemas whose classes may change, by the field that asks for them; a plain kind is one field without a name.
export function changeable(schema) {
  const fields = schema.kind === "form" ? schema.fields.map((one) => [one.name, one.schema]) : [["", schema]];
  return new Map(fields.filter(([, one]) => CLASSED.has(one.kind)));
}

// What a class is called from now on; of one that is split or retired, nothing.
const nameAfter = (name, { what, into }) => (what === "keep" ? name : what === "rename" ? into.trim() : "");

// What is offered from now on, what became of what was, and what is still wrong with it.
export function mapping(classes, fates, added) {
  const fateOf = (name) => fates[name] ?? KEPT;
  const kept = classes.map((name) => nameAfter(name, fateOf(name))).filter(Boolean);
  const parts = classes.flatMap((name) => (fateOf(name).what === "split" ? lines(fateOf(name).into) : []));
  const fresh = [...new Set([...parts, ...lines(added)])].filter((name) => !kept.includes(name));
  const change = {};
  let problem = new Set(kept).size < kept.length ? "schema.twice" : "";
  for (const name of classes) {
    const { what, into } = fateOf(name);
    if (what === "keep") continue;
    const target = nameAfter(into, fateOf(into));
    if (what === "rename" && (!into.trim() || into.trim() === name)) problem ||= "change.noName";
    else if (what === "merge" && !target) problem ||= "change.noTarget";
    else if (what === "split" && new Set(lines(into)).size < 2) problem ||= "change.fewParts";
    if (what === "retire") change.retire = [...(change.retire ?? []), name];
    else change[what] = { ...change[what], [name]: what === "split" ? [...new Set(lines(into))] : what === "merge" ? target : into.trim() };
  }
  return { offered: [...kept, ...fresh], change, problem, isChange: Object.keys(change).length + fresh.length > 0 };
}

// What an old class stands for where it is named by others: the classes that it became.
function followed(name, fates) {
  const { what, into } = fates[name] ?? KEPT;
  if (what === "split") return lines(into);
  return what === "merge" ? [nameAfter(into, fates[into] ?? KEPT)] : [nameAfter(name, { what, into })].filter(Boolean);
}

// The schema with one field's classes as they are from now on; conditions on that field follow.
function schemaAfter(schema, field, offered, fates) {
  if (!field) return { ...schema, classes: offered };
  const follows = (when) => (when?.field === field && when.is ? { ...when, is: [...new Set(when.is.flatMap((name) => followed(String(name), fates)))] } : when);
  return { ...schema, fields: schema.fields.map((one) => ({
    ...one, ...(one.name === field && { schema: { ...one.schema, classes: offered } }), ...(one.when && { when: follows(one.when) }) })) };
}

export function SchemaEditor({ project, close, done }) {
  const by = changeable(project.label_schema);
  const [field, setField] = useState([...by.keys()][0]);
  const [fates, setFates] = useState({});
  const [added, setAdded] = useState("");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(null);
  const classes = by.get(field).classes.map(String);
  const { offered, change, problem, isChange } = mapping(classes, fates, added);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    setRefused(null);
    // An example of a class that is named otherwise now, or is another's part, is an example of that one.
    const ofNow = (one) => (one.field === field ? followed(one.class, fates) : [one.class]);
    const examples = project.guideline_examples.flatMap((one) => (ofNow(one).length === 1 ? [{ ...one, class: ofNow(one)[0] }] : []));
    try {
      done(await defined(project, {
        label_schema: schemaAfter(project.label_schema, field, offered, fates), schema_change: field ? { fields: { [field]: change } } : change, guideline_examples: examples }));
    } catch (fault) {
      setRefused(fault);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t("change.title", { version: project.schema_version })} close=${close} wide>
    <form class="form" onSubmit=${send}><p class="quiet">${t("change.lead")}</p>
      ${by.size > 1 && html`<label>${t("edit.field")} <select value=${field} onChange=${(event) => {
        setField(event.target.value);
        setFates({});
        setAdded("");
      }}>${[...by.keys()].map((one) => html`<option value=${one}>${one}</option>`)}</select></label>`}
      ${classes.map((name) => html`<${Fate} key=${`${field} ${name}`} name=${name} fate=${fates[name] ?? KEPT} others=${classes.filter((one) => one !== name && nameAfter(one, fates[one] ?? KEPT))}
        change=${(changes) => setFates({ ...fates, [name]: { ...(fates[name] ?? KEPT), ...changes } })} />`)}
      <label class="writing">${t("change.added")}<textarea rows="2" dir="auto" value=${added} onInput=${(event) => setAdded(event.target.value)} /></label>
      <section aria-label=${t("change.offered")}><h3>${t("change.offered")}</h3><ul class="tags">${offered.map((name) => html`<li key=${name} dir="auto">${name}</li>`)}</ul></section>
      ${problem && html`<p class="problem" role="alert">${t(problem)}</p>`}
      ${refused && html`<div class="problem" role="alert"><p>${refused.message}</p>${refused.errors?.length > 0 && html`<ul>${refused.errors.map((one) => html`<li><code>${one.field}</code> ${one.problem}; ${one.cure}</li>`)}</ul>`}</div>`}
      <button type="submit" class="button primary" disabled=${busy || Boolean(problem) || !isChange}>${t("change.publish")}</button></form><//>`;
}

// One class, and what becomes of it, with what that means for the labels that say it.
function Fate({ name, fate, others, change }) {
  return html`<fieldset class="card example"><legend dir="auto">${name}</legend>
    <div class="row"><label>${t("change.fate")} <select value=${fate.what} onChange=${(event) => change({ what: event.target.value, into: "" })}>
      ${FATES.map((one) => html`<option value=${one} disabled=${one === "merge" && !others.length}>${t(`change.${one}`)}</option>`)}</select></label>
      ${fate.what === "rename" && html`<label>${t("change.newName")} <input dir="auto" required value=${fate.into} onInput=${(event) => change({ into: event.target.value })} /></label>`}
      ${fate.what === "merge" && html`<label>${t("change.target")} <select required value=${fate.into} onChange=${(event) => change({ into: event.target.value })}>
        <option value=""></option>${others.map((one) => html`<option value=${one}>${one}</option>`)}</select></label>`}</div>
    ${fate.what === "split" && html`<label class="writing">${t("change.parts")}<textarea rows="2" dir="auto" required value=${fate.into} onInput=${(event) => change({ into: event.target.value })} /></label>`}
    ${fate.what !== "keep" && html`<p class="quiet">${t(`change.${fate.what}Text`)}</p>`}</fieldset>`;
}
