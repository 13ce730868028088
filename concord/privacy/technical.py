"""What devices and days are called: network addresses, and dates in digits."""

import ipaddress
from datetime import date

from concord.privacy.found import Pattern, compiled

YEARS = range(1900, 2101)


def _ip(candidate: str) -> tuple[int, str] | None:
    text = candidate.rstrip(".:") if not candidate.endswith("::") else candidate
    try:
        return len(text), str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _mac(candidate: str) -> tuple[int, str]:
    return len(candidate), candidate.replace("-", ":").lower()


def _date(candidate: str) -> tuple[int, str] | None:
    parts = [int(part) for part in candidate.replace("/", ".").replace("-", ".").split(".")]
    orders = [parts] if parts[0] > 31 else [[parts[2], parts[1], parts[0]], [parts[2], parts[0], parts[1]]]
    for year, month, day in orders:
        try:
            found = date(year + 1900 if year < 100 else year, month, day)
        except ValueError:
            continue
        if found.year in YEARS:
            return len(candidate), found.isoformat()
    return None


IP = (
    Pattern("ip", compiled(r"(?:\d{1,3}\.){3}\d{1,3}"), _ip),
    Pattern("ip", compiled(r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?"), _ip),
)
MAC = Pattern("mac", compiled(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"), _mac)
DATE = Pattern("date", compiled(r"\d{4}([-/.])\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})"), _date)
