"""All endpoints by audience and path prefix, and all operations of the API."""

from __future__ import annotations

from service.api.admin.routes import ADMIN
from service.api.city_app.routes import CITY_APP
from service.api.privacy.routes import PRIVACY
from service.api.public.routes import PUBLIC
from service.api.resident.routes import RESIDENT
from service.api.source.routes import SOURCE
from service.api.venue.routes import VENUE
from service.auth.access_tokens import Audience

AUDIENCES = {
    (Audience.RESIDENT, "/v1/me"): RESIDENT,
    (Audience.SOURCE, "/v1/source"): SOURCE,
    (Audience.VENUE, "/v1/venue"): VENUE,
    (Audience.ADMINISTRATOR, "/v1/admin"): ADMIN,
    (Audience.PRIVACY, "/v1/privacy"): PRIVACY,
    (Audience.CITY_APP, "/v1/app"): CITY_APP,
}

OPERATIONS = tuple(endpoint.operation for endpoints in (*AUDIENCES.values(), PUBLIC) for endpoint in endpoints)
