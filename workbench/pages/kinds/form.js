// Several questions about one unit, each of a kind of its own, some asked only after an answer to an earlier one. One is
// open at a time, and has the keys.
import { html, useEffect, useState } from "../parts/html.js";
import { Content } from "../parts/content.js";
import { KeyButton, useKeys } from "../parts/keys.js";
import { seedOf } from "../parts/seeded.js";
import { t } from "../parts/strings.js";
import { KINDS } from "./plain.js";

const kindOf = (field) => KINDS[field.schema.kind];
const classesOf = (answer) => (Array.isArray(answer) ? answer
  : (answer.spans ?? answer.boxes ?? answer.polygons ?? []).map((one) => one.class));

function isUnder(id, top, { nodes }) {
  for (let at = id; at; at = nodes.find((node) => node.id === at)?.parent) if (at === top) return true;
  return false;
}

// Whether whoever gave these answers is asked the field; the same rule as in concord/labels.
export function isAsked(field, fields, answers) {
  if (!field.when) return true;
  const answer = answers[field.when.field];
  if (answer === undefined) return false;
  if (field.when.has) return classesOf(answer).some((one) => field.when.has.includes(one));
  const { schema } = fields.find((one) => one.name === field.when.field);
  if (schema.kind === "taxonomy") return field.when.is.some((top) => isUnder(answer, top, schema));
  const said = JSON.stringify(answer);
  return field.when.is.some((one) => JSON.stringify(one) === said);
}

// A field is answered where its draft is a label; regions and choices are one from the start, so they must be touched.
function answersOf(draft, schema, seed) {
  const answers = {};
  for (const field of schema.fields) {
    const kind = kindOf(field);
    if (!isAsked(field, schema.fields, answers) || !(field.name in draft)) continue;
    if (!kind.problem(draft[field.name], field.schema)) answers[field.name] = kind.label(draft[field.name], field.schema, seedOf(seed, field.name));
  }
  return answers;
}

const askedIn = (schema, answers) => schema.fields.filter((field) => isAsked(field, schema.fields, answers));

function Editor({ schema, content, mediaType, draft, change, seed, pointed }) {
  const answers = answersOf(draft, schema, seed);
  const asked = askedIn(schema, answers);
  const [open, setOpen] = useState(asked.find((field) => !(field.name in answers))?.name ?? asked[0].name);
  const at = Math.max(0, asked.findIndex((field) => field.name === open));
  const field = asked[at];
  const kind = kindOf(field);
  useEffect(() => {
    if (pointed && asked.some((one) => one.name === pointed.field)) setOpen(pointed.field);
  }, [pointed?.field]);
  const go = (by) => () => setOpen(asked[Math.min(asked.length - 1, Math.max(0, at + by))].name);
  useKeys({ nextField: go(1), previousField: go(-1) });
  const say = (next) => {
    const said = { ...draft, [field.name]: next };
    change(said);
    // One choice answers the question, so the next one opens.
    if (kind.sendsAtOnce) {
      const after = askedIn(schema, answersOf(said, schema, seed));
      const place = after.findIndex((one) => one.name === field.name);
      if (place + 1 < after.length) setOpen(after[place + 1].name);
    }
  };
  const value = draft[field.name] ?? kind.begin(field.schema, content, seedOf(seed, field.name));
  // What is looked at and left as it is has been answered, too: no tag and no box is an answer.
  useEffect(() => {
    if (!(field.name in draft) && field.required !== false && !kind.problem(value, field.schema)) change({ ...draft, [field.name]: value });
  }, [field.name]);
  return html`<div class="form-label">
    ${!kind.showsContent && html`<div class="content"><${Content} content=${content} mediaType=${mediaType} /></div>`}
    <ol class="questions">${asked.map((one) => html`<li key=${one.name} class=${one.name === field.name ? "open" : ""}>
      <button type="button" class="question" aria-expanded=${String(one.name === field.name)} onClick=${() => setOpen(one.name)}>
        <span dir="auto">${one.title || one.name}</span>${one.required === false && html`<span class="quiet"> ${t("form.optional")}</span>`}
        ${one.name !== field.name && one.name in answers && html`<span class="quiet" dir="auto">${kindOf(one).pieces(answers[one.name], one.schema, content).join(", ") || "–"}</span>`}</button>
      ${one.name === field.name && html`<div class=${`kind-${one.schema.kind}`}><${kind.Editor} key=${one.name} schema=${one.schema} content=${content} mediaType=${mediaType}
        draft=${value} change=${say} seed=${seedOf(seed, one.name)} pointed=${pointed?.field === one.name ? pointed : null} /></div>`}</li>`)}</ol>
    <div class="tools"><${KeyButton} kind="small" of="previousField" disabled=${at === 0} onClick=${go(-1)} />
      <${KeyButton} kind="small" of="nextField" disabled=${at === asked.length - 1} onClick=${go(1)} /></div></div>`;
}

function Shown({ schema, content, mediaType, label }) {
  return html`<dl class="fields">${schema.fields.filter((field) => field.name in label.answers).map((field) => {
    const { Shown: One } = kindOf(field);
    return html`<div><dt dir="auto">${field.title || field.name}</dt><dd><${One} schema=${field.schema} content=${content} mediaType=${mediaType}
      label=${label.answers[field.name]} /></dd></div>`;
  })}</dl>`;
}

export default {
  showsContent: true,
  begin: () => ({}),
  problem(draft, schema) {
    const answers = answersOf(draft, schema, "");
    const missing = askedIn(schema, answers).find((field) => field.required !== false && !(field.name in answers));
    return missing ? ["form.missing", { name: missing.title || missing.name }] : null;
  },
  label: (draft, schema, seed) => ({ answers: answersOf(draft, schema, seed) }),
  draft: (label, schema, seed) => Object.fromEntries(schema.fields.filter((field) => field.name in label.answers).map((field) =>
    [field.name, kindOf(field).draft(label.answers[field.name], field.schema, seedOf(seed, field.name))])),
  pieces: (label, schema, content) => schema.fields.filter((field) => field.name in label.answers).flatMap((field) =>
    kindOf(field).pieces(label.answers[field.name], field.schema, content).map((piece) => `${field.title || field.name}: ${piece}`)),
  Editor,
  Shown,
};
