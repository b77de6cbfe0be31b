"""All doors with their calls, and all operations."""

from __future__ import annotations

from service.endpoints.privacy import PRIVACY
from service.endpoints.public import PUBLIC
from service.endpoints.resident import RESIDENT
from service.endpoints.source import SOURCE
from service.endpoints.venue import VENUE
from service.identity import Door

DOORS = {
    (Door.RESIDENT, "/v1/me"): RESIDENT,
    (Door.SOURCE, "/v1/source"): SOURCE,
    (Door.VENUE, "/v1/venue"): VENUE,
    (Door.ADMINISTRATOR, "/v1/admin"): (),
    (Door.PRIVACY, "/v1/privacy"): PRIVACY,
}
"""Administrators have their door from the first day; what stands behind it comes later."""

OPERATIONS = tuple(endpoint.operation for endpoints in (*DOORS.values(), PUBLIC) for endpoint in endpoints)
