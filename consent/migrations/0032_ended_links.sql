-- A source's ended links are listed by their random ids, so that neither order nor cursor tells when a consent ended.
CREATE INDEX account_link_ended ON account_link (source_id, link_id) WHERE state = 'ended' AND acknowledged_at IS NULL;
CREATE INDEX farewell_ended ON farewell (source_id, link_id) WHERE acknowledged_at IS NULL;
DROP INDEX farewell_feed;
