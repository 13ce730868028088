// Verifying a certificate and its export that somebody handed over, without asking anybody.
import { html, useState } from "../parts/html.js";
import { verify } from "../parts/certificate.js";
import { t, whole } from "../parts/strings.js";

export default function Verify() {
  const [files, setFiles] = useState({});
  const [key, setKey] = useState("");
  const [found, setFound] = useState(null);
  const run = async (event) => {
    event.preventDefault();
    try {
      const content = new Uint8Array(await files.export.arrayBuffer());
      setFound(await verify(await files.certificate.text(), content, key.trim()));
    } catch {
      // Changed on the disk, or gone, since it was chosen.
      setFound({ problem: "verify.unread" });
    }
  };
  const take = (name) => (event) => {
    setFiles({ ...files, [name]: event.target.files[0] });
    setFound(null);
  };
  return html`<main class="narrow" id="main" tabindex="-1"><h1>${t("verify.title")}</h1><p class="lead">${t("verify.lead")}</p>
    <form class="card form" onSubmit=${run}>
      <label>${t("verify.certificate")} <input type="file" accept=".json,application/json" required onChange=${take("certificate")} /></label>
      <label>${t("verify.export")} <input type="file" required onChange=${take("export")} /></label>
      <label>${t("verify.key")} <input autocomplete="off" value=${key} onInput=${(event) => setKey(event.target.value)} /></label>
      <button type="submit" class="button primary" disabled=${!files.certificate || !files.export}>${t("verify.do")}</button></form>
    ${found && html`<${Verdict} found=${found} />`}</main>`;
}

export function Verdict({ found }) {
  if (found.problem) return html`<p class="verdict bad" role="alert"><b>${t("verify.not")}</b>${" "}${t(found.problem)}</p>`;
  const { statement } = found;
  return html`<div class=${`verdict ${found.trusted ? "good" : "warn"}`} role="status"><p><b>${t(found.trusted ? "verify.yes" : "verify.unchanged")}</b>${" "}
    ${t("verify.rows", { count: found.rows, project: statement.project_id })}</p>
    ${!found.trusted && html`<p>${t("verify.nobody")}</p>`}</div>`;
}
