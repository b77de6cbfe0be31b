-- An eighth kind of document: issuers, other cities whose passes count here.
ALTER TABLE document DROP CONSTRAINT document_kind_check;
ALTER TABLE document ADD CONSTRAINT document_kind_check CHECK (kind IN ('providers', 'venues', 'sources', 'services', 'benefits', 'schemes', 'notices', 'issuers'));
