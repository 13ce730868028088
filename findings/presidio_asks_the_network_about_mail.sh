#!/usr/bin/env bash
# Seen with presidio-analyzer 2.2.366 and tldextract 5.4.0: the recogniser of addresses of mail, which is a pattern and a
# check, looks up publicsuffix.org and then raw.githubusercontent.com for the list of public suffixes when it judges its
# first address, and goes on with the list of its package where neither answers. Nothing says so, no setting of the
# recogniser's turns it off, and each process does it anew where its cache cannot be written. One would have guessed that
# looking for an address in a text asks nobody. A TLDExtract without addresses in the place of tldextract's own asks nobody.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet presidio-analyzer==2.2.366 tldextract==5.4.0
TLDEXTRACT_CACHE="$folder/cache" "$folder/environment/bin/python" - 2>/dev/null <<'PYTHON'
import logging
import socket

from presidio_analyzer.predefined_recognizers import EmailRecognizer
from tldextract import tldextract

logging.disable(logging.CRITICAL)
asked = []


def nobody(host, *_, **__):
    asked.append(host)
    raise socket.gaierror(f"{host} is not asked here")


socket.getaddrinfo = nobody
text = "Write to ada@example.org."
found = EmailRecognizer().analyze(text, ["EMAIL_ADDRESS"])
print("found", [text[one.start : one.end] for one in found], "asked", sorted(set(asked)))
assert set(asked) == {"publicsuffix.org", "raw.githubusercontent.com"}, asked
asked.clear()
tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
found = EmailRecognizer().analyze(text, ["EMAIL_ADDRESS"])
print("found", [text[one.start : one.end] for one in found], "asked", asked)
assert found and not asked
PYTHON
