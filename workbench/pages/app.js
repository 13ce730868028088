// The pages: who is signed in, which address is shown, and the frame around it.
import { html, render, useEffect, useErrorBoundary, useRef, useState, useStore } from "./parts/html.js";
import { go, place } from "./parts/address.js";
import { loadSession, network, session, signOut } from "./parts/api.js";
import { tell } from "./parts/session.js";
import { loadKeys } from "./parts/keys.js";
import { rememberFor } from "./parts/memory.js";
import { LANGUAGES, language, speak, speakAsBefore, t } from "./parts/strings.js";

// Address, the role it is for, its module, what it is called: a module is fetched when it is first shown.
const PAGES = [
  [/^\/sign-in$/, [], () => import("./roles/sign_in.js"), "signIn"],
  [/^\/annotate(?:\/([^/]+))?$/, ["annotator"], () => import("./roles/annotate.js"), "nav.annotate"],
  [/^\/revising\/([^/]+)$/, ["annotator"], () => import("./roles/revising.js"), "revising.title"],
  [/^\/mine\/([^/]+)$/, ["annotator"], () => import("./roles/mine.js"), "mine.title"],
  [/^\/retraining\/([^/]+)$/, ["annotator"], () => import("./roles/retraining.js"), "retraining.title"],
  [/^\/adjudicate$/, ["adjudicator"], () => import("./roles/adjudicate.js"), "nav.adjudicate"],
  [/^\/gold\/([^/]+)\/candidates$/, ["adjudicator", "operator"], () => import("./roles/candidates.js"), "candidates.title"],
  [/^\/gold\/([^/]+)$/, ["adjudicator", "operator"], () => import("./roles/gold.js"), "gold.title"],
  [/^\/audit$/, ["auditor"], () => import("./roles/audit.js"), "nav.audit"],
  [/^\/projects$/, ["client", "operator"], () => import("./roles/projects.js"), "nav.projects"],
  [/^\/projects\/([^/]+)$/, ["client", "operator"], () => import("./roles/project.js"), "nav.projects"],
  [/^\/judging\/([^/]+)$/, ["adjudicator", "auditor"], () => import("./roles/judging.js"), "judging.title"],
  [/^\/closing\/([^/]+)$/, ["client", "operator"], () => import("./roles/closing.js"), "closing.title"],
  [/^\/agreement\/([^/]+)$/, ["client", "operator"], () => import("./roles/agreement.js"), "agreement.title"],
  [/^\/alerts$/, ["client", "operator"], () => import("./roles/alerts.js"), "nav.alerts"],
  [/^\/units(?:\/([^/]+))?$/, ["client", "operator"], () => import("./roles/unit.js"), "nav.units"],
  [/^\/new$/, ["client"], () => import("./roles/setup.js"), "nav.new"],
  [/^\/people$/, ["operator"], () => import("./roles/people.js"), "nav.people"],
  [/^\/dead-letters$/, ["operator"], () => import("./roles/dead_letters.js"), "nav.dead-letters"],
  [/^\/verify$/, ["client", "operator"], () => import("./roles/verify.js"), "nav.verify"],
];
const LINKS = [
  ["/annotate", ["annotator"]], ["/adjudicate", ["adjudicator"]], ["/audit", ["auditor"]], ["/projects", ["client", "operator"]],
  ["/alerts", ["client", "operator"]], ["/units", ["client", "operator"]],
  ["/new", ["client"]], ["/people", ["operator"]], ["/dead-letters", ["operator"]], ["/verify", ["client", "operator"]],
];

const AGAIN_MS = 3_000;

const may = (roles) => !roles.length || roles.some((role) => session.value.roles.includes(role));
const home = () => LINKS.find(([, roles]) => may(roles))?.[0] ?? "/sign-in";

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || link.target || link.origin !== location.origin || link.hasAttribute("download")) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button || link.pathname.startsWith("/api/") || link.pathname === "/sign-in/issuer") return;
  event.preventDefault();
  go(link.pathname + link.search);
});

const THEMES = ["auto", "light", "dark"];

function themeSaid() {
  try {
    return localStorage.getItem("concord:theme") ?? "auto";
  } catch {
    return "auto";
  }
}

function wear(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("concord:theme", theme);
  } catch { /* worn for this visit only */ }
}

