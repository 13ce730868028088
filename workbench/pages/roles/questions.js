// What the guideline does not say: what adjudicators asked, labels that are often confused, and the answer to either.
import { html, useEffect, useState } from "../parts/html.js";
import { ask, isLater } from "../parts/api.js";
import { t, whole } from "../parts/strings.js";

const PAGE = 20;
const TO_ANSWER = new Set(["open", "noticed"]);
const ANSWER_CHARACTERS_MAX = 2_000;

export function Questions({ id, version, news }) {
  const [questions, setQuestions] = useState([]);
  const [problem, setProblem] = useState("");
  const load = async () => {
    try {
      const { questions: all } = await ask("adjudicate", "GET", `/projects/${id}/questions?limit=${PAGE}`);
      setQuestions(all.filter((one) => TO_ANSWER.has(one.status)));
      setProblem("");
    } catch (fault) {
      if (!isLater(fault)) setProblem(fault.message);
    }
  };
  useEffect(() => {
    load();
  }, [news]);
  if (!questions.length && !problem) return null;
  const answer = async (one, said) => {
    await ask("adjudicate", "POST", `/projects/${id}/questions/${encodeURIComponent(one.question_id)}/answer`, said);
    await load();
  };
  return html`<section class="questions" aria-label=${t("questions.title")}><h2>${t("questions.title")} <span class="badge">${whole(questions.length)}</span></h2>
    <p class="quiet">${t("questions.how", { version })}</p>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${questions.map((one) => html`<${Question} key=${one.question_id} question=${one} version=${version} answer=${(said) => answer(one, said)} />`)}</section>`;
}

const shown = (label) => (typeof label === "object" ? JSON.stringify(label) : String(label));

function Question({ question, version, answer }) {
  const { labels, field, examples, units_waiting: waiting, units_confused: confused, units_flagged: flagged, skipped } = question;
  const [text, setText] = useState("");
  const [changed, setChanged] = useState(false);
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState("");
  const send = async (event) => {
    event.preventDefault();
    setSending(true);
    try {
      await answer(changed ? { answer: text.trim(), guideline_version: version } : { answer: text.trim() });
    } catch (fault) {
      setProblem(fault.message);
      setSending(false);
    }
  };
  return html`<article class="answer"><header><h3 dir="auto">${field && html`${field}: `}${labels.length ? labels.map(shown).join(" / ") : t("questions.oneUnit")}</h3>
    <span class="badge">${t(`questions.${question.status}`)}</span></header>
    <p>${[waiting && t("questions.waiting", { count: waiting }), confused && t("questions.confused", { count: confused }),
      flagged && t("questions.flagged", { count: flagged }), skipped && t("questions.skipped", { count: skipped })].filter(Boolean).join(" · ")}</p>
    <ul>${examples.map((one) => html`<li key=${one.unit_id} dir="auto"><a href=${`/units/${encodeURIComponent(one.unit_id)}`}><code>${one.unit_id}</code></a>
      ${one.reason && html` ${one.reason}`}${(one.flags ?? []).map((flag) => html` <span class="quiet">${t("flag.said", { flag })}</span>`)}</li>`)}</ul>
    <form onSubmit=${send}><label class="writing">${t("questions.answer")}<textarea rows="2" dir="auto" required maxlength=${ANSWER_CHARACTERS_MAX} value=${text}
        onInput=${(event) => setText(event.target.value)} /></label>
      <label class="check"><input type="checkbox" checked=${changed} onChange=${(event) => setChanged(event.target.checked)} /> ${t("questions.byVersion", { version })}</label>
      <div class="tools"><p class="problem" role="alert">${problem}</p>
        <button type="submit" class="button primary" disabled=${sending || !text.trim()}>${t(changed ? "questions.send" : "questions.dismiss")}</button></div></form></article>`;
}
