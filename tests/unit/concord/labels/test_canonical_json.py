import pytest

from concord.labels import LabelFault, decoded, encoded
from concord.labels.schema import DEPTH_MAX, LABEL_BYTES_MAX


def _nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_an_encoded_label_is_the_same_whatever_the_order_of_its_keys() -> None:
    assert encoded({"b": 1, "a": "é"}) == encoded({"a": "é", "b": 1}) == '{"a":"é","b":1}'.encode()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), "\ud800", 10**5_000, {"a": {1, 2}}], ids=type)
def test_what_is_not_json_is_not_encoded(wrong: object) -> None:
    with pytest.raises(LabelFault):
        encoded(wrong)  # type: ignore[arg-type]  # the wrong type is the point


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"NaN",
        b"-Infinity",
        b"\xff",
        b'{"a":1,"a":2}',
        b"[1,]",
        b"1 2",
        b"\xef\xbb\xbf1",
        b"9" * 5_000,
        b"[" * 90_000,
    ],
)
def test_bytes_that_hold_no_label_are_not_decoded(wrong: bytes) -> None:
    with pytest.raises(LabelFault):
        decoded(wrong)


def test_labels_are_bounded_in_depth_both_ways() -> None:
    assert encoded(decoded(_nested(DEPTH_MAX))) == _nested(DEPTH_MAX)
    with pytest.raises(LabelFault, match="deeper"):
        decoded(_nested(DEPTH_MAX + 1))
    with pytest.raises(LabelFault, match="deeper"):
        encoded([decoded(_nested(DEPTH_MAX))])


def test_labels_are_bounded_in_bytes_both_ways() -> None:
    longest = "x" * (LABEL_BYTES_MAX - 2)
    assert decoded(encoded(longest)) == longest
    with pytest.raises(LabelFault, match="too many"):
        encoded(longest + "x")
    with pytest.raises(LabelFault, match="too many"):
        decoded(b'"' + b"x" * LABEL_BYTES_MAX + b'"')


def test_a_label_that_holds_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(LabelFault):
        encoded(loop)  # type: ignore[arg-type]  # no JSON is so
