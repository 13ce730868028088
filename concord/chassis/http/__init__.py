"""The HTTP door: an application factory, bodies, pages, and refusals that name the field and the cure."""

from concord.chassis.http.application import application, unguarded_routes
from concord.chassis.http.bodies import allow_body, decode, field_error, json_answer, read_json, read_lines
from concord.chassis.http.limits import BODY_BYTES_MAX, JSON_DEPTH_MAX, Limits
from concord.chassis.http.pages import PAGE_DEFAULT, PAGE_MAX, Page, cursor_of, page_size, position_of
from concord.chassis.http.problems import DomainStatuses, problem, refusal

__all__ = [
    "BODY_BYTES_MAX",
    "JSON_DEPTH_MAX",
    "PAGE_DEFAULT",
    "PAGE_MAX",
    "DomainStatuses",
    "Limits",
    "Page",
    "allow_body",
    "application",
    "cursor_of",
    "decode",
    "field_error",
    "json_answer",
    "page_size",
    "position_of",
    "problem",
    "read_json",
    "read_lines",
    "refusal",
    "unguarded_routes",
]
