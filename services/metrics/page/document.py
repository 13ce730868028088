"""A project's report as one page: what was promised, how it stands, and what stands behind it."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from concord.pages.drawing import percent as percent_of
from concord.pages.figures import Written, digits_apart
from concord.pages.parts import document, id_text, sheet, table, text
from concord.quality.estimate import Estimate
from concord.quality.fatigue import Fatigue
from services.metrics.domain.sliced import TIME
from services.metrics.domain.standing import Competence
from services.metrics.domain.targets import Target, TargetStanding
from services.metrics.page import plots
from services.metrics.page.material import FIELDS_MAX, Cost, Material, Part
from services.metrics.schemas.quality import time_of

ROWS_MAX = 25
"""Of a table: what is first to be looked at. All of it is at the quality API."""
HOUR_MS = 3_600_000
LINES = ("full line", "long dashes", "short dashes", "dashes and dots")
DURATIONS = ((172_800.0, 86_400.0, "d"), (7_200.0, 3_600.0, "h"), (120.0, 60.0, "min"), (0.0, 1.0, "s"))
"""From how many seconds on times are told in a unit, how long that is, and its sign."""


def report_page(found: Material) -> bytes:
    """Return the report: one file that fetches nothing and runs nothing."""
    report, project = found.report, found.project
    body: list[str] = [f"<h1>Quality of {id_text(project.project_id)}</h1>"]
    newest = time_of(report.newest_us) if report.newest_us else "none yet"
    body.append(f'<p class="quiet">As of {time_of(report.computed_at_us)}; newest label {newest}.</p>')
    body.append(_cards(found))
    body.append("<h2>What the contract promises</h2>" + _targets(found.targets))
    body += [_part(found, part) for part in found.parts]
    if project.form is not None and len(project.form.fields) > FIELDS_MAX:
        body.append(f'<p class="quiet">Of {len(project.form.fields)} fields the first {FIELDS_MAX} are drawn.</p>')
    body.append("<h2>Throughput against accuracy, and competence on gold</h2>" + _people(found))
    body.append("<h2>Agreement in parts</h2>" + _in_parts(found))
    body.append("<h2>Pairs of annotators</h2>" + _pairs(found))
    body.append("<h2>Fatigue</h2>" + _fatigue(found))
    body.append("<h2>Drift</h2>" + _drift(found))
    body.append("<h2>Groups and slices</h2>" + _contrasts(found))
    body.append("<h2>Suggestions</h2>" + _suggestions(found))
    if found.favoured:
        body.append("<h2>What stands first</h2>" + _favoured(found))
    body.append("<h2>Cost</h2>" + _cost(found.cost))
    return document(f"Quality of {project.project_id}", body)


def _cards(found: Material) -> str:
    report = found.report
    cards = (
        ("Krippendorff's alpha", _number(report.alpha.value), _interval(report.alpha)),
        ("Gwet's AC1", _number(found.beside.gwet_ac1.value), _interval(found.beside.gwet_ac1)),
        ("Label error rate", _share(report.label_error_rate.value), _interval(report.label_error_rate, _share)),
        ("Audit pass rate", _share(report.audit_pass_rate.value), _interval(report.audit_pass_rate, _share)),
        ("Units settled", f"{found.cost.units_settled:,}", f"{report.units_escalated:,} wait for a ruling"),
    )
    inside = "".join(f'<div class="card">{name}<b>{value}</b><span>{more}</span></div>' for name, value, more in cards)
    skew = f"<p>{text(found.beside.prevalence_note)}</p>" if found.beside.prevalence_note else ""
    return f'<div class="cards">{inside}</div>{skew}'


def _targets(targets: Iterable[tuple[Target, TargetStanding]]) -> str:
    rows = []
    for target, standing in targets:
        how = "at least" if target.at_least else "at most"
        breach = f"breach told {time_of(standing.since_us)}" if standing.breached else ""
        name, written, fewest = MEASURES[target.name]
        figures = (target.estimate.low, target.estimate.value, target.estimate.high)
        shown = _with_digits(written, digits_apart(written, figures, target.limit, fewest))
        value = _estimate(target.estimate, shown)
        rows.append((name, f"{how} {shown(target.limit)}", value, target.standing, breach))
    heads = ("measure", "promised", "found", "stands", "")
    return table(heads, rows) if any(row[-1] for row in rows) else table(heads[:-1], [row[:-1] for row in rows])


def _with_digits(written: Written, digits: int) -> Callable[[float | None], str]:
    return lambda figure: written(figure, digits)


def _part(found: Material, part: Part) -> str:
    name = f" of {text(part.name)}" if part.name else ""
    mark = f"p{found.parts.index(part)}"
    figures: list[str] = []
    if len(part.curve) > 1:
        plot = plots.agreement_over_time(part.curve, found.project.targets.alpha, f"{mark}-alpha")
        figures.append(_figure(plot, "Agreement by time, with the band of its 95 % interval and the target (dotted)."))
    if len(part.shares) > 1:
        plot, drawn = plots.shares_over_time(part.shares, f"{mark}-shares")
        named = "; ".join(f"{text(_bare(label))}: {line}" for label, line in zip(drawn, LINES, strict=False))
        figures.append(_figure(plot, f"Shares of the most frequent labels by time. {named}."))
    elif part.shares:
        plot = plots.shares_so_far(part.shares[0], f"{mark}-shares")
        wording = "How often each label was given: the most frequent. All of it is of one window of time; the next one"
        figures.append(_figure(plot, f"{wording} begins agreement and shares over time."))
    if part.confusion:
        plot = plots.confusion(part.confusion, part.classes, f"{mark}-confusion")
        caption = "Each row is a known label, each column what was given; a row adds up to 100 %."
        figures.append(_figure(plot, f"Confusion on gold: {sum(part.confusion.values()):,} answers. {caption}"))
    heading = f"<h2>Agreement{name}</h2>"
    if not figures:
        return heading + _nothing(_why_no_part(part))
    return f'{heading}<div class="plots">{"".join(figures)}</div>'


def _why_no_part(part: Part) -> str:
    if not part.classes:
        return "Labels of this kind have no classes, so they are not followed over time."
    if part.over:
        return "There are too many different labels for them to be followed over time."
    return "No unit has got the labels yet that were asked for of it."


def _people(found: Material) -> str:
    if not any(person.gold_units for person in found.people):
        return _nothing("Nobody has answered gold yet.")
    if any(person.gold_units and person.active_ms_median for person in found.people):
        return f'<div class="plots">{_throughput(found.people)}{_competence(found)}</div>'
    missing = _nothing("Of who answered gold nobody has told yet how long it took, so pace is not drawn.")
    return f'{missing}<div class="plots">{_competence(found)}</div>'


def _throughput(people: Sequence[Competence]) -> str:
    caption = "Each annotator's pace and accuracy; who is fast and right is above on the right."
    return _figure(plots.throughput_and_accuracy(people, "pace"), caption)


def _competence(found: Material) -> str:
    bar = found.project.policy.gold.pass_accuracy
    known = sum(bool(person.gold_units) for person in found.people)
    caption = (
        f"The least accurate first, {min(known, plots.PEOPLE_MAX)} of {known}; dotted: the project's bar. Red: the \
whole interval is under it."
    )
    return _figure(plots.competence(found.people, bar, "competence"), caption)


def _in_parts(found: Material) -> str:
    rows = [
        (text(name), f"{part.by} {text(_bare(part.part))}", _estimate(part.alpha), _share(part.agreement.value))
        for name, several in found.sliced.items()
        for part in several
        if part.by != TIME
    ]
    if not rows:
        return _nothing("Nothing has got two labels yet, or labels are of a kind without classes.")
    note = "A class against all others; a slice of the data; units of one guideline version; people of a group."
    return _nothing(note) + _by_field(found, ("field", "part", "alpha", "equal pairs"), rows[: 2 * ROWS_MAX])


def _pairs(found: Material) -> str:
    rows = []
    for of_field in found.pairs:
        for pair in of_field.pairs[:ROWS_MAX]:
            people = id_text(pair.first), id_text(pair.second)
            agree = _share(pair.agreement.value)
            rows.append((text(of_field.field), *people, _estimate(pair.kappa), agree))
    if not rows:
        return _nothing("No two annotators share a unit whose labels have classes.")
    return _by_field(found, ("field", "one", "other", "Cohen's kappa", "agree on"), rows[: 2 * ROWS_MAX])


def _fatigue(found: Material) -> str:
    if not found.watched:
        return _nothing("This project asks nobody for breaks (policy.fatigue.breaks), so nobody's times are looked at.")
    rows = [
        (id_text(who), ", ".join(_charts(charts)) or "as usual", text(due.reason) if due.kind else "none")
        for who, charts, due in found.tired
        if charts.slower or charts.less_accurate or due.kind
    ]
    if not rows:
        return _nothing(f"Of {len(found.tired)} annotators nobody is slower or less accurate than is usual for them.")
    return table(("annotator", "than is usual for them", "newest break"), rows[:ROWS_MAX])


def _charts(found: Fatigue) -> list[str]:
    return ["slower"] * found.slower + ["less accurate"] * found.less_accurate


def _drift(found: Material) -> str:
    untold: dict[str, list[str]] = {}
    for drift in found.drifts:
        if drift.psi is None:
            untold.setdefault(drift.reason, []).append(_measure(drift.measure))
    reasons = "".join(_nothing(f"Not compared: {', '.join(names)} ({text(why)}).") for why, names in untold.items())
    if all(measured.psi is None for measured in found.drifts):
        return reasons or _nothing("Nothing has come in yet.")
    plot = plots.drift(found.drifts, "drift")
    moved = [_measure(measured.measure) for measured in found.drifts if measured.is_found]
    caption = (
        f"Newest units against the first; dotted: from where on it is told. Drifted: {', '.join(moved) or 'nothing'}."
    )
    return _figure(plot, caption) + reasons


def _contrasts(found: Material) -> str:
    judged = [contrast for contrast in found.contrasts if contrast.difference.value is not None]
    if not judged:
        return _nothing("No group of annotators and no slice of the data has enough labels beside the rest.")
    rows = [
        (
            f"{text(contrast.by)} {text(contrast.group)}"
            + (f" in {text(contrast.within)}" if contrast.within is not None else ""),
            "errors on gold" if contrast.measure == "error" else f"label {text(_bare(contrast.label))}",
            f"{_share(contrast.rate.value)} against {_share(contrast.rest.value)}",
            f"{_points(contrast.difference.low)} to {_points(contrast.difference.high)}",
            "found" if contrast.is_found else "by chance",
        )
        for contrast in judged[:ROWS_MAX]
    ]
    real = sum(contrast.is_found for contrast in judged)
    note = f"Of {len(judged)} differences {real or 'none'} {'is' if real < 2 else 'are'} more than chance makes, all \
looked at together."
    return _nothing(note) + table(("who or what", "measure", "rate, and of the rest", "difference, points", ""), rows)


def _suggestions(found: Material) -> str:
    rows = []
    for anchored in found.anchored:
        for name, bend in (
            ("labels that say what was suggested", anchored.followed),
            ("wrong answers on gold", anchored.gold_errors),
            ("wrong suggestions followed on gold", anchored.gold_misled),
        ):
            if bend.difference.value is not None:
                spread = f"{_points(bend.difference.low)} to {_points(bend.difference.high)}"
                rates = _share(bend.shown.value), _share(bend.hidden.value)
                rows.append((text(anchored.field), name, *rates, spread))
    if not rows:
        return _nothing("No suggestions, or too few in one of the arms.")
    return _by_field(found, ("field", "rate", "shown", "kept", "difference, points"), rows)


def _favoured(found: Material) -> str:
    rows, named = [], []
    for favoured in found.favoured:
        first = favoured.people.first
        verdict = "more than chance makes" if favoured.is_found else "by chance"
        rows.append((text(favoured.field), _estimate(first, _share), _share(favoured.people.expected), verdict))
        named += [
            f"{id_text(each.annotator_id)} {_share(each.position.first.value)}"
            for each in favoured.favouring[:ROWS_MAX]
        ]
    heads = ("field", "chosen had stood first", "chance alone", "")
    favouring = _nothing(f"Of these it is found: {', '.join(named)}.") if named else ""
    return _by_field(found, heads, rows) + favouring


def _cost(cost: Cost) -> str:
    settled = cost.units_settled
    facts = [
        ("Labels", f"{cost.labels:,}"),
        ("Rulings", f"{cost.rulings:,}"),
        ("Active time", f"{cost.active_ms / HOUR_MS:,.1f} h" if cost.active_ms else "not told"),
    ]
    if settled:
        facts.append(("Labels a settled unit", f"{cost.labels / settled:.2f}, gold and late ones among them"))
        if cost.active_ms:
            facts.append(("Active seconds a settled unit", f"{cost.active_ms / settled / 1_000:.1f}"))
    if cost.saved_share is not None:
        facts.append(("Labels saved against the overlap at most", f"{cost.saved:,} ({cost.saved_share:.0%})"))
    if cost.price_label or cost.price_decision:
        spent = cost.labels * cost.price_label + cost.rulings * cost.price_decision
        each = f", {spent / settled:,.4g} a settled unit" if settled else ""
        facts.append(("Spent, in the project's own prices", f"{spent:,.6g}{each}"))
    return sheet(facts)


def _by_field(found: Material, heads: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table whose first column, the field, is left out where labels have one field only."""
    first = 0 if found.project.form is not None else 1
    return table(heads[first:], [row[first:] for row in rows])


