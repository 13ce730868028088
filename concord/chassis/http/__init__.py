"""The HTTP door: an application factory, bodies, pages, and refusals that name the field and the cure."""

from concord.chassis.http.application import application, unguarded_routes
from concord.chassis.http.bodies import (
    BYTE_ORDER_MARK,
    Overlong,
    allow_body,
    decode,
    decode_each,
    decode_line,
    json_answer,
    media_type,
    read_json,
    read_lines,
    read_split,
    read_wish,
    split,
)
from concord.chassis.http.documented import AnyId, documented
from concord.chassis.http.leaving import left
from concord.chassis.http.limits import BODY_BYTES_MAX, JSON_DEPTH_MAX, Limits
from concord.chassis.http.pages import (
    PAGE_DEFAULT,
    PAGE_MAX,
    Limit,
    Page,
    Whole,
    cursor_of,
    name_in,
    not_ours,
    page_size,
    position_of,
)
from concord.chassis.http.problems import DomainStatuses, problem, refusal

__all__ = [
    "BODY_BYTES_MAX",
    "BYTE_ORDER_MARK",
    "JSON_DEPTH_MAX",
    "PAGE_DEFAULT",
    "PAGE_MAX",
    "AnyId",
    "DomainStatuses",
    "Limit",
    "Limits",
    "Overlong",
    "Page",
    "Whole",
    "allow_body",
    "application",
    "cursor_of",
    "decode",
    "decode_each",
    "decode_line",
    "documented",
    "json_answer",
    "left",
    "media_type",
    "name_in",
    "not_ours",
    "page_size",
    "position_of",
    "problem",
    "read_json",
    "read_lines",
    "read_split",
    "read_wish",
    "refusal",
    "split",
    "unguarded_routes",
]
