// What may leave: the certificate, its export, and both held against each other before anybody relies on them.
import { html, useState } from "../parts/html.js";
import { ask, send } from "../parts/api.js";
import { verify } from "../parts/certificate.js";
import { t } from "../parts/strings.js";
import { Verdict } from "./verify.js";

const CHECKED_BYTES_MAX = 200_000_000;

export function Leaving({ id, ready }) {
  const [found, setFound] = useState(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const check = async () => {
    setBusy(true);
    setProblem("");
    setFound(null);
    try {
      const certificate = await (await send("audit", "GET", `/projects/${id}/certificate`)).text();
      // The export of the certificate's own lots, whatever was accepted since.
      const issue = /-(\d+)\.\w+$/.exec(JSON.parse(certificate).files[0]?.name)?.[1];
      const answer = await send("audit", "GET", `/projects/${id}/export${issue ? `?issue=${issue}` : ""}`);
      const content = new Uint8Array(await answer.arrayBuffer());
      if (content.length > CHECKED_BYTES_MAX) throw new Error(t("leaving.tooLarge"));
      const { public_key: key } = await ask("audit", "GET", "/keys");
      setFound(await verify(certificate, content, key));
    } catch (fault) {
      setProblem(fault.message);
    }
    setBusy(false);
  };
  return html`<section class="card leaving" aria-label=${t("leaving.title")}><h2>${t("leaving.title")}</h2><p>${t("leaving.text")}</p>
    ${ready ? html`<div class="tools"><a class="button" download href=${`/api/audit/v1/projects/${id}/certificate`}>${t("leaving.certificate")}</a>
      <a class="button" download href=${`/api/audit/v1/projects/${id}/export`}>${t("leaving.export")}</a>
      <button type="button" class="button primary" disabled=${busy} onClick=${check}>${t("leaving.check")}</button></div>` : html`<p class="quiet">${t("leaving.nothing")}</p>`}
    <p class="problem" role="alert">${problem}</p>
    ${found && html`<${Verdict} found=${found} />`}</section>`;
}
