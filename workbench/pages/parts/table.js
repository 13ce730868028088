// A list that can be sorted, filtered and paged; every column says how it is compared and shown.
import { useAddress } from "./address.js";
import { html } from "./html.js";
import { t, whole } from "./strings.js";

const PAGE = 20;
const SOUGHT_CHARACTERS_MAX = 200;

// A column: [key, name, show(row), value(row)]; `value` is what is compared, and searched where it is a text. One without a
// name holds what is done with a row, and is not sorted by.
// `name`: under which the address keeps what is sought, the order (a minus for downwards) and the page.
export function Table({ name, caption, columns, rows, empty, filters }) {
  const [{ q: sought, sort, page }, stand] = useAddress({ q: "", sort: "", page: "1" }, `${name}.`);
  const order = { key: sort.replace(/^-/, ""), up: !sort.startsWith("-") };
  const words = sought.trim().toLocaleLowerCase();
  const text = (row) => columns.map(([, , show, value]) => String(value ? value(row) : show(row))).join(" ").toLocaleLowerCase();
  const found = words ? rows.filter((row) => text(row).includes(words)) : rows;
  const column = columns.find(([key]) => key === order.key);
  const by = (row) => (column[3] ?? column[2])(row);
  const sorted = column ? [...found].sort((one, other) => compared(by(one), by(other), order.up ? 1 : -1)) : found;
  const pages = Math.max(1, Math.ceil(sorted.length / PAGE));
  const at = Math.max(1, Math.min(Math.trunc(Number(page)) || 1, pages)) - 1;
  const turn = (to) => stand({ page: String(to + 1) });
  return html`<section class="listing" aria-label=${caption}>
    <div class="bar"><h2>${caption} <span class="badge">${whole(rows.length)}</span></h2>
      <div class="tools">${filters}
        ${rows.length > 0 && html`<label class="search"><span class="unseen">${t("table.filter", { caption })}</span>
          <input type="search" placeholder=${t("table.filterShort")} maxlength=${SOUGHT_CHARACTERS_MAX} value=${sought}
            onInput=${(event) => stand({ q: event.target.value, page: "1" })} /></label>`}</div></div>
    ${rows.length ? html`<div class="scroll" tabindex="0" role="group" aria-label=${caption}><table><thead><tr>${columns.map(([key, head]) => (!head ? html`<td key=${key}></td>` : html`
      <th scope="col" key=${key} aria-sort=${order.key === key ? (order.up ? "ascending" : "descending") : "none"}>
        <button type="button" onClick=${() => stand({ sort: order.key === key && order.up ? `-${key}` : key })}>${head}
          <span aria-hidden="true">${order.key === key ? (order.up ? "↑" : "↓") : ""}</span></button></th>`))}</tr></thead>
      <tbody>${sorted.slice(at * PAGE, (at + 1) * PAGE).map((row) => html`<tr>${columns.map(([key, , show]) => html`<td key=${key}>${show(row)}</td>`)}</tr>`)}
      </tbody></table></div>` : html`<p class="quiet">${empty}</p>`}
    ${pages > 1 && html`<nav class="pages" aria-label=${t("table.pages", { caption })}>
      <button type="button" class="button small" disabled=${at === 0} onClick=${() => turn(at - 1)}>${t("table.before")}</button>
      <span>${t("table.page", { page: at + 1, pages })}</span>
      <button type="button" class="button small" disabled=${at === pages - 1} onClick=${() => turn(at + 1)}>${t("table.after")}</button></nav>`}</section>`;
}

// What is not known comes last, whichever way the rest is sorted.
function compared(one, other, way) {
  if ((one ?? null) === null || (other ?? null) === null) return ((one ?? null) === null) - ((other ?? null) === null);
  return way * (typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other), undefined, { numeric: true }));
}
