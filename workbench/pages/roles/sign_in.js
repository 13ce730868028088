// Signing in: at the issuer, or on the local stack by one button a role.
import { html, useState, useStore } from "../parts/html.js";
import { session, signIn } from "../parts/api.js";
import { t } from "../parts/strings.js";

const WHY = new Set(["not_begun", "refused", "away"]);
// What the workbench says of who came back from the issuer and did not come in.
const ROLES = ["annotator", "adjudicator", "auditor", "client", "operator"];

export default function SignIn({ query, go }) {
  const { ways, subject } = useStore(session);
  const why = query.get("why");
  const [problem, setProblem] = useState(WHY.has(why) ? t(`signIn.why.${why}`) : "");
  const [names, setNames] = useState({});
  const asked = query.get("then") ?? "/";
  const then = query.has("again") ? "/sign-in?again=1" : asked.startsWith("/") && !asked.startsWith("//") ? asked : "/";
  const enter = async (role) => {
    setProblem("");
    try {
      await signIn(role, (names[role] ?? `${role}-1`).trim());
      go(then);
    } catch (fault) {
      setProblem(fault.message);
    }
  };
  return html`<main class="narrow signing" id="main" tabindex="-1">
    <h1>${t("signIn.title")}</h1><p class="lead">${t("signIn.lead")}</p>
    ${subject && html`<p class="notice" role="status">${t("signIn.already", { subject })} ${query.has("again")
      ? t("signIn.close") : html`<a href="/">${t("signIn.goOn")}</a>`}</p>`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${ways.includes("issuer") && html`<p><a class="button primary" href=${`/sign-in/issuer?then=${encodeURIComponent(then)}`}>${t("signIn.issuer")}</a></p>`}
    ${ways.includes("local") && html`<ul class="cards">${ROLES.map((role) => html`<li key=${role} class="card">
      <h2>${t(`role.${role}`)}</h2><p>${t(`role.${role}.does`)}</p>
      <form onSubmit=${(event) => {
        event.preventDefault();
        enter(role);
      }}><label>${t("signIn.as")} <input name="subject" autocomplete="off" dir="auto" value=${names[role] ?? `${role}-1`}
        onInput=${(event) => setNames({ ...names, [role]: event.target.value })} /></label>
        <button type="submit" class="button primary">${t("signIn.enter", { role: t(`role.${role}`) })}</button></form></li>`)}</ul>
      <p class="quiet">${t("signIn.local")}</p>`}
    ${!ways.length && html`<p class="problem">${t("signIn.none")}</p>`}</main>`;
}