def _figure(plot: str, caption: str) -> str:
    return f"<figure>{plot}<figcaption>{caption}</figcaption></figure>"


def _nothing(sentence: str) -> str:
    return f'<p class="quiet">{sentence}</p>'


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}" if abs(value) < 100 else f"{value:,.0f}"


def _share(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else percent_of(value, digits)


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.1f}"


def _duration(seconds: float | None, digits: int = 1) -> str:
    """Return a time in the largest unit of which there is one, to a tenth or further."""
    if seconds is None:
        return "–"
    _, size, unit = next((duration for duration in DURATIONS if seconds >= duration[0]), DURATIONS[-1])
    return f"{round(seconds / size, digits):,.{digits + 6}g}\N{NO-BREAK SPACE}{unit}"


def _bare(label: str) -> str:
    """Return a label's canonical JSON without the quotes of a text."""
    return label[1:-1] if len(label) > 1 and label[0] == label[-1] == '"' else label


def _measure(name: str) -> str:
    """Return the name of what may drift, as people say it."""
    return text(name.replace("_", " "))


MEASURES: Mapping[str, tuple[str, Written, int]] = {
    "alpha": ("Krippendorff's alpha", _number, 3),
    "label_error_rate": ("label error rate", _share, 3),
    "audit_pass_rate": ("audit pass rate", _share, 3),
    "turnaround_p95_seconds": ("turnaround of 19 in 20 units", _duration, 1),
}
"""By target, its name, how its values are written and with how many digits at least."""


def _estimate(found: Estimate, shown: Callable[[float | None], str] = _number) -> str:
    return _interval(found) if found.value is None else f"{shown(found.value)} ({_interval(found, shown)})"


def _interval(found: Estimate, shown: Callable[[float | None], str] = _number) -> str:
    if found.low is None or found.high is None:
        return text(found.reason) if found.value is None else f"{found.units:,} units"
    return f"{shown(found.low)} to {shown(found.high)}, {found.units:,} units"
