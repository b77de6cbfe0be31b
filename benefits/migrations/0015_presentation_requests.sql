-- Requests of venues for a pass in a wallet (OpenID4VP), each answered once. No person is in it.
CREATE TABLE presentation_request (
  request_id TEXT NOT NULL PRIMARY KEY,
  venue_id TEXT NOT NULL,
  benefit_id TEXT NOT NULL,
  nonce TEXT NOT NULL,
  state TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  answered_at BIGINT,
  redemption_id TEXT
);
CREATE INDEX presentation_request_to_delete ON presentation_request (expires_at);
