// A certificate and its export held against each other here, in the browser, by its own cryptography: nothing is asked.
const ENCODER = new TextEncoder();

// RFC 8785: names in the order of their UTF-16 units, numbers and texts as JavaScript writes them.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object") {
    return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

const bytesOf = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const hex = (buffer) => [...new Uint8Array(buffer)].map((one) => one.toString(16).padStart(2, "0")).join("");
const sha256 = (bytes) => crypto.subtle.digest("SHA-256", bytes);

// SHA-256 of the SHA-256 of each line, line end included.
export async function rowsDigest(content) {
  const digests = [];
  let start = 0;
  for (let at = content.indexOf(10); at >= 0; at = content.indexOf(10, start)) {
    digests.push(sha256(content.subarray(start, at + 1)));
    start = at + 1;
  }
  if (start < content.length) digests.push(sha256(content.subarray(start)));
  const found = await Promise.all(digests);
  const all = new Uint8Array(found.length * 32);
  found.forEach((one, place) => all.set(new Uint8Array(one), place * 32));
  return { rows: found.length, digest: hex(await sha256(all)) };
}

// Returns { trusted, problem, statement, rows }: a problem is the name of a sentence.
export async function verify(certificateText, exportBytes, publicKey) {
  let statement;
  try {
    statement = JSON.parse(certificateText);
  } catch {
    return { problem: "verify.noJson" };
  }
  const { signature, ...said } = statement;
  if (typeof signature !== "string" || !said.key?.public_key || !Array.isArray(said.files)) return { problem: "verify.noCertificate" };
  const signer = publicKey || said.key.public_key;
  let holds = false;
  try {
    const key = await crypto.subtle.importKey("raw", bytesOf(signer), { name: "Ed25519" }, false, ["verify"]);
    holds = await crypto.subtle.verify({ name: "Ed25519" }, key, bytesOf(signature), ENCODER.encode(canonical(said)));
  } catch (fault) {
    return { problem: fault.name === "NotSupportedError" ? "verify.noEd25519" : "verify.badKey" };
  }
  if (!holds) return { problem: publicKey && publicKey !== said.key.public_key ? "verify.otherKey" : "verify.changed", statement };
  const found = await rowsDigest(exportBytes);
  if (!said.files.some((file) => file.rows_sha256 === found.digest)) return { problem: "verify.exportChanged", statement };
  return { problem: "", trusted: Boolean(publicKey), statement, rows: found.rows };
}
