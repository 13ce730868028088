// What became of one's appeals against known labels: one's own words, how they stand, and the words of who ruled.
import { html, useEffect, useState } from "../parts/html.js";
import { Away, ask } from "../parts/api.js";
import { moment, t } from "../parts/strings.js";

export function OwnAppeals({ id }) {
  const [appeals, setAppeals] = useState([]);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    ask("adjudicate", "GET", `/projects/${id}/retraining/appeals`)
      .then((answer) => setAppeals(answer.appeals), (fault) => setProblem(fault instanceof Away ? t("notice.away") : fault.message));
  }, []);
  if (!appeals.length) return problem && html`<p class="problem" role="alert">${problem}</p>`;
  return html`<section class="card appeals" aria-label=${t("retraining.appeals")}><h2>${t("retraining.appeals")}</h2>
    <ul>${appeals.map((each) => html`<li key=${each.unit_id}><p><code>${each.unit_id}</code> ${each.appealed_at && html`<span class="quiet">${moment(each.appealed_at)}</span>`}</p>
      <p><q dir="auto">${each.said}</q></p><p role="status">${t(`retraining.${each.appeal}`)} <span dir="auto">${each.reason}</span></p></li>`)}</ul></section>`;
}
