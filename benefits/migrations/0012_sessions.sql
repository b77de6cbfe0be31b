-- Sessions that a venue adds for a benefit, their places, and who has booked one.
CREATE TABLE added_session (
  session_id TEXT NOT NULL PRIMARY KEY,
  venue_id TEXT NOT NULL,
  benefit_id TEXT NOT NULL,
  begins_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  places INTEGER NOT NULL CHECK (places > 0),
  taken INTEGER NOT NULL CHECK (taken >= 0 AND taken <= places)
);
CREATE INDEX added_session_of_benefit ON added_session (benefit_id, begins_at);
CREATE TABLE booking (
  person_id TEXT NOT NULL,
  booking_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  benefit_id TEXT NOT NULL,
  venue_id TEXT NOT NULL,
  begins_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  PRIMARY KEY (person_id, booking_id)
);
CREATE INDEX booking_to_delete ON booking (ends_at);
