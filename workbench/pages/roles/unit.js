// One unit: everything that became of it, in order, and whether its ledger still is what was written.
import { html, useState } from "../parts/html.js";
import { ask } from "../parts/api.js";
import { useAsked } from "../parts/asked.js";
import { moment, percent, t, whole } from "../parts/strings.js";

const ID_CHARACTERS_MAX = 512;

const addressOf = (unit) => `/units/${encodeURIComponent(unit)}`;

// A unit is found by its own id, or in a project by the client's.
export function FindUnit({ project, go }) {
  const [sought, seek] = useState("");
  const [said, say] = useState("");
  const find = async (event) => {
    event.preventDefault();
    say("");
    const id = sought.trim();
    try {
      if (project) {
        const told = await ask("ingest", "POST", `/projects/${encodeURIComponent(project)}/units/find`, { ids: [id] });
        const [unit] = told.units;
        if (unit && unit.status !== "unknown") {
          go(addressOf(unit.duplicate_of?.unit_id ?? unit.unit_id));
          return;
        }
      }
      await ask("audit", "GET", `${addressOf(id)}/lineage`);
      go(addressOf(id));
    } catch (fault) {
      say(fault.status === 404 ? t("unit.unknown", { id }) : fault.message);
    }
  };
  return html`<section class="card find" aria-label=${t("unit.find")}><h2>${t("unit.find")}</h2><form class="row" onSubmit=${find}>
    <label>${t(project ? "unit.byEither" : "unit.byOwn")}<input required dir="auto" maxlength=${ID_CHARACTERS_MAX} value=${sought} onInput=${(event) => seek(event.target.value)} /></label>
    <button type="submit" class="button" disabled=${!sought.trim()}>${t("unit.look")}</button></form>
    <p class="problem" role="alert">${said}</p></section>`;
}

export default function Unit({ one, go }) {
  const { found, problem } = useAsked(async () => (one ? ask("audit", "GET", `${addressOf(one)}/lineage`) : null), []);
  return html`<main class="narrow" id="main" tabindex="-1"><h1>${t("unit.title")} ${one && html`<code dir="ltr">${one}</code>`}</h1>
    <p class="problem" role="alert">${problem}</p>
    ${found ? html`<${Lineage} found=${found} />` : one && !problem && html`<p class="quiet" aria-busy="true">${t("loading")}</p>`}
    ${!one && html`<p class="lead">${t("unit.lead")}</p>`}
    <${FindUnit} key=${found?.project_id} project=${found?.project_id} go=${go} /></main>`;
}

function Lineage({ found }) {
  return html`<p class="row facts-line"><a href=${`/projects/${encodeURIComponent(found.project_id)}`}>${t("unit.project")} <code>${found.project_id}</code></a>
      <span>${found.lot_id ? html`${t("lots.lot")} <code>${found.lot_id}</code>` : t("unit.noLot")}</span>
      ${found.erased && html`<span class="badge">${t("ledger.erased")}</span>`}</p>
    <div class=${`verdict ${found.holds ? "good" : "bad"}`} role="status"><b>${t(found.holds ? "ledger.holds" : "ledger.broken")}</b>${" "}
      ${found.holds ? t("ledger.holdsText", { count: found.entries.length }) : found.problem}</div>
    <ol class="timeline">${found.entries.map((entry, place) => html`<${Entry} key=${entry.entry} entry=${entry} line=${found.lines[place]} />`)}</ol>`;
}

// What a line says beside its kind; of labels it holds commitments alone, so there is none to show.
function factsOf(entry) {
  const facts = {
    admitted: () => [entry.media_type],
    resolved: () => [t("ledger.annotations", { count: entry.annotations.length }), t(`ledger.by.${entry.method}`), t("adjudicate.confidence", { value: percent(entry.confidence, 0) }),
      `${t("guideline.title")}, ${t("guideline.version", { version: whole(entry.guideline_version) })}`, entry.rework > 0 && t("adjudicate.rework", { count: entry.rework }),
      entry.adjudicator && t("ledger.adjudicator", { code: entry.adjudicator })],
    joined: () => [t("ledger.participant", { code: entry.participant })],
    inspected: () => [t(entry.correct ? "ledger.right" : "ledger.wrong"), t("ledger.auditor", { code: entry.auditor }), entry.late && t("ledger.late")],
    reidentified: () => [entry.by, ...Object.keys(entry.kinds), entry.reason],
  };
  return (facts[entry.what]?.() ?? []).filter(Boolean);
}

// A kind of line that this page has no words for yet is shown as the service names it.
const nameOf = (what) => (t(`ledger.${what}`) === `ledger.${what}` ? what : t(`ledger.${what}`));

function Entry({ entry, line }) {
  return html`<li class=${entry.what === "inspected" && !entry.correct ? "bad" : entry.what}><time datetime=${entry.at}>${moment(entry.at, true)}</time><h2>${nameOf(entry.what)}</h2>
    <p class="facts-of">${factsOf(entry).map((one) => html`<bdi>${one}</bdi>`)}</p>
    ${entry.annotations?.length > 0 && html`<ul class="tags">${entry.annotations.map((one) => html`<li key=${one.annotation_id}><code>${one.annotator}</code></li>`)}</ul>`}
    <details><summary>${t("ledger.line", { entry: whole(entry.entry) })}</summary><pre dir="ltr" tabindex="0">${line}</pre></details></li>`;
}
