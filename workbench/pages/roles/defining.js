// Defining a project anew with something changed: sent back as it was found, and never over what somebody else has written meanwhile.
import { ask, session } from "../parts/api.js";
import { t } from "../parts/strings.js";

const DEFINED = ["label_schema", "name", "guideline", "guideline_examples", "policy", "targets"];

// The project as it stands then; a refusal is thrown with its status and, where it names fields, these.
export async function defined(project, changes) {
  const now = await ask("ingest", "GET", `/projects/${encodeURIComponent(project.project_id)}`);
  if (now.revision !== project.revision) throw Object.assign(new Error(t("edit.changed")), { status: 409 });
  const definition = Object.fromEntries(DEFINED.map((name) => [name, now[name]]));
  const slug = project.project_id.slice(session.value.client_id.length + 1);
  return ask("ingest", "PUT", `/projects/${encodeURIComponent(slug)}`, { ...definition, ...changes });
}
