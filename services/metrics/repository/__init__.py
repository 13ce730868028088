"""Where metrics' facts are found, by place: a row a unit, a row a lot, and the sums that are derived from rows."""

from services.metrics.repository.repository import Repository
from services.metrics.repository.rows import CLOSED_KEPT_US, Rows

__all__ = ["CLOSED_KEPT_US", "Repository", "Rows"]
