"""All doors with their calls, and all operations."""

from __future__ import annotations

from service.api.admin.routes import ADMIN
from service.api.privacy.routes import PRIVACY
from service.api.public.routes import PUBLIC
from service.api.resident.routes import RESIDENT
from service.api.source.routes import SOURCE
from service.api.venue.routes import VENUE
from service.auth.access_tokens import Door

DOORS = {
    (Door.RESIDENT, "/v1/me"): RESIDENT,
    (Door.SOURCE, "/v1/source"): SOURCE,
    (Door.VENUE, "/v1/venue"): VENUE,
    (Door.ADMINISTRATOR, "/v1/admin"): ADMIN,
    (Door.PRIVACY, "/v1/privacy"): PRIVACY,
}

OPERATIONS = tuple(endpoint.operation for endpoints in (*DOORS.values(), PUBLIC) for endpoint in endpoints)
