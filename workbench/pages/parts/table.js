// A list that can be sorted, filtered and paged; every column says how it is compared and shown.
import { html, useState } from "./html.js";
import { t, whole } from "./strings.js";

const PAGE = 20;

// A column: [key, name, show(row), value(row)]; `value` is what is compared, and searched where it is a text.
export function Table({ caption, columns, rows, empty, filters }) {
  const [sought, seek] = useState("");
  const [order, setOrder] = useState({ key: null, up: true });
  const [page, setPage] = useState(0);
  const words = sought.trim().toLocaleLowerCase();
  const text = (row) => columns.map(([, , show, value]) => String(value ? value(row) : show(row))).join(" ").toLocaleLowerCase();
  const found = words ? rows.filter((row) => text(row).includes(words)) : rows;
  const column = columns.find(([key]) => key === order.key);
  const by = (row) => (column[3] ?? column[2])(row);
  const sorted = column ? [...found].sort((one, other) => compared(by(one), by(other)) * (order.up ? 1 : -1)) : found;
  const pages = Math.max(1, Math.ceil(sorted.length / PAGE));
  const at = Math.min(page, pages - 1);
  return html`<section class="listing" aria-label=${caption}>
    <div class="bar"><h2>${caption} <span class="badge">${whole(rows.length)}</span></h2>
      <div class="tools">${filters}
        ${rows.length > 0 && html`<label class="search"><span class="unseen">${t("table.filter", { caption })}</span>
          <input type="search" placeholder=${t("table.filterShort")} value=${sought} onInput=${(event) => {
            seek(event.target.value);
            setPage(0);
          }} /></label>`}</div></div>
    ${rows.length ? html`<div class="scroll" tabindex="0" role="group" aria-label=${caption}><table><thead><tr>${columns.map(([key, name]) => html`
      <th scope="col" key=${key} aria-sort=${order.key === key ? (order.up ? "ascending" : "descending") : "none"}>
        <button type="button" onClick=${() => setOrder({ key, up: order.key === key ? !order.up : true })}>${name}
          <span aria-hidden="true">${order.key === key ? (order.up ? "↑" : "↓") : ""}</span></button></th>`)}</tr></thead>
      <tbody>${sorted.slice(at * PAGE, (at + 1) * PAGE).map((row) => html`<tr>${columns.map(([key, , show]) => html`<td key=${key}>${show(row)}</td>`)}</tr>`)}
      </tbody></table></div>` : html`<p class="quiet">${empty}</p>`}
    ${pages > 1 && html`<nav class="pages" aria-label=${t("table.pages", { caption })}>
      <button type="button" class="button small" disabled=${at === 0} onClick=${() => setPage(at - 1)}>${t("table.before")}</button>
      <span>${t("table.page", { page: at + 1, pages })}</span>
      <button type="button" class="button small" disabled=${at === pages - 1} onClick=${() => setPage(at + 1)}>${t("table.after")}</button></nav>`}</section>`;
}

function compared(one, other) {
  if (one === other) return 0;
  if (one === null || one === undefined) return 1;
  if (other === null || other === undefined) return -1;
  return typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other), undefined, { numeric: true });
}
