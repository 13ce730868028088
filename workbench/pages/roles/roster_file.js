// A roster from a file: it is taken row by row, and what is wrong with a row is shown with its line and what to do.
import { html, useState } from "../parts/html.js";
import { Away, ask } from "../parts/api.js";
import { Dialog } from "../parts/dialog.js";
import { t, whole } from "../parts/strings.js";
import { Table } from "../parts/table.js";

const FILE_BYTES_MAX = 100_000_000;
// As much as the service takes at once.

export function RosterFile({ close, heard }) {
  const [file, setFile] = useState(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [report, setReport] = useState(null);
  const send = async (event) => {
    event.preventDefault();
    setProblem("");
    setReport(null);
    if (file.size > FILE_BYTES_MAX) {
      setProblem(t("people.fileTooLarge", { most: whole(FILE_BYTES_MAX / 1_000_000) }));
      return;
    }
    setBusy(true);
    try {
      setReport(await ask("assign", "POST", "/annotators", file, { type: "text/csv" }));
      heard();
    } catch (fault) {
      setProblem(fault instanceof Away ? t("people.fileAway") : fault.message);
    }
    setBusy(false);
  };
  const columns = [
    ["line", t("people.line"), (one) => whole(one.line), (one) => one.line], ["field", t("people.column"), (one) => html`<code>${one.field}</code>`, (one) => one.field],
    ["problem", t("people.wrong"), (one) => html`<span dir="auto">${one.problem}</span>`, (one) => one.problem], ["cure", t("people.cure"), (one) => html`<span dir="auto">${one.cure}</span>`, (one) => one.cure],
  ];
  return html`<${Dialog} title=${t("people.import")} close=${close} wide>
    <p>${t("people.fileHow")}</p><p><code dir="ltr">annotator_id,kind,skills,credentials,vendor,languages,state</code></p>
    <p><code dir="ltr">Zoë K.,human,law|medicine,law=2027-01-31T00:00:00Z,Words & Co,en|ar,invited</code></p><p class="quiet">${t("people.fileColumns")}</p>
    <form onSubmit=${send}><label>${t("people.file")} <input type="file" accept=".csv,text/csv" required onChange=${(event) => setFile(event.target.files[0] ?? null)} /></label>
      <p class="problem" role="alert">${problem}</p>
      <button type="submit" class="button primary" disabled=${busy || !file}>${t("people.send")}</button></form>
    <p role="status">${report && t("people.report", { changed: report.changed, unchanged: report.unchanged, refused: report.refused })}</p>
    ${report?.stopped && html`<p class="notice bad">${t("people.stopped", report.stopped)}</p>`}
    ${report?.refusals.length > 0 && html`<${Table} name="refused" caption=${t("people.refused")} columns=${columns} rows=${report.refusals} empty="" />
      ${report.refused > report.refusals.length && html`<p class="quiet">${t("people.refusedMore", { count: report.refused - report.refusals.length })}</p>`}`}<//>`;
}
