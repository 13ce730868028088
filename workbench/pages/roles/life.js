// A project's life: whether work is given out, and pausing, resuming or closing it with the reason that people are told.
import { html, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { Dialog } from "../parts/dialog.js";
import { t } from "../parts/strings.js";

const REASON_CHARACTERS_MAX = 500;
const TURNS = { open: ["pause", "close"], paused: ["resume", "close"], closed: [] };

export function Life({ project, changed }) {
  const [turn, setTurn] = useState("");
  return html`<section class="life" aria-label=${t("life.title")}>
    ${project.life !== "open" && html`<p class="notice warn"><b>${t(`life.is.${project.life}`)}</b> <span dir="auto">${project.life_reason}</span></p>`}
    <div class="tools">${TURNS[project.life].map((one) => html`<button key=${one} type="button" class="button small" onClick=${() => setTurn(one)}>${t(`life.${one}`)}</button>`)}</div>
    ${turn && html`<${Turn} project=${project} turn=${turn} close=${() => setTurn("")} done=${(found) => {
      setTurn("");
      changed(found);
    }} />`}</section>`;
}

function Turn({ project, turn, close, done }) {
  const [reason, setReason] = useState("");
  const [sure, setSure] = useState(turn !== "close");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      done(await ask("ingest", "POST", `/projects/${encodeURIComponent(project.project_id)}/${turn}`, { reason: reason.trim() }));
    } catch (fault) {
      setProblem(fault.message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t(`life.${turn}`)} close=${close}><p>${t(`life.means.${turn}`)}</p>
    <form onSubmit=${send}>
      ${turn !== "resume" && html`<label>${t("life.reason")} <input dir="auto" required maxlength=${REASON_CHARACTERS_MAX} value=${reason} onInput=${(event) => setReason(event.target.value)} /></label>`}
      ${turn === "close" && html`<label class="check"><input type="checkbox" checked=${sure} onChange=${(event) => setSure(event.target.checked)} /> ${t("life.sure")}</label>`}
      <p class="problem" role="alert">${problem}</p>
      <button type="submit" class="button primary" disabled=${busy || !sure || (turn !== "resume" && !reason.trim())}>${t(`life.${turn}`)}</button></form><//>`;
}
