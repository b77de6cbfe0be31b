// SQL, as few round trips as a transaction with row locks allows. Every statement is prepared once a connection.
const CLOCK = '(extract(epoch FROM clock_timestamp()) * 1000000)::bigint';
const STATE = `${CLOCK} AS at, k.changes, (SELECT withheld FROM log_head WHERE log = 'consent') AS withheld`;
const BALANCE = `s.total, s.dimensions, s.scheme_version, s.timeline_sha256, s.as_of, s.valid_until, s.covered_until,
  s.covered_from, s.person_id IS NOT NULL AS has_balance`;
const CHAIN = `
chained AS (UPDATE person SET events = $4, last_leaf = $5 WHERE person_id = $3),
appended AS (INSERT INTO event (person_id, number, leaf_hash, kind, at, sealed) VALUES ($3, $4, $5, $6, $7, $8)),
queued AS (INSERT INTO outbox (leaf_hash, leaf, log, put_at) VALUES ($5, $9, 'consent', $10))`;
const ANSWER = (status) => `UPDATE stored_answer SET status = ${status}, sealed_body = $2 WHERE scope = $1`;

const statement = (name, text) => (values) => ({ name, text, values });

export const readState = statement('read_state', `SELECT ${STATE} FROM catalogue_state k`);

export const readDocuments = statement(
  'read_documents',
  `SELECT kind, document_id, version, state, body, in_force_from, ended_at FROM document
    WHERE in_force_from IS NOT NULL AND kind IN ('schemes', 'providers', 'venues', 'services', 'benefits')
    ORDER BY kind, document_id, in_force_from, version`,
);

export const readPoints = statement(
  'read_points',
  `SELECT ${STATE}, ${BALANCE} FROM catalogue_state k
    LEFT JOIN subject i ON i.subject_index = $1
    LEFT JOIN person p ON p.person_id = i.person_id
    LEFT JOIN snapshot s ON s.person_id = p.person_id AND s.epoch = p.epoch`,
);

export const claim = statement(
  'claim',
  `INSERT INTO stored_answer (scope, caller_index, fingerprint, status, sealed_body, created_at)
   VALUES ($1, $2, $3, 0, '', (extract(epoch FROM date_trunc('hour', clock_timestamp())) * 1000000)::bigint)
   ON CONFLICT DO NOTHING RETURNING 1`,
);

export const readAnswer = statement(
  'read_answer',
  'SELECT fingerprint, status, sealed_body FROM stored_answer WHERE scope = $1',
);

export const lockTicket = statement(
  'lock_ticket',
  `SELECT ${STATE}, t.venue_id, t.benefit_id, t.redemption_id, t.expires_at AS ticket_expires_at,
          p.person_id, p.events, p.last_leaf, p.wrapped_key, p.sealed_subject,
          c.given_at, c.expires_at AS consent_expires_at, ${BALANCE}
     FROM catalogue_state k
     JOIN ticket t ON t.handle_index = $1
     JOIN person p ON p.person_id = t.person_id
     LEFT JOIN consent c ON c.person_id = p.person_id AND c.purpose = 'benefit.check' AND c.counterpart = $2
      AND c.state = 'given'
     LEFT JOIN snapshot s ON s.person_id = p.person_id AND s.epoch = p.epoch
      FOR UPDATE OF t, p`,
);

export const take = statement(
  'take',
  `INSERT INTO quota_use (quota_key, taken, ends_on) VALUES ($1, 1, $2)
   ON CONFLICT (quota_key) DO UPDATE SET taken = quota_use.taken + 1 WHERE quota_use.taken < $3 RETURNING taken`,
);

export const giveBack = statement(
  'give_back',
  'UPDATE quota_use SET taken = taken - 1 WHERE quota_key = $1 AND taken > 0',
);

export const writeYes = statement(
  'write_yes',
  `WITH ${CHAIN},
   spent AS (UPDATE ticket SET redemption_id = $11, counters = $12 WHERE handle_index = $13),
   booked AS (INSERT INTO redemption (redemption_id, handle_index, venue_id, benefit_id, benefit_version, day, hour,
     state, runs_until) VALUES ($11, $13, $14, $15, $16, $17, $18, 'redeemed', $19))
   ${ANSWER(201)}`,
);

export const writeNo = statement('write_no', `WITH ${CHAIN} ${ANSWER(200)}`);

export const writeNothing = statement(
  'write_nothing',
  `WITH queued AS (INSERT INTO outbox (leaf_hash, leaf, log, put_at) VALUES ($3, $4, 'consent', $5)) ${ANSWER(200)}`,
);
