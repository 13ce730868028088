"""The command against all five services on sockets: from a CSV of one's own to a certificate by command line alone."""

import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import statuses
from cli.kept import FOLDER
from cli.main import main
from cli.session import PATIENCE, TOKEN
from concord.chassis.identity import Role
from concord.client.addresses import variable
from simulation.house import TOKEN_SECONDS
from tests.support import walk
from tests.support.served import Served, served_five
from tests.unit.cli.running import Run, as_json, done, lines, time_told

SERVICES = ("ingest", "assign", "adjudicate", "audit", "metrics")


@pytest.fixture(scope="module")
def five() -> Iterator[Served]:
    with served_five() as found:
        yield found


@pytest.fixture
def run(five: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command as a person would whose configuration is empty, and who knows the addresses."""
    monkeypatch.chdir(tmp_path)  # where no stack of this checkout is found
    urls = {variable(name): five.addresses.of(name) for name in SERVICES}
    environment = {FOLDER: str(tmp_path / "kept"), TOKEN: None, PATIENCE: "20", **urls}

    def concord(*arguments: str, stdin: str | None = None, **more: str) -> Result:
        return CliRunner().invoke(main, list(arguments), input=stdin, env={**environment, **more})

    return concord


def test_a_csv_of_ones_own_goes_to_a_certificate_by_command_line_alone(five: Served, run: Run, tmp_path: Path) -> None:
    people = {"me": ("client", "", "k1"), "boss": ("operator", "", ""), "judge": ("adjudicator", "", ""),
              "checker": ("auditor", "", ""), **{who: ("annotator", who, "") for who in walk.PEOPLE}}  # fmt: skip
    for name, who in people.items():
        done(run("sign-in", "--as", name, stdin=five.token(*who) + "\n"))
    assert stat.S_IMODE((tmp_path / "kept/credentials.json").stat().st_mode) == 0o600
    definition, mine, out = tmp_path / "spam.json", tmp_path / "mine.csv", tmp_path / "out"
    definition.write_text(json.dumps(walk.DEFINITION))
    mine.write_text(walk.csv())
    project = as_json(run("projects", "put", "spam", str(definition), "--as", "me", "--json"))["project_id"]
    assert project in done(run("projects", "list", "--as", "me"))
    assert as_json(run("projects", "show", project, "--as", "me", "--json"))["name"] == "Spam or not"
    for person in walk.PEOPLE:
        rows = ("--language", "en", "--credential", "law=2999-01-01T00:00:00Z")
        done(run("annotators", "put", person, "--as", "boss", *rows))
    assert "en" in done(run("annotators", "show", "ann-1", "--as", "boss"))
    columns = ("--id", "id", "--content", "message")
    text = done(run("import", project, str(mine), *columns, "--seal", "--as", "me"))
    assert (f"{walk.UNITS} admitted" in text, "1 lots cut" in text) == (True, True), text
    assert as_json(run("import", project, str(mine), *columns, "--as", "me", "--json"))["admitted"] == walk.UNITS
    not_yet = run("lots", "wait", project, "--as", "me", "--units", "10", "--seconds", "0")
    assert (not_yet.exit_code, "NOT YET: 0 of 10" in not_yet.stderr) == (statuses.NOT_YET, True), not_yet.output

    def claim(person: str) -> list[Any]:
        held = as_json(run("annotate", "claim", project, "--units", "5", "--wait", "20", "--as", person, "--json"))
        return list(held["assignments"])

    def give(person: str, assignment: Any, label: str) -> None:
        assert done(run("annotate", "submit", assignment["assignment_id"], label, "--as", person)) == "accepted\n"

    walk.annotated(claim, give)
    (escalated,) = walk.until(lambda: lines(run("adjudicate", "list", project, "--as", "judge", "--json")))
    assert escalated["content"] == walk.content(4)
    ruled = run("adjudicate", "rule", escalated["unit_id"], "ham", "--reason", "nothing is for sale", "--as", "judge")
    assert done(ruled) == "ruled\n"
    done(run("units", "wait", project, "--units", str(walk.UNITS), "--seconds", "20", "--as", "me"))

    def accepted() -> bool:
        for line in lines(run("audit", "list", project, "--as", "checker", "--json")):
            checked = run("audit", "check", line["unit_id"], walk.label(line["content"]), "--as", "checker")
            assert done(checked) == "taken\n"
        return all(lot["status"] == "accepted" for lot in lines(run("lots", "list", project, "--as", "me", "--json")))

    walk.until(accepted)
    (lot,) = lines(run("lots", "wait", project, "--as", "me", "--json"))
    assert lot["plan"] in done(run("lots", "show", lot["lot_id"], "--as", "me"))
    key = done(run("keys", "--output", str(tmp_path / "keys.json"), "--as", "me")).split()[1]
    assert "10 rows in 1 files (0 were there)" in done(run("export", project, str(out), "--as", "me"))
    (export,) = map(str, out.glob("*.jsonl"))
    assert "VERIFIED" in done(run("verify", str(out / "certificate.json"), export, "--public-key", key))
    certificate, ledger = str(tmp_path / "lot.json"), str(tmp_path / "ledger.jsonl")
    done(run("certificate", "--lot", lot["lot_id"], "--output", certificate, "--ledger", ledger, "--as", "me"))
    assert "REPLAYED" in done(run("replay", certificate, ledger, "--keys", str(tmp_path / "keys.json")))
    _models(run, project, tmp_path)
    look = ("watch", project, "--once", "--as", "me")
    walk.until(lambda: as_json(run(*look, "--json"))["quality"]["annotations"] == sum(walk.LABELS.values()))
    assert "label error rate of what leaves" in done(run(*look))
    assert [line for line in lines(run("alerts", "--as", "me", "--json")) if line["project_id"] == project] == []
    time_told(run, project, tmp_path)
    (parts,) = lines(run("agreement", project, "--as", "me", "--json"))
    assert {part["by"] for part in parts["parts"]} >= {"class", "time", "kind"}
    assert '"ham"' in done(run("agreement", project, "--as", "me"))
    assert "they disagree on" in done(run("agreement", project, "--pair", "ann-1", "ann-2", "--as", "me"))
    page = tmp_path / "report.html"
    assert done(run("report", project, "--output", str(page), "--as", "me")) == f"written: {page}\n"
    assert f"{sum(walk.LABELS.values())}</dd>" in page.read_text().partition("<h2>Cost</h2>")[2]
    units = lines(run("units", "list", project, "--status", "adjudicated", "--as", "me", "--json"))
    assert [(unit["source_id"], unit["label"]) for unit in units] == [("m4", "ham")]
    assert "HOLDS" in done(run("lineage", units[0]["unit_id"], "--as", "me"))
    _what_is_left(run, project, tmp_path, key)


def _what_is_left(run: Run, project: str, folder: Path, key: str) -> None:
    """Export what an erasure left: it verifies by the list of what is missing, beside it, and not without."""
    assert "erased" in done(run("units", "erase", project, "m1", "--reason", "asked for", "--yes", "--as", "me"))
    out = folder / "left"
    walk.until(lambda: "9 rows in 1 files" in done(run("export", project, str(out), "--as", "me")))
    (export,) = map(str, out.glob("*.jsonl"))
    assert "withdrawals.json" in done(run("export", project, str(out), "--as", "me"))
    assert "VERIFIED" in done(run("verify", str(out / "certificate.json"), export, "--public-key", key))
    (out / "withdrawals.json").rename(folder / "named.json")
    alone = run("verify", str(out / "certificate.json"), export, "--public-key", key)
    assert (alone.exit_code, "NOT VERIFIED" in alone.stderr) == (1, True)
    named = ("--withdrawals", str(folder / "named.json"))
    assert "VERIFIED" in done(run("verify", str(out / "certificate.json"), export, "--public-key", key, *named))


def _models(run: Run, project: str, folder: Path) -> None:
    """Post what a model says, see its score, judge where it differs, and write what is to be labelled next."""
    wrong, path, pool, out = "m2", folder / "said.jsonl", folder / "pool.jsonl", folder / "batch.jsonl"
    outputs = [(f"m{number}", walk.label(walk.content(number)), 0.9) for number in range(walk.UNITS)]
    outputs = [(event, "spam" if event == wrong else label, sure) for event, label, sure in outputs]
    outputs += [(f"n{number}", "ham", 0.5 + number / 10) for number in range(4)]
    rows = [{"event_id": event, "label": label, "confidence": sure} for event, label, sure in outputs]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    named = ("--model", "small", "--model-version", "1")
    assert done(run("models", "post", project, str(path), *named, "--as", "me")) == "14 posted, 0 repeated, 0 refused\n"
    path.write_text(path.read_text() + json.dumps({"event_id": "n9", "label": "eggs"}) + "\n")
    again = run("models", "post", project, str(path), *named, "--as", "me")
    assert (again.exit_code, "14 repeated, 1 refused" in again.output) == (statuses.IN_PART, True), again.output
    (model,) = lines(run("models", "list", project, "--as", "me", "--json"))
    version = (project, model["model_id"])
    score = as_json(run("models", "score", *version, "--as", "me", "--json"))
    assert (score["scored"], score["accuracy"]["value"], score["not_scored"]["not_admitted"]) == (walk.UNITS, 0.9, 4)
    assert "accuracy 0.900 [" in done(run("models", "score", *version, "--as", "me"))
    (found,) = lines(run("models", "disagreements", *version, "--as", "me", "--json"))
    assert (found["event_id"], found["model_label"], found["accepted_label"]) == (wrong, "spam", "ham")
    # Whoever audited the unit has a part in it; who ruled another has none in this one.
    (work,) = lines(run("models", "review", *version, "--as", "judge", "--json"))
    assert (work["content"], {work["first"], work["second"]}) == (walk.content(2), {"ham", "spam"})
    side = "first" if work["first"] == "ham" else "second"
    judged = run("models", "judge", *version, work["unit_id"], side, "--reason", "nothing is for sale", "--as", "judge")
    assert done(judged) == "taken\n"
    assert as_json(run("models", "score", *version, "--as", "me", "--json"))["findings"]["model_error"] == 1
    walk.until(lambda: as_json(run("watch", project, "--once", "--as", "me", "--json"))["quality"]["lots"]["accepted"])
    unpriced = run("models", "cost", *version, "--as", "me")
    assert (unpriced.exit_code, "give --" in unpriced.output) == (statuses.USAGE, True), unpriced.output
    prices = ("--label", "1", "--ruling", "5", "--output", "0.01", "--error", "20")
    cost = as_json(run("models", "cost", *version, *prices, "--as", "me", "--json"))
    done_, (by_people, by_model) = cost["work"], cost["rows"]
    assert (done_["accepted"], done_["labels"], done_["rulings"]) == (walk.UNITS, sum(walk.LABELS.values()), 1)
    spent = done_["labels"] + 5 * (done_["rulings"] + done_["inspections"])
    assert by_people["made"] == pytest.approx(spent / walk.UNITS)
    assert (by_model["by"], by_model["whole"][0]) == ("small 1", pytest.approx(0.01 + 0.1 * 20))
    assert "an accepted label by" in done(run("models", "cost", *version, *prices, "--as", "me"))
    pool.write_text("".join(json.dumps({"id": f"n{number}", "content": f"new {number}"}) + "\n" for number in range(6)))
    more = ("--units", "2", "--random-share", "0", "--data", str(pool), "--output", str(out))
    assert "n0" in done(run("models", "next", *version, *more, "--as", "me"))
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == ["n0", "n1"]


def test_a_person_labels_one_unit_after_the_other_in_a_terminal(five: Served, run: Run, tmp_path: Path) -> None:
    client, person = five.token("client", "", "k1"), five.token("annotator", "ann-7")
    (tmp_path / "p.json").write_text(json.dumps(walk.DEFINITION))
    (tmp_path / "u.jsonl").write_text('{"id": "a", "content": "first"}\n{"id": "b", "content": "second"}\n')
    project = as_json(run("projects", "put", "terminal", str(tmp_path / "p.json"), "--json", **{TOKEN: client}))
    done(run("annotators", "put", "ann-7", **{TOKEN: five.token("operator")}))
    done(run("import", project["project_id"], str(tmp_path / "u.jsonl"), **{TOKEN: client}))
    argv = ("annotate", "all", project["project_id"], "--wait", "20")
    first = run(*argv, stdin="ham\n\n", **{TOKEN: person})
    assert ("1 labels accepted" in done(first), "label (ham, spam)" in first.output) == (True, True)
    assert {"first", "second"} <= set(first.output.splitlines())
    odd = run("annotate", "all", project["project_id"], "--by", "echo no >&2; exit 3", **{TOKEN: person})
    assert (odd.exit_code, "ended with 3: no" in odd.stderr) == (statuses.USAGE, True), odd.output
    by = ("--by", "grep -q nothing && echo spam || echo ham", "--labels", "1")
    assert "1 labels accepted" in done(run("annotate", "all", project["project_id"], *by, **{TOKEN: person}))


def test_refused_lines_are_listed_with_their_cures_and_the_rest_is_in(five: Served, run: Run, tmp_path: Path) -> None:
    client = {TOKEN: five.token("client", "", "k1")}
    (tmp_path / "p.json").write_text(json.dumps(walk.DEFINITION))
    (tmp_path / "u.jsonl").write_text('{"id": "a", "content": "first"}\n{"id": "b", "contend": "second"}\nno json\n')
    project = as_json(run("projects", "put", "odd-lines", str(tmp_path / "p.json"), "--json", **client))["project_id"]
    result = run("import", project, str(tmp_path / "u.jsonl"), **client)
    assert result.exit_code == statuses.IN_PART
    assert ("1 admitted" in result.output, "refused, 2 of 2" in result.output) == (True, True), result.output


def test_a_project_is_paused_resumed_and_closed_and_tells_who_did_it(five: Served, run: Run, tmp_path: Path) -> None:
    client = {TOKEN: five.token("client", "boss-of-it", "k1")}
    (tmp_path / "p.json").write_text(json.dumps(walk.DEFINITION))
    (tmp_path / "u.jsonl").write_text('{"id": "a", "content": "first"}\n')
    project = as_json(run("projects", "put", "life", str(tmp_path / "p.json"), "--json", **client))["project_id"]
    paused = run("projects", "pause", project, "--reason", "the guideline is wrong", **client)
    assert done(paused) == f"{project} is paused: the guideline is wrong\n"
    assert run("import", project, str(tmp_path / "u.jsonl"), **client).exit_code == statuses.REFUSED
    assert done(run("projects", "resume", project, **client)) == f"{project} is open\n"
    assert run("projects", "close", project, stdin="n\n", **client).exit_code != statuses.OK
    assert as_json(run("projects", "close", project, "--yes", "--json", **client))["life"] == "closed"
    lives = [line for line in lines(run("projects", "changes", project, "--json", **client)) if line["field"] == "life"]
    assert [(life["before"], life["after"]) for life in lives] == [
        ("open", "paused"), ("paused", "open"), ("open", "closed"),
    ]  # fmt: skip
    assert {life["by"] for life in lives} == {"boss-of-it"}
    assert "the guideline is wrong" in done(run("projects", "changes", project, **client))


def test_a_project_that_is_there_is_changed_by_who_saw_what_would_change(
    five: Served, run: Run, tmp_path: Path
) -> None:
    client = {TOKEN: five.token("client", "", "k1")}
    file = tmp_path / "p.json"
    file.write_text(json.dumps(walk.DEFINITION))
    put = ("projects", "put", "asked", str(file))
    project = as_json(run(*put, "--json", **client))["project_id"]
    assert "?" not in run(*put, **client).output, "nothing changes, nobody is asked"

    def revision() -> int:
        return int(as_json(run("projects", "show", project, "--json", **client))["revision"])

    file.write_text(json.dumps({**walk.DEFINITION, "name": "Another", "guideline": "Look twice."}))
    first = revision()
    no = run(*put, stdin="n\n", **client)
    assert (no.exit_code, revision()) == (statuses.STOPPED, first)
    assert "name: Spam or not -> Another" in no.stderr
    nobody = run(*put, stdin="", **client)
    assert (nobody.exit_code, revision()) == (statuses.STOPPED, first)
    yes = run(*put, "--json", stdin="y\n", **client)
    # The runner shows what was typed, as a terminal does.
    assert set(json.loads(done(yes).splitlines()[-1])["changed"]) == {"name", "guideline", "guideline_version"}
    file.write_text(json.dumps({**walk.DEFINITION, "name": "A third"}))
    assert "guideline" in as_json(run(*put, "--yes", "--json", **client))["changed"]
    assert revision() == first + 2


ROSTER = """annotator_id,skills,credentials,vendor,languages,state
Zoë K.,medicine|law,law=2999-01-31T00:00:00Z,Words,en|de,
no end,law,law=tomorrow,Words,en,
old hand,,,Others,en,retired
"""


def test_a_roster_is_taken_from_a_file_looked_through_and_its_people_paused(
    five: Served, run: Run, tmp_path: Path
) -> None:
    operator = {TOKEN: five.token("operator")}
    (tmp_path / "people.csv").write_text(ROSTER)
    result = run("annotators", "import", str(tmp_path / "people.csv"), **operator)
    assert (result.exit_code, "2 new or changed, 0 as they were, 1 refused" in result.stdout) == (
        statuses.IN_PART,
        True,
    )
    assert "law=2027-01-31T00:00:00Z" in result.stdout, "the cure of the line that was refused"
    report = json.loads(run("annotators", "import", str(tmp_path / "people.csv"), "--json", **operator).stdout)
    assert (report["unchanged"], report["refusals"][0]["line"]) == (2, 3)
    found = walk.until(lambda: lines(run("annotators", "list", "--vendor", "Words", "--json", **operator)))
    assert [(annotator["annotator_id"], annotator["credentials"][0]["domain"]) for annotator in found] == [
        ("Zoë K.", "law")
    ]
    assert lines(run("annotators", "list", "--skill", "law", "--state", "retired", "--json", **operator)) == []
    until = "2999-01-01T00:00:00Z"
    paused = run("annotators", "pause", "Zoë K.", "--reason", "on leave", "--until", until, **operator)
    assert done(paused) == "Zoë K. is paused until 2999-01-01T00:00:00.000Z\n"
    person = {TOKEN: five.token("annotator", "Zoë K.")}
    assert "Zoë K.: paused until 2999-01-01T00:00:00.000Z: on leave" in done(run("annotate", "standing", **person))
    assert "on leave" in done(run("annotators", "show", "Zoë K.", **operator))
    assert done(run("annotators", "activate", "Zoë K.", **operator)) == "Zoë K. is active\n"
    assert done(run("annotators", "retire", "Zoë K.", "--reason", "left us", **operator)) == "Zoë K. is retired\n"
    both = run("annotators", "list", "local-p", "--vendor", "Words", **operator)
    assert both.exit_code == statuses.USAGE
    assert run("annotators", "list", **{TOKEN: five.token("client", "", "k1")}).exit_code == statuses.NOT_SIGNED_IN


def test_units_are_claimed_of_whichever_project_has_some_and_a_cap_says_so(
    five: Served, run: Run, tmp_path: Path
) -> None:
    client, person = {TOKEN: five.token("client", "", "k1")}, {TOKEN: five.token("annotator", "ann-any")}
    schema, policy = {"kind": "choice", "classes": ["ham", "spam"]}, {"caps": {"units": 1}, "priority": 9}
    (tmp_path / "p.json").write_text(json.dumps({"label_schema": schema, "policy": policy}))
    wanted = [{"id": name, "content": name, "skills": ["rare"]} for name in ("b", "c")]
    (tmp_path / "u.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in wanted))
    project = as_json(run("projects", "put", "capped", str(tmp_path / "p.json"), "--json", **client))["project_id"]
    done(run("annotators", "put", "ann-any", "--skill", "rare", **{TOKEN: five.token("operator")}))
    done(run("import", project, str(tmp_path / "u.jsonl"), **client))

    def claimed() -> Any:
        return as_json(run("annotate", "claim", "--json", **person))["assignments"]

    (assignment,) = walk.until(claimed)
    assert assignment["content"] in ("b", "c")
    done(run("annotate", "submit", assignment["assignment_id"], "ham", **person))
    _revised(run, project, assignment["assignment_id"], person)
    body = as_json(run("annotate", "claim", project, "--json", **person))
    assert (body["assignments"], body["why"]["code"]) == ([], "cap_reached")
    assert body["reason"] in done(run("annotate", "claim", project, **person))
    (here,) = [each for each in as_json(run("annotate", "standing", "--json", **person))["projects"]
               if each["project_id"] == project]  # fmt: skip
    assert here["why"]["code"] == "cap_reached"
    assert run("annotate", "claim", "--wait", "3", **person).exit_code == statuses.USAGE


def _revised(run: Run, project: str, annotation_id: str, person: dict[str, str]) -> None:
    """Change one's mind about a label, say the same again, and change it again: what was odd stays odd until unsaid."""

    def given() -> tuple[Any, ...]:
        (shown,) = lines(run("annotate", "given", project, "--json", **person))
        return tuple(shown.get(name) for name in ("annotation_id", "revision", "label", "flag"))

    assert given() == (annotation_id, 0, "ham", None)
    for label, more, told, after in (
        ("spam", (), "accepted: revision 1", "spam"),
        ("spam", (), "repeated: revision 1", "spam"),
        ("spam", ("--flag", "odd"), "accepted: revision 2", "spam"),
        ("ham", (), "accepted: revision 3", "ham"),
    ):
        assert done(run("annotate", "revise", annotation_id, label, *more, **person)) == f"{told}\n"
        assert given()[2] == after
    assert given() == (annotation_id, 3, "ham", "odd")
    assert "│ ham " in done(run("annotate", "given", project, **person))
    assert done(run("annotate", "revise", annotation_id, "ham", "--flag", "", **person)) == "accepted: revision 4\n"
    assert given() == (annotation_id, 4, "ham", None)
    refused = run("annotate", "revise", annotation_id, "eggs", **person)
    assert (refused.exit_code, "eggs" in refused.stderr) == (statuses.REFUSED, True), refused.output


def test_a_webhook_is_added_tried_changed_and_removed(five: Served, run: Run, tmp_path: Path) -> None:
    client = {TOKEN: five.token("client", "", "k1")}
    (tmp_path / "p.json").write_text(json.dumps(walk.DEFINITION))
    project = as_json(run("projects", "put", "hooked", str(tmp_path / "p.json"), "--json", **client))["project_id"]
    url, add = "https://hooks.example.org/concord", ("webhooks", "add", project)
    added = walk.until(lambda: _added(run(*add, url, "--event", "lot.accepted", "--json", **client)))
    assert added["secret"].startswith("whsec_")
    webhook = added["webhook_id"]
    again = run(*add, url, **client)
    assert again.exit_code == statuses.REFUSED
    assert "secret" not in as_json(run("webhooks", "list", project, "--json", **client))
    rotated = done(run("webhooks", "rotate", project, webhook, **client))
    assert ("whsec_" in rotated, added["secret"] in rotated) == (True, False)
    changed = as_json(run("webhooks", "change", project, webhook, "--event", "lot.rejected", "--json", **client))
    assert changed["events"] == ["lot.rejected"]
    assert run("webhooks", "change", project, webhook, **client).exit_code == statuses.USAGE
    tried = as_json(run("webhooks", "test", project, webhook, "--json", **client))
    (waiting,) = walk.until(lambda: lines(run("webhooks", "deliveries", project, webhook, "--json", **client)))
    assert (waiting["delivery_id"], waiting["status"]) == (tried["delivery_id"], "waiting")
    shown = done(run("webhooks", "deliveries", project, webhook, "--id", tried["delivery_id"], **client))
    assert "webhook.test" in shown
    alive = run("webhooks", "resend", project, webhook, tried["delivery_id"], **client)
    assert (alive.exit_code, "REFUSED" in alive.stderr) == (statuses.REFUSED, True), "it is not dead"
    assert done(run("webhooks", "resend", project, webhook, "--all", **client)) == "none\n"
    assert run("webhooks", "resend", project, webhook, **client).exit_code == statuses.USAGE
    assert run("webhooks", "remove", project, webhook, stdin="n\n", **client).exit_code != statuses.OK
    assert done(run("webhooks", "remove", project, webhook, "--yes", **client)) == f"{webhook} is removed\n"
    assert done(run("webhooks", "list", project, **client)) == "none\n"


def _added(result: Result) -> Any:
    """Return a webhook, once audit has heard of its project."""
    return as_json(result) if result.exit_code == statuses.OK else None


def test_operators_look_through_dead_letters_and_others_do_not(five: Served, run: Run) -> None:
    operator = {TOKEN: five.token("operator")}
    assert lines(run("dead-letters", "list", "--json", **operator)) == []
    assert done(run("dead-letters", "list", "--service", "ingest", **operator)) == "none\n"
    unknown = run("dead-letters", "replay", "ingest", "no-such-letter", **operator)
    assert (unknown.exit_code, "REFUSED" in unknown.stderr) == (statuses.REFUSED, True), unknown.output
    client = {TOKEN: five.token("client", "", "k1")}
    assert run("dead-letters", "list", **client).exit_code == statuses.NOT_SIGNED_IN


def test_every_refusal_ends_with_its_sentence_and_its_named_status(five: Served, run: Run, tmp_path: Path) -> None:
    client = {TOKEN: five.token("client", "", "k1")}
    odd = tmp_path / "odd.json"
    odd.write_text(json.dumps({**walk.DEFINITION, "policy": {"overlap": {"initial": 0}}}))
    refused = run("projects", "put", "odd", str(odd), **client)
    assert (refused.exit_code, "policy.overlap.initial: send" in refused.stderr) == (statuses.REFUSED, True)
    body = json.loads(run("projects", "put", "odd", str(odd), "--json", **client).stderr)
    assert (body["status"], body["errors"][0]["field"]) == (422, "policy.overlap.initial")
    assert run("projects", "list", **{TOKEN: "invented"}).exit_code == statuses.NOT_SIGNED_IN
    assert run("annotators", "show", "ann-1", **client).exit_code == statuses.NOT_SIGNED_IN
    nobody = run("projects", "list")
    assert (nobody.exit_code, "concord sign-in" in nobody.stderr) == (statuses.NOT_SIGNED_IN, True)
    away = run("projects", "list", **client, CONCORD_INGEST_URL="http://127.0.0.1:9", **{PATIENCE: "0"})
    assert (away.exit_code, "AWAY: ingest" in away.stderr) == (statuses.AWAY, True)
    nowhere = run("projects", "list", **client, CONCORD_INGEST_URL="")
    assert (nowhere.exit_code, "CONCORD_INGEST_URL" in nowhere.stderr) == (statuses.USAGE, True), nowhere.output
    odd.write_text("{")
    assert run("projects", "put", "odd", str(odd), **client).exit_code == statuses.USAGE


OF_A_PROJECT = (
    ("projects", "show"), ("projects", "changes"), ("units", "stranded"), ("lots", "list"), ("questions", "list"),
    ("spending",), ("agreement",), ("report",), ("watch", "--once"), ("annotators", "list"), ("webhooks", "list"),
    ("models", "list"), ("export",), ("certificate", "--output", "certificate.json"),
)  # fmt: skip
"""Verbs of clients that name a project last, of every service."""


def test_an_expired_token_and_another_clients_project_say_what_they_are_and_what_to_do(
    five: Served, run: Run, tmp_path: Path
) -> None:
    client, stranger = {TOKEN: five.token("client", "", "k1")}, {TOKEN: five.token("client", "", "k2")}
    expired = {TOKEN: five.house.token("client-1", Role.CLIENT, client_id="k1", issued_seconds_ago=2 * TOKEN_SECONDS)}
    (tmp_path / "p.json").write_text(json.dumps(walk.DEFINITION))
    project = as_json(run("projects", "put", "kept", str(tmp_path / "p.json"), "--json", **client))["project_id"]
    for verb in OF_A_PROJECT:
        more = (str(tmp_path / "out"),) if verb == ("export",) else ()
        late = run(*verb, project, *more, **expired)
        assert (late.exit_code, "expired" in late.stderr) == (statuses.NOT_SIGNED_IN, True), (verb, late.output)
        assert "sign-in" in late.stderr, (verb, late.output)
        # Another's project is told as one that is not there: who asks learns nothing of it.
        hidden, none = (run(*verb, entry, *more, **stranger) for entry in (project, "k2-nothing"))
        assert (hidden.exit_code, none.exit_code) == (statuses.REFUSED, statuses.REFUSED), (verb, hidden.output)
        assert hidden.stderr.replace(project, "k2-nothing") == none.stderr, verb
        body = json.loads(run(*verb, project, *more, "--json", **expired).stderr)
        assert body["status"] == 401, verb


def test_who_is_signed_in_is_told_without_a_secret_and_forgotten_on_demand(five: Served, run: Run) -> None:
    token = five.token("client", "key", "k1")
    assert run("sign-in", "--as", "me", stdin="invented\n").exit_code == statuses.NOT_SIGNED_IN
    done(run("sign-in", "--as", "me", "--ingest", "http://ingest.example", "--unchecked", stdin=token))
    text = done(run("tokens", "--json"))
    (person,) = json.loads(text)["people"]
    assert (person["name"], person["roles"], person["client_id"]) == ("me", "client", "k1")
    assert token not in text
    where = as_json(run("tokens", "--json", CONCORD_INGEST_URL=""))["addresses"]
    assert where["ingest"] == "http://ingest.example"
    assert done(run("sign-out")) == "me is signed out\n"
    assert run("sign-out").exit_code == statuses.NOT_SIGNED_IN


def test_in_a_checkout_the_local_stacks_addresses_and_credentials_are_found(
    five: Served, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = tmp_path / "checkout/.local/stack"
    (stack / "data/identity").mkdir(parents=True)
    (stack / "addresses.json").write_text(json.dumps({name: five.addresses.of(name) for name in SERVICES} | {"x": 1}))
    (stack / "data/identity/tokens.json").write_text(json.dumps({"client": five.token("client", "", "k1")}))
    (tmp_path / "checkout/below").mkdir()
    monkeypatch.chdir(tmp_path / "checkout/below")
    unset = {variable(name): "" for name in SERVICES}
    done(run("projects", "list", "--as", "client", **unset))
    done(run("sign-in", "--as", "me", "--local", "client", **unset))
    done(run("projects", "list", **unset))
    assert run("sign-in", "--as", "me", "--local", "baker", **unset).exit_code == statuses.USAGE
    monkeypatch.chdir(os.sep)
    assert run("projects", "list", **unset).exit_code == statuses.USAGE


def test_an_officer_asks_who_is_behind_a_unit_and_its_lineage_says_so(five: Served, run: Run, tmp_path: Path) -> None:
    def as_role(role: str, client: str = "") -> dict[str, str]:
        return {TOKEN: five.token(role, role, client)}

    privacy = {"treatments": {"email": "pseudonym"}, "reidentification": "sealed"}
    definition = {"label_schema": {"kind": "choice", "classes": ["a", "b"]}, "policy": {"privacy": privacy}}
    (tmp_path / "project.json").write_text(json.dumps(definition))
    (tmp_path / "units.jsonl").write_text(json.dumps({"id": "u", "content": "from ada@example.org"}))
    client = as_role("client", "k1")
    project = as_json(run("projects", "put", "private", str(tmp_path / "project.json"), "--json", **client))
    done(run("import", project["project_id"], str(tmp_path / "units.jsonl"), **client))
    (unit,) = lines(run("units", "find", project["project_id"], "u", "--json", **client))
    officer, ask = as_role("privacy", "k1"), ("reidentify", "compare", unit["unit_id"], "--kind", "email")
    values = "Ada@Example.org\nbob@example.org\n"
    found = as_json(run(*ask, "--reason", "case 7", "--json", stdin=values, **officer))
    assert [entry["matches"] for entry in found["compared"]] == [True, False]
    assert "yes" in done(run(*ask, "--reason", "case 7", stdin=values, **officer))
    shown = run("reidentify", "originals", unit["unit_id"], "--reason", "case 8", **officer)
    assert "ada@example.org" in done(shown)
    refused = run("reidentify", "originals", unit["unit_id"], "--reason", "case 8", **client)
    assert refused.exit_code == statuses.NOT_SIGNED_IN
    assert run(*ask, "--reason", "case 7", stdin="\n", **officer).exit_code == statuses.USAGE

    def told() -> list[Any]:
        entries = lines(run("lineage", unit["unit_id"], "--json", **client))
        return [(entry["by"], entry["reason"], entry["how"]) for entry in entries if entry["what"] == "reidentified"]

    until = [("privacy", "case 7", "compared")] * 2 + [("privacy", "case 8", "opened")]
    for _ in range(200):
        if told() == until:
            break
        time.sleep(0.1)
    assert told() == until
