"""The HTTP door: an application factory, bodies, pages, and refusals that name the field and the cure."""

from concord.chassis.http.application import application, unguarded_routes
from concord.chassis.http.bodies import (
    BYTE_ORDER_MARK,
    Overlong,
    allow_body,
    check_depth,
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
    whole_body,
)
from concord.chassis.http.documented import NO_HEAD, AnyId, documented
from concord.chassis.http.hot_route import HotRoute
from concord.chassis.http.leaving import left
from concord.chassis.http.limits import BODY_BYTES_MAX, JSON_DEPTH_MAX, Limits
from concord.chassis.http.pages import (
    PAGE_BYTES_MAX,
    PAGE_DEFAULT,
    PAGE_MAX,
    Limit,
    Page,
    Whole,
    cursor_of,
    fitting,
    name_in,
    not_ours,
    page_size,
    position_of,
)
from concord.chassis.http.problems import DomainStatuses, problem, refusal
from concord.chassis.http.streams import begun

__all__ = [
    "BODY_BYTES_MAX",
    "BYTE_ORDER_MARK",
    "JSON_DEPTH_MAX",
    "NO_HEAD",
    "PAGE_BYTES_MAX",
    "PAGE_DEFAULT",
    "PAGE_MAX",
    "AnyId",
    "DomainStatuses",
    "HotRoute",
    "Limit",
    "Limits",
    "Overlong",
    "Page",
    "Whole",
    "allow_body",
    "application",
    "begun",
    "check_depth",
    "cursor_of",
    "decode",
    "decode_each",
    "decode_line",
    "documented",
    "fitting",
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
    "whole_body",
]
