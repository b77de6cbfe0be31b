-- Public keys of receipts and logs, the retired ones too: what they have signed must verify for ever.
CREATE TABLE public_key (
  key_id TEXT NOT NULL PRIMARY KEY,
  key_use TEXT NOT NULL,
  document TEXT NOT NULL,
  published_at BIGINT NOT NULL,
  active_from BIGINT NOT NULL,
  retired_at BIGINT
);
