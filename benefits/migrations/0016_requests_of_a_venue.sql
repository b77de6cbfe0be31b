-- The requests of a venue are counted before each new one.
CREATE INDEX presentation_request_of_venue ON presentation_request (venue_id, expires_at);
