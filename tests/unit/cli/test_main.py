"""The command as a whole: every verb helps, completes, and says what its statuses mean."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from cli import export, statuses
from cli.kept import FOLDER, Kept
from cli.main import VERBS, main
from cli.session import PATIENCE, TOKEN
from concord.client import Addresses, Concord, NotAllowed
from concord.exports import FORMATS


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, by its whole name."""
    context = click.Context(main)
    for name in VERBS:
        verb = main.get_command(context, name)
        assert verb is not None
        if isinstance(verb, click.Group):
            yield from ((f"{name} {inner}", command) for inner, command in verb.commands.items())
        else:
            yield name, verb


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_does_and_what_each_option_is_and_answers_in_json(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.opts for option in options if not option.help] == []
    assert "--json" in [spelt for option in options for spelt in option.opts]


def test_the_list_of_verbs_names_modules_whose_verb_has_this_name() -> None:
    context = click.Context(main)
    names = {name: getattr(main.get_command(context, name), "name", None) for name in VERBS}
    assert names == {verb: verb for verb in VERBS}
    folder = Path(export.__file__).parent
    loaded = {module.removeprefix("cli.") for module, _ in VERBS.values()}
    rooms = {"__init__", "main", "answering", "kept", "recounting", "session", "statuses"}
    rooms |= {"model_beside", "model_cost", "own_conduct", "own_quality", "time_worked"}  # of verbs that have several
    assert loaded == {path.stem for path in folder.glob("*.py")} - rooms


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_what_each_option_means(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert command.help.split("\n")[0].endswith((".", ":"))
    options = [param for param in command.params if isinstance(param, click.Option)]
    unsaid = [option.name for option in options if not option.help and not isinstance(option.type, click.Choice)]
    assert [key for key in unsaid if key != "limit"] == []
    result = CliRunner().invoke(main, [*name.split(), "--help"])
    assert (result.exit_code, f"Usage: main {name}" in result.output) == (0, True)


def test_every_verb_that_asks_a_service_takes_as_and_json() -> None:
    offline = {"verify", "pack", "replay", "capacity", "republish", "sign-in", "sign-out"}
    for name, command in COMMANDS.items():
        options = {param.name for param in command.params}
        assert name in offline or {"name", "as_json"} <= options, name


def test_help_lists_every_verb_and_every_status() -> None:
    text = CliRunner().invoke(main, ["--help"]).output
    assert [name for name in VERBS if f"  {name} " not in text] == []
    named = {getattr(statuses, name) for name in vars(statuses) if name.isupper() and name != "MEANINGS"}
    assert named == set(statuses.MEANINGS) == {*range(len(named) - 1), statuses.STOPPED}
    assert [
        meaning for meaning in statuses.MEANINGS.values() if meaning.split(";")[0] not in text.replace("\n", " ")
    ] == []


@pytest.mark.parametrize(
    ("arguments", "token", "whose"),
    [
        ([], "", "that of 'aud-2', who signed in last"),
        ([], "t", "the one in CONCORD_TOKEN"),
        (["--as", "aud-2"], "", "that of 'aud-2'"),
    ],
)
def test_a_credential_of_another_role_is_said_to_be_whose_it_was(
    arguments: list[str], token: str, whose: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {FOLDER: str(tmp_path / "kept"), TOKEN: token or None}
    Kept({FOLDER: str(tmp_path / "kept")}).put("aud-2", "kept", Addresses())

    def forbidden(*_: object, **__: object) -> None:
        raise NotAllowed("This needs the role client; the credential sent has none of them.", status=403)

    monkeypatch.setattr(Concord, "lots", forbidden)
    result = CliRunner().invoke(main, ["lots", "list", "k1-p", *arguments], env=environment)
    assert result.exit_code == statuses.NOT_SIGNED_IN, result.output
    assert result.stderr.endswith(f"has none of them. It was {whose}; name another with --as.\n")
    entry = CliRunner().invoke(main, ["lots", "list", "k1-p", "--json", *arguments], env=environment)
    assert json.loads(entry.stderr)["credential"] == whose


def test_completion_offers_verbs_and_options() -> None:
    def offered(words: list[str], begun: str) -> set[str]:
        completion = ShellComplete(main, {}, "concord", "_CONCORD_COMPLETE")
        return {get_completion.value for get_completion in completion.get_completions(words, begun)}

    assert offered([], "an") == {"annotators", "annotate"}
    assert offered(["lots"], "") == {"corrections", "list", "recheck", "rechecks", "show", "wait"}
    assert "--json" in offered(["lots", "list"], "--")
    assert offered(["export", "p", "f", "--format"], "data") == {"datasets"}


def test_completing_loads_no_verb() -> None:
    program = "import sys, cli.main; print(sorted(one for one in sys.modules if one.split('.')[0] == 'cli'))"
    text = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert text.strip() == "['cli', 'cli.kept', 'cli.main', 'cli.session', 'cli.statuses']"


def test_the_formats_of_exports_are_those_that_there_are() -> None:
    assert set(export.FORMATS) == set(FORMATS)


def test_the_guide_lists_every_verb_and_says_of_every_status_what_the_command_says() -> None:
    guide = (Path(export.__file__).parents[1] / "docs/guide/command.md").read_text()
    assert [name for name in VERBS if f"`{name}`" not in guide] == []
    assert [command for command in COMMANDS if " " in command and f"`{command.split()[1]}" not in guide] == []
    assert [status for status, text in statuses.MEANINGS.items() if f"| {status} | {text} |" not in guide] == []


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["lots", "list", "p"], {TOKEN: "schlüssel"}, "(the one in CONCORD_TOKEN) is no API key and no token"),
        (["lots", "list", "p"], {PATIENCE: "nan"}, "is 'nan'; set it to seconds, 0 to 86400"),
        (["lots", "list", "p"], {PATIENCE: "-1"}, "set it to seconds"),
        (
            ["lots", "list", "p"],
            {"CONCORD_AUDIT_URL": "audit:8080"},
            "'audit:8080' is no address of audit; send",
        ),
        (["lots", "list", ""], {}, "it is empty; name one"),
        (["projects", "put", "p", "nofile.json"], {}, "'nofile.json' does not exist"),
        (["projects", "put", "p", "broken.json"], {}, "broken.json is no JSON: Expecting value: line 2 column 7"),
        (["projects", "put", "p", "latin.json"], {}, "latin.json is no UTF-8; save it as UTF-8"),
        (["models", "beside"], {}, "Missing argument 'PROJECT_ID'"),
    ],
)
def test_wrong_input_ends_at_once_as_wrong_arguments_in_words_and_in_json(
    arguments: list[str], environment: dict[str, str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.json").write_text('{"a": 1,\n "b": }')
    Path("latin.json").write_bytes(b'{"name": "\xe9"}')
    environment = {FOLDER: str(tmp_path), TOKEN: "t", "CONCORD_AUDIT_URL": "http://127.0.0.1:1"} | environment
    result = CliRunner().invoke(main, arguments, env=environment)
    assert (result.exit_code, told in " ".join(result.stderr.split())) == (statuses.USAGE, True), result.output
    result = CliRunner().invoke(main, [*arguments, "--json"], env=environment)
    assert (result.exit_code, result.stdout) == (statuses.USAGE, "")
    assert told in json.loads(result.stderr)["detail"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, click.Abort])
def test_who_stops_it_gets_a_status_that_says_nothing_of_certificates(
    fault: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(Concord, "lots", stopped)
    environment = {FOLDER: str(tmp_path), TOKEN: "t"}
    assert CliRunner().invoke(main, ["lots", "list", "p"], env=environment).exit_code == statuses.STOPPED


def test_whoever_stops_reading_stops_it_in_silence() -> None:
    program = [sys.executable, "-c", "from cli.main import main; main()", "capacity", "1000", "--json"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", statuses.STOPPED)
