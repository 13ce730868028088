"""Personal data in texts: found by patterns in linear time and by checksums, and replaced. Pure: nothing waits or logs.

| kind | what | how it is known |
|---|---|---|
| email | addresses of mail | RFC 5322's usual form, any script in the domain |
| phone | numbers of telephones | separators or a prefix, and possible by phonenumbers' plans |
| url | addresses of pages | http and https |
| card | payment cards | issuer's digits and length, Luhn |
| iban | bank accounts | ISO 13616, mod 97 |
| bic | banks | ISO 9362, a country within |
| national_id | persons, by their state | the form, and a checksum where the state has one |
| vat | businesses, by their tax office | the state's prefix and form |
| ip | IPv4 and IPv6 | parses as one |
| mac | network cards | six bytes |
| date | dates in digits | is a day of the calendar |
| name | words of a list | the client's own |

`Finder` finds, `Anonymiser` replaces: by a mask, or by a keyed pseudonym, which is the same for the same value. A
finder is a port: whatever has its method may stand in its place, a model say.
"""

from concord.privacy.anonymise import Anonymiser, Treatment
from concord.privacy.contact import REGIONS
from concord.privacy.finding import KINDS, NAME_CHARACTERS_MAX, NAMES_MAX, Finder, Finds, Rules, Together, merged
from concord.privacy.found import Found
from concord.privacy.listed import hashed
from concord.privacy.presidio import Beside, NotInstalled, presidio
from concord.privacy.reidentify import Candidate, Compared, compared, in_clear, pseudonyms_in

__all__ = [
    "KINDS",
    "NAMES_MAX",
    "NAME_CHARACTERS_MAX",
    "REGIONS",
    "Anonymiser",
    "Beside",
    "Candidate",
    "Compared",
    "Finder",
    "Finds",
    "Found",
    "NotInstalled",
    "Rules",
    "Together",
    "Treatment",
    "compared",
    "hashed",
    "in_clear",
    "merged",
    "presidio",
    "pseudonyms_in",
]
