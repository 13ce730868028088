// Every kind of label by its name; what each has is told in plain.js.
import form from "./form.js";
import { KINDS as PLAIN } from "./plain.js";

export const KINDS = { ...PLAIN, form };

export const kindOf = (schema) => KINDS[schema.kind];
