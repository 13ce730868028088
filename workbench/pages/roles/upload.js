// Sending a project its units: a file or some lines, looked at before they go, and a report of every one that was refused.
import { html, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { unitsOf } from "../parts/units_file.js";
import { t, whole } from "../parts/strings.js";

const SHOWN = 3;
const AT_ONCE = 1_000;
const REFUSALS_SHOWN = 50;

export function Upload({ project }) {
  const [text, setText] = useState("");
  const [units, setUnits] = useState(null);
  const [problem, setProblem] = useState("");
  const [report, setReport] = useState(null);
  const [busy, setBusy] = useState(false);
  const read = (content, name) => {
    setProblem("");
    setReport(null);
    try {
      setUnits(unitsOf(content, name));
    } catch (fault) {
      setUnits(null);
      setProblem(t("upload.unread", { reason: fault.message }));
    }
  };
  const id = encodeURIComponent(project);
  const sendAll = async () => {
    setBusy(true);
    setProblem("");
    const total = { admitted: 0, repeated: 0, duplicate_of: 0, left_out: 0, refused_count: 0, refused: [] };
    try {
      for (let start = 0; start < units.length; start += AT_ONCE) {
        const lines = units.slice(start, start + AT_ONCE).map((one) => JSON.stringify(one)).join("\n");
        const told = await ask("ingest", "POST", `/projects/${id}/units`, lines, { type: "application/x-ndjson" });
        for (const name of ["admitted", "repeated", "duplicate_of", "left_out", "refused_count"]) total[name] += told[name];
        total.refused.push(...told.refused.map((one) => ({ ...one, line: one.line + start })));
        setReport({ ...total });
      }
    } catch (fault) {
      setProblem(fault.message);
    }
    setBusy(false);
  };
  const seal = async () => {
    try {
      await ask("ingest", "POST", `/projects/${id}/seal`);
      setReport({ ...report, sealed: true });
    } catch (fault) {
      setProblem(fault.message);
    }
  };
  return html`<section class="card upload" aria-label=${t("upload.title")}><h2>${t("upload.title")}</h2><p>${t("upload.text")}</p>
    <label>${t("upload.file")} <input type="file" accept=".csv,.jsonl,.ndjson,.json,.txt" onChange=${async (event) => {
      const file = event.target.files[0];
      if (file) read(await file.text(), file.name);
    }} /></label>
    <label class="writing">${t("upload.lines")}<textarea rows="4" dir="auto" value=${text} onInput=${(event) => {
      setText(event.target.value);
      read(event.target.value, "");
    }} /></label>
    ${units?.length > 0 && html`<p>${t("upload.found", { count: units.length })}</p><pre class="code" tabindex="0">${units.slice(0, SHOWN).map((one) => JSON.stringify(one)).join("\n")}</pre>`}
    <p class="problem" role="alert">${problem}</p>
    <div class="tools"><button type="button" class="button primary" disabled=${!units?.length || busy} onClick=${sendAll}>${t("upload.send")}</button>
      ${report && !report.sealed && html`<button type="button" class="button" disabled=${busy} onClick=${seal}>${t("upload.seal")}</button>`}</div>
    ${report && html`<p role="status">${t("upload.report", { admitted: whole(report.admitted), repeated: whole(report.repeated + report.duplicate_of), left: whole(report.left_out), refused: whole(report.refused_count) })}
      ${report.sealed && ` ${t("upload.sealed")}`}</p>
      ${report.refused.length > 0 && html`<ul class="problem">${report.refused.slice(0, REFUSALS_SHOWN).map((one) => html`<li>${t("upload.refused", { line: one.line })} <code>${one.field}</code> ${one.problem}; ${one.cure}</li>`)}</ul>`}`}</section>`;
}
