"""A program that labels in place of a person reads what a unit says as a program can."""

import click
import pytest

from cli.answering import answer_of
from concord.client.models import Json


@pytest.mark.parametrize("content", [{"text": "größer", "times": 2}, ["a", None, True], {"uri": "https://a.example/1"}])
def test_what_is_no_text_is_read_as_json(content: Json) -> None:
    assert answer_of("cat", content) == content


def test_a_text_is_read_as_it_stands() -> None:
    assert answer_of("cat", "größer, und\n mehr") == "größer, und\n mehr"


def test_what_writes_nothing_gives_no_label_and_what_fails_ends_it() -> None:
    assert answer_of("cat >/dev/null", "a text") is None
    with pytest.raises(click.UsageError, match="ended with 3: no"):
        answer_of("echo no >&2; exit 3", "a text")
