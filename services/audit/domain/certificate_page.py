"""A certificate as one page that a person reads: HTML with its style and its plots in it, and nothing to be fetched.

The page says what the certificate says; what is signed is the certificate. Whatever stands in a certificate is
somebody's word until its signature is verified, so nothing of it comes into the page but as numbers of a known type and
as text with every character escaped.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from concord.pages.figures import at_most
from concord.pages.parts import document, id_text, sheet, table, text
from services.audit.domain.certificate_said import SaidCertificate, SaidEstimate, SaidLot, SaidProject, SaidRepeats
from services.audit.domain.page_plots import NotDrawn, Standing, curve, way
from services.audit.domain.signing import CertificateBroken, Json
from services.audit.domain.verdict import Plan

NOT_SAID = "not said"
RULED_REGIONS = {
    "drawn": "regions as somebody drew them",
    "merged": "as several drawings come to",
    "corrected": "corrected",
    "added": "added",
    "dropped": "objects dropped",
}
KINDS: Mapping[str, str] = {
    "sequential": "A sequential plan: it stops as soon as the evidence is enough.",
    "single": "A single sample.",
    "fraction": "A percentage, inspected to its end. It promises no risk: what it shows is in the interval alone.",
    "iso_2859_1": "A single sample by the tables of ISO 2859-1, inspected to its end.",
}


class Vouched(NamedTuple):
    """What is known of a certificate beside what it says.

    Attributes:
        sentence: who vouches for it, as a sentence.
        holds: whether a trusted key signed it.
        erased: units that were erased since.
    """

    sentence: str
    holds: bool
    erased: int = 0


def certificate_page(statement: Json, vouched: Vouched) -> bytes:
    """Return a certificate's page.

    Args:
        statement: what the certificate says, its `key` among it.
        vouched: what is known beside.

    Raises:
        CertificateBroken: something in it is of another type than a certificate's.
    """
    try:
        certificate = msgspec.convert(statement, SaidCertificate)
    except msgspec.ValidationError as fault:
        raise CertificateBroken(f"No page can be made of the certificate: {fault}.") from fault
    only = certificate.lots[0] if len(certificate.lots) == 1 and certificate.issue is None else None
    of = (
        f"lot {id_text(only.lot_id)}"
        if only is not None
        else f"project {id_text(certificate.project_id)}, no. {certificate.issue or 1}"
    )
    title = f"Certificate of {of}"
    origin = f"Project {id_text(certificate.project_id)} of client {id_text(certificate.client_id)}"
    body = [
        f"<h1>{title}</h1>",
        f'<p class="quiet">{origin}, issued {text(certificate.issued_at)}.</p>',
        f'<p class="seal{" good" if vouched.holds else ""}">{text(vouched.sentence)}</p>',
        *_claims(certificate, only),
        *(_lot(only) if only is not None else _lots(certificate.lots)),
        *_rest(certificate, vouched),
    ]
    plain = f"Certificate of {'lot ' + only.lot_id if only is not None else 'project ' + certificate.project_id}"
    return document(plain, body)


def _claims(certificate: SaidCertificate, only: SaidLot | None) -> Iterator[str]:
    """Yield what is read first: the rate over all lots, the lot's own, agreement, and how much was looked at."""
    units = sum(lot.units for lot in certificate.lots)
    inspected = sum(lot.inspected for lot in certificate.lots)
    wrong = sum(lot.errors_found for lot in certificate.lots)
    yield '<div class="cards">'
    if certificate.project is not None:
        rate, lots = certificate.project.label_error_rate, certificate.project.lots
        yield _card("Wrong labels, all of the project's lots", rate, f"{_count(lots, 'lot')} left so far", "first")
    if only is not None:
        yield _card("Wrong labels, this lot", only.label_error_rate, f"from {_count(inspected, 'inspected unit')}")
        yield _card(
            "Agreement of annotators (alpha)", only.agreement, f"{_count(only.agreement.units, 'unit')}", share=False
        )
    yield (
        f'<div class="card"><span>Labels in the export</span><b>{units:,}</b>'
        f"<span>{inspected:,} inspected, {wrong:,} of them wrong</span></div></div>"
    )
    if certificate.project is not None:
        yield f"<p>{_sentence(certificate.project.label_error_rate, 'all lots of the project that have left')}</p>"
        if certificate.project.repeats is not None:
            yield f"<p>{_repeated(certificate.project, certificate.project.repeats)}</p>"
    if only is not None:
        yield f"<p>{_sentence(only.label_error_rate, 'this lot')}</p>"


