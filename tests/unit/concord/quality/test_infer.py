import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from concord.quality.infer import infer_command, show
from concord.quality.inference_report import Section

DATA = Path(__file__).parents[3] / "data"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(infer_command, [str(argument) for argument in arguments])


def line(output: str, opening: str) -> list[str]:
    return next(text for text in output.splitlines() if text.startswith(opening)).removeprefix(opening).split()


def test_published_figures_of_rte_are_printed() -> None:
    result = run(DATA / "rte" / "labels.csv", "--gold", DATA / "rte" / "gold.csv")
    assert result.exit_code == 0
    assert line(result.output, "8000") == ["800", "164", "2", "800"]
    assert line(result.output, "Krippendorff's alpha, nominal distance, jackknife interval over units")[0] == "0.2415"
    vote = line(result.output, "majority vote")
    assert (vote[0], vote[3], vote[5]) == ("0.8969", "65", "-")
    model = line(result.output, "Dawid-Skene ")
    assert (model[0], model[5]) == ("0.9275", "-3679.63")


def test_many_numbers_that_are_read_as_classes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    for labels, is_told in ((range(11), True), (range(10), False), (["a", *range(10)], False)):
        path.write_text(
            "annotator,item,label\n" + "".join(f"ann,u{place},{label}\n" for place, label in enumerate(labels))
        )
        assert ("say --scale interval" in run(path).output) == is_told, labels


def test_annotators_stand_from_worst_to_best() -> None:
    result = run(DATA / "rte" / "labels.csv", "--gold", DATA / "rte" / "gold.csv")
    table = result.output.split("Annotators, worst first\n")[1].splitlines()[1:165]
    accuracies = [float(row.split()[3]) for row in table]
    assert len(table) == 164
    assert accuracies == sorted(accuracies)
    assert accuracies[0] < 0.5
    assert accuracies[-1] > 0.9


def test_without_gold_annotators_are_ordered_by_inference() -> None:
    result = run(DATA / "person_video" / "labels.csv")
    assert result.exit_code == 0
    assert "Accuracy: no labelled unit has gold." in result.output
    assert "0.7977" in line(result.output, "Krippendorff's alpha, nominal distance, jackknife interval over units")
    rows = result.output.split("Annotators, worst first\n")[1].split("\n\n")[0].splitlines()[1:]
    inferred = [float(row.split()[-1]) for row in rows]
    assert inferred == sorted(inferred)


def test_repeated_labels_are_told() -> None:
    folder = DATA / "weather_sentiment"
    assert "5 labels are repetitions" in run(folder / "labels.csv", "--gold", folder / "gold.csv").output


def test_numbers_are_correlated_with_gold() -> None:
    result = run(DATA / "wordsim" / "labels.csv", "--gold", DATA / "wordsim" / "gold.csv", "--scale", "interval")
    assert result.exit_code == 0
    assert line(result.output, "mean of all annotators") == ["0.9519", "30"]
    assert line(result.output, "Krippendorff's alpha, interval distance, jackknife interval over units")[0] == "0.6701"


def test_bad_file_is_refused_with_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("annotator,item,label\nann,u1,yes\nbob,u1\n")
    result = run(path)
    assert result.exit_code == 1
    assert "line 3: 2 fields where the header has 3" in result.output


def test_classes_are_not_taken_for_numbers(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("annotator,item,label\nann,u1,yes\n")
    assert "line 2: label 'yes' is not a number" in run(path, "--scale", "interval").output


def test_one_label_is_a_report_that_says_what_it_cannot(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("annotator,item,label\nann,u1,yes\n")
    for scale in ("nominal", "interval"):
        path.write_text("annotator,item,label\nann,u1,1\n")
        result = run(path, "--scale", scale)
        assert result.exit_code == 0
        assert "Krippendorff's alpha" in result.output


def test_on_a_terminal_tables_are_drawn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    section = Section("Agreement", ("coefficient", "value"), (("[b]alpha", "0.8"),), ("Beware [of this].",))
    show([section])
    plain = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    show([section])
    drawn = capsys.readouterr().out
    assert plain == "Agreement\ncoefficient  value\n[b]alpha       0.8\nBeware [of this].\n\n"
    assert "┃" in drawn
    assert "[b]alpha" in drawn
    assert "Beware [of this]." in drawn