function Header() {
  const { subject, roles } = useStore(session);
  const { path } = useStore(place);
  const { code } = useStore(language);
  const [theme, setTheme] = useState(themeSaid());
  useEffect(() => {
    // On a phone the links are wider than the screen: where one is, is seen.
    document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [path, code]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return html`<header class="top">
    <a class="brand" href="/"><svg viewBox="0 0 32 32" aria-hidden="true"><circle cx="13" cy="16" r="7" /><circle cx="19" cy="16" r="7" /></svg>
      <span>Concord</span></a>
    <nav aria-label=${t("nav.pages")}>${LINKS.filter(([, wanted]) => roles.length && may(wanted)).map(([to]) => html`
      <a key=${to} href=${to} aria-current=${path === to || path.startsWith(`${to}/`) ? "page" : undefined}>${t(`nav${to.replace("/", ".")}`)}</a>`)}</nav>
    <div class="who">
      <button type="button" class="icon" aria-label=${t("theme.to", { theme: t(`theme.${next}`) })} title=${t("theme.to", { theme: t(`theme.${next}`) })}
        onClick=${() => {
          wear(next);
          setTheme(next);
        }}>${{ auto: "◐", light: "☀", dark: "☾" }[theme]}</button>
      <label class="unseen" for="language">${t("language")}</label>
      <select id="language" value=${code} onChange=${(event) => speak(event.target.value)}>${Object.entries(LANGUAGES).map(([one, name]) => html`
        <option value=${one} lang=${one}>${name}</option>`)}</select>
      ${subject && html`<span class="subject" dir="auto">${subject}</span>
        <button type="button" class="button small" onClick=${async () => {
          if (!await signOut()) return;
          rememberFor("");
          go("/sign-in");
        }}>${t("signOut")}</button>`}
    </div></header>`;
}

// Signing in again opens a tab of its own: this one stays as it is, with all that is not sent yet, and goes on by itself.
const AGAIN = "/sign-in?again=1";
const again = (ways) => (ways.includes("issuer") ? `/sign-in/issuer?then=${encodeURIComponent(AGAIN)}` : AGAIN);

function Notices() {
  const { away, signedOut, ending } = useStore(network);
  const { ways } = useStore(session);
  const { path } = useStore(place);
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    addEventListener("online", look);
    addEventListener("offline", look);
    return () => {
      removeEventListener("online", look);
      removeEventListener("offline", look);
    };
  }, []);
  return html`<div role="status" class="notices">
    ${(signedOut || ending) && path !== "/sign-in" && html`<p class="notice warn">${t(signedOut ? "notice.signedOut" : "notice.ending")} <a target="_blank" href=${again(ways)}>${t("signIn")}</a></p>`}
    ${(away || !online) && html`<p class="notice warn">${t(path.startsWith("/annotate/") ? "notice.away" : "notice.awayHere")}</p>`}</div>`;
}

// A part of an address as it is meant; null where it is none.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

// The address's page, with the part of the address that names what is shown.
function pageAt(path) {
  const page = PAGES.find(([pattern]) => pattern.test(path));
  const one = page && decoded(page[0].exec(path)[1] ?? "");
  return one === null ? [] : [page, one];
}

// What should be here could not be fetched: nobody answered, or its files are of another version than the page that is open.
function Unread() {
  return html`<main class="narrow" id="main" tabindex="-1"><h1>${t("unread.title")}</h1><p role="alert">${t("unread.text")}</p>
    <button type="button" class="button primary" onClick=${() => location.reload()}>${t("unread.again")}</button></main>`;
}

// A page that is shown is named in the tab and in the history, and has the keys: the link that led to it has them no more.
function useArrival(path, title, isShown) {
  const { code } = useStore(language);
  const came = useRef(path);
  useEffect(() => {
    document.title = [title, "Concord"].filter(Boolean).join(" – ");
  }, [title, code]);
  useEffect(() => {
    if (!isShown || came.current === path) return;
    came.current = path;
    const main = document.querySelector("main");
    if (!main?.contains(document.activeElement)) main?.focus({ preventScroll: true });
  }, [path, isShown]);
}

function Page() {
  const { path, query } = useStore(place);
  const { roles } = useStore(session);
  const [shown, show] = useState({});
  const [found, one] = pageAt(path);
  const allowed = found && may(found[1]);
  useArrival(path, found ? [t(found[3]), one].filter(Boolean).join(": ") : "", shown.path === path);
  useEffect(() => {
    let over = false;
    if (path === "/") go(home(), { replace: true });
    else if (found && !allowed && !roles.length) go(`/sign-in?then=${encodeURIComponent(path)}`, { replace: true });
    else if (allowed) found[2]().then((module) => over || show({ path, View: module.default }), () => over || show({ path, View: Unread }));
    return () => { over = true; };
  }, [path, allowed]);
  if (path === "/") return null;
  if (!found) return html`<main class="narrow"><h1>${t("missing.title")}</h1><p><a href="/">${t("missing.home")}</a></p></main>`;
  if (!allowed) return html`<main class="narrow"><h1>${t("forbidden.title")}</h1><p>${t("forbidden.text")}</p></main>`;
  if (shown.path !== path) return html`<main class="narrow" aria-busy="true"><p class="quiet">${t("loading")}</p></main>`;
  return html`<${shown.View} key=${path} one=${one || undefined} query=${new URLSearchParams(query)} go=${go} />`;
}

function App() {
  useStore(language);
  const [fault, again] = useErrorBoundary();
  const { subject } = useStore(session);
  const { path } = useStore(place);
  // Whoever goes elsewhere leaves a broken page behind.
  useEffect(() => fault && again(), [path]);
  if (fault) {
    return html`<main class="narrow"><h1>${t("fault.title")}</h1><p>${t("fault.text")}</p><pre>${String(fault)}</pre>
      <button type="button" class="button" onClick=${again}>${t("fault.again")}</button></main>`;
  }
  return html`<a class="skip" href="#main" onClick=${(event) => {
    event.preventDefault();
    event.stopPropagation();
    document.querySelector("main")?.focus();
  }}>${t("nav.skip")}</a><${Header} /><${Notices} /><${Page} key=${subject} />`;
}

session.watch(() => {
  rememberFor(session.value.subject);
  loadKeys();
});
// Who is here is asked until somebody answers: a page that came at a bad moment begins a moment later, by itself.
async function begun() {
  for (;;) {
    try {
      await loadSession();
      return;
    } catch {
      render(html`<${Unread} />`, document.getElementById("page"));
      await new Promise((end) => setTimeout(end, AGAIN_MS));
    }
  }
}

wear(themeSaid());
await speakAsBefore();
await begun();
if (session.value.subject) tell("came");
render(html`<${App} />`, document.getElementById("page"));
document.documentElement.dataset.ready = "yes";
