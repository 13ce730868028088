// Against whom the project's rules of pace and skips hold, and the lead's word that lets them go on.
import { html, useEffect, useState } from "../parts/html.js";
import { Away, ask } from "../parts/api.js";
import { moment, t } from "../parts/strings.js";

export function Conduct({ id, news }) {
  const [people, setPeople] = useState([]);
  const [said, say] = useState("");
  const look = () => ask("assign", "GET", `/projects/${id}/conduct`).then((told) => setPeople(told.annotators), (fault) => {
    // A project that was just made is heard of by the others a moment later.
    if (!(fault instanceof Away) && fault.status !== 404) say(fault.message);
  });
  useEffect(() => { look(); }, [id, news]);
  const release = async (name) => {
    try {
      await ask("assign", "POST", `/projects/${id}/conduct`, { annotator_id: name });
      say(t("conduct.released", { name }));
    } catch (fault) {
      say(fault.message);
    }
    await look();
  };
  if (!people.length) return html`<p role="status">${said}</p>`;
  return html`<section class="notice warn" data-conduct=${people.length}><p><b>${t("conduct.title", { count: people.length })}</b></p>
    <ul>${people.map(({ annotator_id: name, rules }) => html`<li key=${name}><bdi>${name}</bdi>:
      ${rules.map((one) => html`<span dir="auto"> ${one.reason} (${t(`conduct.${one.then}`, { time: one.until ? moment(one.until) : "" })})</span>`)}
      <button type="button" class="button small" aria-label=${`${t("conduct.release")}: ${name}`} onClick=${() => release(name)}>${t("conduct.release")}</button></li>`)}</ul>
    <p role="status">${said}</p></section>`;
}
