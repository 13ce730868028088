// A project's guideline and its examples, for who makes them: what is saved is the next version, whole.
import { html, useState } from "../parts/html.js";
import { Dialog } from "../parts/dialog.js";
import { Told } from "../parts/guideline.js";
import { t } from "../parts/strings.js";
import { defined } from "./defining.js";

const EXAMPLES_MAX = 200;
const CHARACTERS_MAX = 4_000;

// The classes that examples may show, by the field that asks for them; a plain kind is one field without a name.
export function classesBy(schema) {
  const of = (one) => (one.classes ?? one.nodes?.map((node) => node.id) ?? []).map(String);
  const fields = schema.kind === "form" ? schema.fields.map((one) => [one.name, of(one.schema)]) : [["", of(schema)]];
  return new Map(fields.filter(([, classes]) => classes.length));
}

export function GuidelineEditor({ project, close, done }) {
  const [text, setText] = useState(project.guideline);
  const [examples, setExamples] = useState(project.guideline_examples);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const by = classesBy(project.label_schema);
  const put = (place, changes) => setExamples(examples.map((one, at) => (at === place ? { ...one, ...changes } : one)));
  const another = () => {
    const [field, [first]] = [...by][0];
    setExamples([...examples, { field, class: first, text: "", uri: "", note: "" }]);
  };
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      done(await defined(project, { guideline: text, guideline_examples: examples }));
    } catch (fault) {
      setProblem(fault);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t("edit.title", { version: project.guideline_version })} close=${close} wide>
    <form class="form" onSubmit=${send}><div class="pair">
      <div class="form"><label class="writing">${t("setup.guideline")}<textarea rows="10" dir="auto" value=${text} onInput=${(event) => setText(event.target.value)} /></label>
        ${by.size > 0 && html`<h3>${t("guideline.examples")}</h3>${examples.map((one, place) => html`<${Example} key=${place} example=${one} by=${by} place=${place + 1}
          change=${(changes) => put(place, changes)} remove=${() => setExamples(examples.filter((_, at) => at !== place))} />`)}
        <button type="button" class="button small" disabled=${examples.length >= EXAMPLES_MAX} onClick=${another}>${t("edit.another")}</button>`}</div>
      <section class="preview" aria-label=${t("edit.preview")}><h3>${t("edit.preview")}</h3><${Told} guideline=${{ text, examples: examples.filter((one) => one.text || one.uri) }} /></section></div>
    ${problem && html`<div class="problem" role="alert"><p>${problem.message}</p>${problem.errors?.length > 1 && html`<ul>${problem.errors.map((one) => html`<li><code>${one.field}</code> ${one.problem}; ${one.cure}</li>`)}</ul>`}</div>`}
    <p class="quiet">${t(project.policy.guideline.acknowledge ? "edit.acknowledged" : "edit.shown")}</p>
    <button type="submit" class="button primary" disabled=${busy}>${t("edit.publish")}</button></form><//>`;
}

// One thing of a class: a text, or the address of a picture. Which of them is shown follows from which is written.
function Example({ example, by, place, change, remove }) {
  const [kind, setKind] = useState(example.uri ? "uri" : "text");
  const write = (name) => (event) => change({ [name]: event.target.value });
  return html`<fieldset class="card example"><legend>${t("edit.example", { place })}</legend>
    <div class="row">${by.size > 1 && html`<label>${t("edit.field")} <select value=${example.field} onChange=${(event) => change({ field: event.target.value, class: by.get(event.target.value)[0] })}>
        ${[...by.keys()].map((one) => html`<option value=${one}>${one}</option>`)}</select></label>`}
      <label>${t("edit.class")} <select value=${example.class} onChange=${write("class")}>${(by.get(example.field) ?? []).map((one) => html`<option value=${one}>${one}</option>`)}</select></label>
      <label>${t("edit.shows")} <select value=${kind} onChange=${(event) => {
        setKind(event.target.value);
        change({ text: "", uri: "" });
      }}><option value="text">${t("edit.text")}</option><option value="uri">${t("edit.uri")}</option></select></label></div>
    ${kind === "text" ? html`<label class="writing">${t("edit.text")}<textarea rows="2" dir="auto" required maxlength=${CHARACTERS_MAX} value=${example.text} onInput=${write("text")} /></label>`
      : html`<label>${t("edit.uri")} <input type="url" dir="ltr" required maxlength=${CHARACTERS_MAX} value=${example.uri} placeholder="https://..." onInput=${write("uri")} /></label>`}
    <label>${t("edit.note")} <input dir="auto" maxlength=${CHARACTERS_MAX} value=${example.note} onInput=${write("note")} /></label>
    <button type="button" class="button small" onClick=${remove}>${t("edit.remove", { place })}</button></fieldset>`;
}