def _card(name: str, estimate: SaidEstimate, rests_on: str, kind: str = "", *, share: bool = True) -> str:
    return (
        f'<div class="card {kind}"><span>{name}</span><b>{_value(estimate, share=share)}</b>'
        f"<span>{_interval(estimate, share=share)}; {rests_on}</span></div>"
    )


def _sentence(rate: SaidEstimate, whose: str) -> str:
    """Return a rate in words."""
    if rate.value is None or rate.high is None:
        return f"What share of the labels of {whose} is wrong is not told: {text(rate.reason or NOT_SAID)}."
    if rate.high == 0 and not rate.value:
        return f"Every label of {whose} was inspected, and what was wrong was put right."
    return (
        f"With {rate.confidence:.0%} confidence, at most {_most(rate.high)} of the labels of {whose} are wrong; the "
        f"best estimate is {_percent(rate.value)}. Labels that were found wrong were put right."
    )


def _repeated(project: SaidProject, repeats: SaidRepeats) -> str:
    """Return in words how far auditors agreed who did not see each other, and what the interval makes of it."""
    word = repeats.label_error_rate_by_their_word
    return (
        f"{project.errors_found:,} of {_count(project.inspected, 'inspected label')} found wrong; auditors agreed on "
        f"{repeats.agreed:,} of {_count(repeats.repeated, 'blind repeat')}: of {repeats.found_wrong:,} found wrong a "
        f"second one confirmed {repeats.confirmed:,}, of {repeats.found_right:,} found right found "
        f"{repeats.overturned:,} wrong. The interval allows for their errors: {_interval(project.label_error_rate)}; "
        f"if they made none it would be {_interval(word)}."
    )


def _lot(lot: SaidLot) -> Iterator[str]:
    """Yield how one lot was judged, drawn and in numbers."""
    yield "<h2>How it was judged</h2>"
    plan = lot.plan
    if plan is not None:
        yield f"<p>{KINDS[plan.kind]} {_terms(plan)}</p>"
        yield from _plots(plan, lot)
    else:
        yield "<p>No unit of it is left, so none was inspected.</p>"
    yield "<h2>What is claimed</h2>"
    yield sheet(_facts(lot))
    if lot.fields:
        heads = ("Field", "Inspected", "Wrong", "Agreement (alpha)")
        rows = [
            (id_text(name), f"{field.inspected:,}", f"{field.errors_found:,}", _whole(field.agreement))
            for name, field in lot.fields.items()
        ]
        yield f"<h2>By field</h2>{table(heads, rows)}"
    if lot.sample:
        listed = "".join(f"<li>{id_text(unit_id)}</li>" for unit_id in lot.sample)
        yield (
            f"<details><summary>The sample, {_count(len(lot.sample), 'unit')} in the order of inspection</summary>"
            f'<ol class="sample">{listed}</ol></details>'
        )


def _plots(plan: Plan, lot: SaidLot) -> Iterator[str]:
    rate = lot.label_error_rate
    share = lot.errors_found / lot.units if lot.units > 0 else 0.0
    standing = None
    if rate.low is not None and rate.high is not None and 0 < lot.inspected <= lot.units:
        found = lot.errors_found / lot.inspected
        standing = Standing(found, rate.low + share, rate.high + share, lot.inspected, lot.errors_found)
    try:
        drawn = curve(plan, standing)
        went = "" if standing is None else way(plan, standing)
    except NotDrawn as fault:
        yield f'<p class="quiet">The plan is not drawn: {text(str(fault))}.</p>'
        return
    here = "" if standing is None else (
        f' <span class="key">this lot as it was inspected: {_percent(standing.found)} found wrong</span>, '
        f'<span class="key band">{_percent(standing.low)} to {_percent(standing.high)} with {rate.confidence:.0%} '
        f"confidence</span>."
    )  # fmt: skip
    yield (
        f'<div class="plots"><figure>{drawn}<figcaption><b>What the plan does.</b> '
        f'<span class="key good">{_percent(plan.aql)}: should pass</span>, '
        f'<span class="key bad">{_percent(plan.ltpd)}: should not pass</span>.{here}</figcaption></figure>'
    )
    if went:
        then = ", inspected whole after the plan had rejected it" if lot.inspected > plan.sample_size else ""
        yield (
            f'<figure>{went}<figcaption><b>How it went.</b> <span class="key good">accepted here</span>, '
            f'<span class="key bad">rejected here</span>, <span class="key">this lot: {lot.errors_found:,} wrong of '
            f"{lot.inspected:,}</span>{then}."
            f"</figcaption></figure>"
        )
    yield "</div>"


