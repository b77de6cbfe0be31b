"""All doors with their calls, and all operations."""

from __future__ import annotations

from service.endpoints.admin import ADMIN
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
    (Door.ADMINISTRATOR, "/v1/admin"): ADMIN,
    (Door.PRIVACY, "/v1/privacy"): PRIVACY,
}

OPERATIONS = tuple(endpoint.operation for endpoints in (*DOORS.values(), PUBLIC) for endpoint in endpoints)
