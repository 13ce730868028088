// What an annotator may see of themselves: who they are here, what they hold, what this sitting came to.
import { html, useEffect, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { Dialog } from "../parts/dialog.js";
import { moment, t, whole } from "../parts/strings.js";

export function Standing({ close, sent, project }) {
  const [me, setMe] = useState(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    ask("assign", "GET", "/me").then(setMe, (fault) => setProblem(fault.message));
  }, []);
  return html`<${Dialog} title=${t("standing.title")} close=${close}>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${me && html`<dl class="facts">
      <div><dt>${t("standing.name")}</dt><dd dir="auto">${me.annotator_id}</dd></div>
      <div><dt>${t("standing.state")}</dt><dd>${t(`state.${me.state}`)}${me.state_until && ` (${t("standing.until", { time: moment(me.state_until) })})`}
        ${me.state_reason && html`<span class="quiet" dir="auto"> ${me.state_reason}</span>`}</dd></div>
      ${me.projects.filter((one) => one.notice).map((one) => html`<div class="problem"><dt dir="auto">${one.name || one.project_id}</dt>
        <dd dir="auto">${one.notice} ${one.why ? one.reason : ""}</dd></div>`)}
      <div><dt>${t("standing.sent")}</dt><dd>${whole(sent)}</dd></div>
      <div><dt>${t("standing.held")}</dt><dd>${whole(me.leases.length)}</dd></div>
      <div><dt>${t("standing.skills")}</dt><dd dir="auto">${me.skills.join(", ") || "–"}</dd></div>
      <div><dt>${t("standing.credentials")}</dt><dd>${me.credentials.length ? me.credentials.map((one) => html`<div class=${one.holds ? "" : "problem"}>
        <bdi>${one.domain}</bdi> ${one.expires_at && t(one.holds ? "standing.until" : "standing.ended", { time: moment(one.expires_at) })}</div>`) : "–"}</dd></div>
      <div><dt>${t("standing.languages")}</dt><dd dir="auto">${me.languages.join(", ") || "–"}</dd></div></dl>
      <p><a class="button" href=${`/mine/${encodeURIComponent(project)}`}>${t("mine.title")}</a></p>
      <p class="quiet">${t("standing.raise")}</p>`}<//>`;
}