def _terms(plan: Plan) -> str:
    if plan.standard is not None:
        iso = plan.standard
        return (
            f"{iso.inspection.capitalize()} inspection, level {text(iso.level)}, code letter "
            f"{text(iso.plan_letter)}, AQL {_percent(plan.aql)}: {plan.sample_size:,} of {plan.lot_units:,} units are "
            f"inspected, and up to {plan.accept_max:,} may be wrong."
        )
    most = f"At most {plan.sample_size:,} of {plan.lot_units:,} units are inspected"
    if plan.kind == "fraction":
        return f"{most}, and up to {plan.accept_max:,} may be wrong."
    return (
        f"{most}. A lot with {_percent(plan.aql)} wrong is rejected with probability {_most(plan.alpha)} at most, "
        f"one with {_percent(plan.ltpd)} accepted with {_most(plan.beta)} at most."
    )


def _facts(lot: SaidLot) -> Iterator[tuple[str, str]]:
    """Yield every number of a lot's claims, named."""
    rate, agreed = lot.label_error_rate, lot.agreement
    yield "Units", f"{lot.units:,}; {lot.withdrawn:,} more were erased before it was accepted"
    if lot.unanswerable:
        yield "Ruled unanswerable", f"{lot.unanswerable:,} units more: no label is right for them, and none is claimed"
    yield "Inspected", f"{lot.inspected:,}{', which is all' if lot.inspected_whole else ''}"
    yield "Found wrong", f"{lot.errors_found:,}; {_count(lot.errors_corrected, 'label')} put right in all"
    yield "Label error rate of what leaves", _whole(rate, share=True)
    if lot.repeats is not None:
        again = lot.repeats
        yield (
            "Inspections repeated blind",
            (
                f"{again.repeated:,}; auditors agreed on {again.agreed:,}. If auditors did not err, the rate would be "
                f"{_whole(again.label_error_rate_by_their_word, share=True)}"
            ),
        )
    yield "How it is reckoned", text(rate.method or NOT_SAID)
    yield (
        "Agreement (Krippendorff's alpha)",
        (f"{_value(agreed, share=False)}, {_interval(agreed, share=False)}, of {_count(agreed.units, 'unit')}"),
    )
    if agreed.reason:
        yield "", text(agreed.reason)
    risk = "nothing is promised" if lot.consumers_risk is None else f"{_most(lot.consumers_risk)} at most"
    yield "Risk that a lot at the rejectable rate passes", risk
    most = "" if lot.rejections_max is None else f", of {lot.rejections_max:,} that send it back"
    yield "Rejections before", f"{lot.rejections:,}{most}; labelled anew {_count(lot.rework, 'time')}"
    if lot.adjudicated is not None:
        part = f" ({_percent(lot.adjudicated / lot.units)})" if lot.units > 0 else ""
        yield "Settled by an adjudicator", f"{lot.adjudicated:,} of {lot.units:,} units{part}"
    if lot.regions_ruled:
        units = _count(lot.regions_ruled["units"], "unit")
        kinds = (f"{lot.regions_ruled[kind]:,} {words}" for kind, words in RULED_REGIONS.items())
        yield "Ruled object by object", f"{units}: {', '.join(kinds)}"
    if lot.units_referred_back:
        units, aside = _count(lot.units_referred_back, "unit"), _count(lot.annotations_set_aside, "annotation")
        yield "Sent back to annotators by an adjudicator", f"{units}; {aside} set aside, on which agreement rests"
    yield "Annotators, annotations", f"{lot.annotators:,}, {lot.annotations:,}"
    yield "Guideline versions", ", ".join(map(str, lot.guideline_versions)) or NOT_SAID
    if len(lot.schema_versions) > 1 or lot.schema_versions[:1] > [1]:
        yield "Label schema versions", ", ".join(map(str, lot.schema_versions))
    yield "Accepted", text(lot.accepted_at or NOT_SAID)
    if lot.seed:
        yield "Seed of the draw", id_text(lot.seed)
    if lot.ledger is not None:
        yield "Ledger", f"{lot.ledger.entries:,} entries; basis {id_text(lot.ledger.basis_sha256)}"


