// Words: every sentence of the pages by its name, in the language that the reader has chosen.
import { store } from "./html.js";
import { english } from "./strings_en.js";

export const LANGUAGES = { en: "English", ar: "العربية" };
const RIGHT_TO_LEFT = new Set(["ar"]);
const STORED = "concord:language";

export const language = store({ code: "en", words: english });

export async function speak(code) {
  const words = code === "ar" ? await import("./strings_ar.js").then(({ arabic }) => arabic, () => null) : english;
  // What could not be fetched is not spoken; the page goes on as it is.
  if (!words) return;
  language.set({ code, words });
  document.documentElement.lang = code;
  document.documentElement.dir = RIGHT_TO_LEFT.has(code) ? "rtl" : "ltr";
  try {
    localStorage.setItem(STORED, code);
  } catch { /* chosen anew at the next visit */ }
}

export async function speakAsBefore() {
  let code = "";
  try {
    code = localStorage.getItem(STORED) ?? "";
  } catch { /* nothing was kept */ }
  if (!LANGUAGES[code]) code = navigator.language.split("-")[0];
  await speak(LANGUAGES[code] ? code : "en");
}

const plurals = new Map();

// Which form of a sentence a count asks for: English has two, Arabic six. A count that is no number takes the general one.
function formOf(forms, count, code) {
  if (!plurals.has(code)) plurals.set(code, new Intl.PluralRules(code));
  return forms[typeof count === "number" ? plurals.get(code).select(count) : "other"] ?? forms.other;
}

// The sentence of this name with its blanks filled in; numbers are written as the language writes them. A sentence that
// has forms is chosen by its `count`.
export function t(name, blanks = {}) {
  const { code, words } = language.value;
  const found = words[name] ?? english[name] ?? name;
  const sentence = typeof found === "string" ? found : formOf(found, blanks.count, words[name] ? code : "en");
  return sentence.replace(/\{(\w+)\}/g, (written, blank) => {
    const value = blanks[blank];
    return value === undefined ? written : typeof value === "number" ? (Number.isInteger(value) ? whole(value) : number(value)) : String(value);
  });
}

// Marks of direction that a language writes with a sign: figures are read from left to right everywhere here.
const MARKS = /[\u061c\u200e\u200f]/g;

export function number(value, digits = 3) {
  const text = new Intl.NumberFormat(language.value.code, { maximumSignificantDigits: Math.max(digits, 1) }).format(value);
  return value < 0 ? isolated(text.replace(MARKS, "")) : text;
}

export function whole(value) {
  return new Intl.NumberFormat(language.value.code).format(value);
}

export function percent(value, digits = 1) {
  const form = { style: "percent", maximumFractionDigits: digits };
  return isolated(new Intl.NumberFormat(language.value.code, form).format(value));
}

// With how many digits figures and what they are held against are written, so that none reads as the limit that is not it: all alike, which keeps
// their order. `written` takes a figure and its digits; the twin of `digits_apart` in concord/pages/figures.py.
export function digitsApart(written, figures, limit, digits) {
  const unlike = figures.filter((one) => one !== null && one !== undefined && one !== limit);
  for (let more = digits; more <= 9; more += 1) if (unlike.every((one) => written(one, more) !== written(limit, more))) return more;
  return digits;
}

export function duration(seconds, digits = 1) {
  const unit = seconds < 90 ? "second" : seconds < 5_400 ? "minute" : seconds < 172_800 ? "hour" : "day";
  const size = { second: 1, minute: 60, hour: 3_600, day: 86_400 }[unit];
  const form = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits };
  return isolated(new Intl.NumberFormat(language.value.code, form).format(seconds / size));
}

// A time as a clock shows it; `moment` names its day, too.
export function clock(at, fine = false) {
  const form = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(fine && { second: "2-digit" }) };
  return isolated(new Intl.DateTimeFormat(language.value.code, form).format(at));
}

// The zone in which this browser writes times, and takes those that are typed.
export const zone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone;

// `fine` tells seconds, too.
export function moment(time, fine = false) {
  // With its zone: people in several read the same page, and send one another what they see.
  const form = { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short" };
  if (fine) form.second = "2-digit";
  return isolated(new Intl.DateTimeFormat(language.value.code, form).format(new Date(time)));
}

// After Arabic letters a sign would change sides with its number, and the same figure would read otherwise elsewhere.
const isolated = (text) => (RIGHT_TO_LEFT.has(language.value.code) ? `\u2068${text}\u2069` : text);