def _lots(lots: Iterable[SaidLot]) -> Iterator[str]:
    heads = (
        "Lot",
        "Units",
        "Inspected",
        "Wrong",
        "Label error rate of what leaves",
        "Alpha",
        "Adjudicated",
        "Rejections",
    )
    rows = [
        (
            id_text(lot.lot_id),
            f"{lot.units:,}",
            f"{lot.inspected:,}",
            f"{lot.errors_found:,}",
            _whole(lot.label_error_rate, share=True),
            _value(lot.agreement, share=False),
            NOT_SAID if lot.adjudicated is None else f"{lot.adjudicated:,}",
            f"{lot.rejections:,}",
        )
        for lot in lots
    ]
    yield f"<h2>Its lots</h2>{table(heads, rows)}"


def _rest(certificate: SaidCertificate, vouched: Vouched) -> Iterator[str]:
    """Yield what goes with every certificate: the files, what was erased since, and how it is verified."""
    heads = ("File", "Lines", "SHA-256", "SHA-256 of its lines' digests")
    rows = [
        (id_text(file.name), f"{file.rows:,}", id_text(file.sha256 or "of its lines alone"), id_text(file.rows_sha256))
        for file in certificate.files
    ]
    yield f"<h2>What it is about</h2>{table(heads, rows)}"
    if vouched.erased:
        gone = _count(vouched.erased, "unit")
        yield f"<p>{gone} of these were erased since: the signed list of withdrawals names them.</p>"
    yield (
        "<h2>How to verify it</h2><p>This page repeats the certificate; what is signed is the certificate, in JSON. "
        "With it, the export and the public key, which you have by a way that you trust:</p>"
        "<p><code>concord verify CERTIFICATE EXPORT --public-key KEY</code></p>"
    )
    facts = [
        ("Signed with", "Ed25519"),
        ("Key", id_text(certificate.key.public_key)),
        ("Key id", id_text(certificate.key.kid)),
    ]
    if certificate.software is not None:
        facts.append(("Worked out by", text(f"{certificate.software.name} {certificate.software.version}")))
    yield sheet(facts)


def _whole(estimate: SaidEstimate, *, share: bool = False) -> str:
    return f"{_value(estimate, share=share)}, {_interval(estimate, share=share)}"


def _value(estimate: SaidEstimate, *, share: bool = True) -> str:
    if estimate.value is None:
        return "undefined"
    return _percent(estimate.value) if share else f"{estimate.value:.3f}"


def _interval(estimate: SaidEstimate, *, share: bool = True) -> str:
    if estimate.low is None or estimate.high is None:
        return "without an interval"
    ends = (_percent(end) if share else f"{end:.3f}" for end in (estimate.low, estimate.high))
    return f"{' to '.join(ends)} ({estimate.confidence:.0%})"


def _percent(share: float) -> str:
    r"""Return a share in percent, to three digits and no further than thousandths.

    >>> _percent(0.08333), _percent(0.0), _percent(0.000004), _percent(1.0)
    ('8.33\xa0%', '0\xa0%', '0\xa0%', '100\xa0%')
    """
    return f"{round(100 * share, 3):.3g}\N{NO-BREAK SPACE}%"


def _most(share: float) -> str:
    r"""Return a share that is promised to be the most, in percent: rounded up, to hundredths.

    >>> _most(0.08333), _most(0.05), _most(1.0), _most(0.000004)
    ('8.34\xa0%', '5\xa0%', '100\xa0%', '0.01\xa0%')
    """
    return f"{at_most(100 * share, 2):g}\N{NO-BREAK SPACE}%"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
